/* SPDX-License-Identifier: MIT */
#include "monitor/debug/lineedit.h"

#include <errno.h>
#include <histedit.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { HISTORY_LINES = 1000, COLUMNS = 80 };

struct lineedit {
    EditLine *el;
    History *history;
    char *file;
    const char *prompt;
    char *line;
    lineedit_complete_fn *complete;
    void *ctx;
    bool (*wait)(void *ctx, int fd);
    void *wait_ctx;
    bool interrupted;
    volatile sig_atomic_t stop;
};

static struct lineedit *self(EditLine *el)
{
    void *l = NULL;
    el_get(el, EL_CLIENTDATA, &l);
    return l;
}

static char *prompt(EditLine *el)
{
    return (char *)(uintptr_t)self(el)->prompt;
}

/* One byte; false at the end of the input, or when lineedit_stop() asks for it. */
static bool get_byte(struct lineedit *l, unsigned char *b)
{
    for (;;) {
        if (l->wait && !l->stop && l->wait(l->wait_ctx, STDIN_FILENO))
            el_set(l->el, EL_REFRESH);
        ssize_t n = l->stop ? 0 : read(STDIN_FILENO, b, 1);
        if (n == 1)
            return true;
        if (n == 0 || errno != EINTR)
            return false;
        el_resize(l->el); /* a signal: the window's size may have changed */
    }
}

/* libedit's own reader would go on after a signal. UTF-8 is put together; what is none passes as it is. */
static int get_char(EditLine *el, wchar_t *c)
{
    struct lineedit *l = self(el);
    unsigned char b, more;
    if (!get_byte(l, &b))
        return 0;
    unsigned n = b >= 0xf0 ? 3 : b >= 0xe0 ? 2 : b >= 0xc0 ? 1 : 0;
    *c = n == 0 ? b : b & (0x3f >> n);
    while (n-- > 0) {
        if (!get_byte(l, &more))
            return 0;
        *c = (wchar_t)((unsigned)*c << 6 | (more & 0x3f));
    }
    return 1;
}

static unsigned char on_interrupt(EditLine *el, int c)
{
    (void)c;
    self(el)->interrupted = true;
    fputs("^C\n", stdout);
    fflush(stdout);
    return CC_EOF;
}

static unsigned char on_suspend(EditLine *el, int c)
{
    (void)c;
    el_set(el, EL_PREP_TERM, 0);
    kill(getpid(), SIGTSTP);
    el_set(el, EL_PREP_TERM, 1);
    return CC_REDISPLAY;
}

/* ---- Completion ---- */

static void list_candidates(char **all, size_t n)
{
    struct winsize w;
    size_t width = 0, columns = COLUMNS;
    if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_col)
        columns = w.ws_col;
    for (size_t i = 0; i < n; i++)
        width = strlen(all[i]) > width ? strlen(all[i]) : width;
    size_t per_line = columns / (width + 2) ? columns / (width + 2) : 1;
    for (size_t i = 0; i < n; i++)
        printf("%s%-*s", i % per_line ? "  " : "\n", (int)width, all[i]);
    printf("\n");
    fflush(stdout);
}

static size_t common_prefix(char **all, size_t n)
{
    size_t len = strlen(all[0]);
    for (size_t i = 1; i < n; i++) {
        size_t k = 0;
        while (k < len && all[0][k] == all[i][k])
            k++;
        len = k;
    }
    return len;
}

static unsigned char on_tab(EditLine *el, int c)
{
    struct lineedit *l = self(el);
    const LineInfo *info = el_line(el);
    size_t cursor = (size_t)(info->cursor - info->buffer), start = cursor, n = 0;
    char *line = strndup(info->buffer, (size_t)(info->lastchar - info->buffer));
    unsigned char result = CC_REFRESH_BEEP;
    (void)c;
    char **all = line && l->complete ? l->complete(l->ctx, line, cursor, &start) : NULL;
    while (all && all[n])
        n++;
    if (n) {
        size_t typed = cursor - start, common = common_prefix(all, n);
        if (common > typed || n == 1) {
            char text[256];
            snprintf(text, sizeof text, "%.*s%s", (int)(common - typed), all[0] + typed,
                     n == 1 && common && !strchr(" /=:.", all[0][common - 1]) ? " " : "");
            el_insertstr(el, text);
            result = CC_REFRESH;
        } else {
            list_candidates(all, n);
            result = CC_REDISPLAY;
        }
    }
    for (size_t i = 0; i < n; i++)
        free(all[i]);
    free(all);
    free(line);
    return result;
}

/* ---- */

struct lineedit *lineedit_new(const char *history_file, lineedit_complete_fn *complete, void *ctx)
{
    HistEvent ev;
    struct lineedit *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->complete = complete;
    l->ctx = ctx;
    l->prompt = "";
    l->file = history_file ? strdup(history_file) : NULL;
    l->history = history_init();
    l->el = el_init("vitrine", stdin, stdout, stderr);
    if (!l->history || !l->el) {
        lineedit_free(l);
        return NULL;
    }
    history(l->history, &ev, H_SETSIZE, HISTORY_LINES);
    history(l->history, &ev, H_SETUNIQUE, 1);
    if (l->file)
        history(l->history, &ev, H_LOAD, l->file);
    el_set(l->el, EL_CLIENTDATA, l);
    el_set(l->el, EL_PROMPT, prompt);
    el_set(l->el, EL_EDITOR, "emacs");
    el_set(l->el, EL_HIST, history, l->history);
    el_set(l->el, EL_SIGNAL, 0);
    el_set(l->el, EL_GETCFN, get_char);
    el_wset(l->el, EL_ADDFN, L"vitrine-complete", L"complete the word", on_tab);
    el_wset(l->el, EL_ADDFN, L"vitrine-interrupt", L"give up the line", on_interrupt);
    el_wset(l->el, EL_ADDFN, L"vitrine-suspend", L"stop the program", on_suspend);
    el_set(l->el, EL_BIND, "^I", "vitrine-complete", NULL);
    el_set(l->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_set(l->el, EL_BIND, "\033[1;5C", "em-next-word", NULL);
    el_set(l->el, EL_BIND, "\033[1;5D", "ed-prev-word", NULL);
    el_set(l->el, EL_BIND, "\033[3~", "ed-delete-next-char", NULL);
    el_source(l->el, NULL); /* the user's ~/.editrc */
    /* Ctrl-C and Ctrl-Z are keys here. */
    el_set(l->el, EL_SETTY, "-d", "-isig", NULL);
    el_set(l->el, EL_BIND, "^C", "vitrine-interrupt", NULL);
    el_set(l->el, EL_BIND, "^Z", "vitrine-suspend", NULL);
    return l;
}

void lineedit_free(struct lineedit *l)
{
    HistEvent ev;
    if (!l)
        return;
    if (l->history && l->file)
        history(l->history, &ev, H_SAVE, l->file);
    if (l->el)
        el_end(l->el);
    if (l->history)
        history_end(l->history);
    free(l->file);
    free(l->line);
    free(l);
}

const char *lineedit_read(struct lineedit *l, const char *prompt_text, enum lineedit_end *end)
{
    int n = 0;
    l->prompt = prompt_text;
    l->interrupted = false;
    const char *line = el_gets(l->el, &n);
    *end = l->interrupted ? LINEEDIT_INTERRUPTED : line && n > 0 ? LINEEDIT_LINE : LINEEDIT_EOF;
    if (l->interrupted)
        el_reset(l->el);
    if (*end != LINEEDIT_LINE)
        return NULL;
    free(l->line);
    l->line = strndup(line, strcspn(line, "\r\n"));
    return l->line ? l->line : "";
}

void lineedit_set_wait(struct lineedit *l, bool (*fn)(void *ctx, int fd), void *ctx)
{
    l->wait = fn;
    l->wait_ctx = ctx;
}

void lineedit_lend(struct lineedit *l, bool on)
{
    el_set(l->el, EL_PREP_TERM, !on);
}

void lineedit_remember(struct lineedit *l, const char *line)
{
    HistEvent ev;
    history(l->history, &ev, H_ENTER, line);
}

void lineedit_stop(struct lineedit *l)
{
    l->stop = 1;
}
