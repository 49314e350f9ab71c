/* SPDX-License-Identifier: MIT */
#include "dev/chardev_int.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* All that end a process by default, but for SIGKILL, and those that stop and continue it. */
static const int signals_caught[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGPIPE,   SIGABRT, SIGSEGV,
                                     SIGBUS,  SIGILL,  SIGFPE,  SIGXCPU, SIGXFSZ,   SIGTRAP, SIGSYS,
                                     SIGUSR1, SIGUSR2, SIGALRM, SIGPROF, SIGVTALRM, SIGTSTP, SIGCONT};

/* The library's one mutable global. A signal handler and exit() know no context, and the terminal belongs to the process, not to a
 * machine: whoever holds it is recorded here. Handlers read it; it changes only while held is 0. */
static struct {
    volatile sig_atomic_t held;
    bool hooked; /* atexit() was called */
    int fd;
    struct termios cooked, raw;
    bool caught[ARRAY_LEN(signals_caught)]; /* ours; the others had a handler already */
} term;

/* A process in the background must not touch the terminal: the kernel would stop it. */
static void apply(const struct termios *t)
{
    int saved = errno;
    if (tcgetpgrp(term.fd) == getpgrp())
        tcsetattr(term.fd, TCSANOW, t);
    errno = saved;
}

static void catch (int sig);

static void set_action(int sig, void (*fn)(int))
{
    struct sigaction sa = {.sa_handler = fn, .sa_flags = SA_RESTART};
    sigemptyset(&sa.sa_mask);
    sigaction(sig, &sa, NULL);
}

/* Leaves raw mode and lets the signal do what it does by default. Only async-signal-safe calls. */
static void catch (int sig)
{
    int saved = errno;
    if (sig == SIGCONT) {
        if (term.held)
            apply(&term.raw);
        set_action(SIGTSTP, catch);
        errno = saved;
        return;
    }
    if (term.held)
        apply(&term.cooked);
    set_action(sig, SIG_DFL);
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, sig);
    raise(sig);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    errno = saved;
}

bool chardev_term_enter(int fd, bool signals)
{
    if (term.held || tcgetattr(fd, &term.cooked))
        return false;
    term.fd = fd;
    term.raw = term.cooked;
    term.raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    term.raw.c_oflag |= OPOST; /* our own messages on the same terminal end in a bare LF */
    term.raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN | (signals ? 0 : ISIG));
    term.raw.c_cflag = (term.raw.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
    term.raw.c_cc[VMIN] = 1;
    term.raw.c_cc[VTIME] = 0;

    if (!term.hooked) {
        atexit(chardev_term_leave);
        term.hooked = true;
    }
    for (size_t i = 0; i < ARRAY_LEN(signals_caught); i++) {
        struct sigaction old;
        term.caught[i] = !sigaction(signals_caught[i], NULL, &old) && old.sa_handler == SIG_DFL;
        if (term.caught[i])
            set_action(signals_caught[i], catch);
    }
    term.held = 1;
    apply(&term.raw);
    return true;
}

void chardev_term_leave(void)
{
    if (!term.held)
        return;
    apply(&term.cooked);
    term.held = 0;
    for (size_t i = 0; i < ARRAY_LEN(signals_caught); i++) {
        struct sigaction now;
        if (term.caught[i] && !sigaction(signals_caught[i], NULL, &now) && now.sa_handler == catch)
            set_action(signals_caught[i], SIG_DFL);
    }
}
