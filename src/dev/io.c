/* SPDX-License-Identifier: MIT */
#include "dev/io.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct io_loop {
    struct io_source *first;
    struct io_source *walk; /* the next source that a walk over the list will visit */
    struct io_pollset set;
    int wake_fd;
    atomic_bool woken;
};

struct io_loop *io_loop_new(void)
{
    struct io_loop *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (l->wake_fd < 0) {
        free(l);
        return NULL;
    }
    atomic_init(&l->woken, false);
    return l;
}

void io_loop_free(struct io_loop *l)
{
    if (!l)
        return;
    close(l->wake_fd);
    free(l->set.fds);
    free(l);
}

void io_add_source(struct io_loop *l, struct io_source *s)
{
    struct io_source **p = &l->first;
    while (*p)
        p = &(*p)->next;
    s->next = NULL;
    *p = s;
}

void io_remove_source(struct io_loop *l, struct io_source *s)
{
    if (l->walk == s)
        l->walk = s->next;
    for (struct io_source **p = &l->first; *p; p = &(*p)->next)
        if (*p == s) {
            *p = s->next;
            return;
        }
}

int io_pollset_add(struct io_pollset *p, int fd, short events)
{
    if (p->count == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 16;
        struct pollfd *fds = realloc(p->fds, cap * sizeof *fds);
        if (!fds)
            return -1;
        p->fds = fds;
        p->cap = cap;
    }
    p->fds[p->count] = (struct pollfd){.fd = fd, .events = events};
    return (int)p->count++;
}

short io_pollset_revents(const struct io_pollset *p, int index)
{
    return index >= 0 && (size_t)index < p->count && !p->error ? p->fds[index].revents : 0;
}

void io_pollset_timeout(struct io_pollset *p, int ms)
{
    if (ms >= 0 && (p->timeout_ms < 0 || ms < p->timeout_ms))
        p->timeout_ms = ms;
}

/* The first source, then with each call the one after it, though sources may come and go in between. */
static struct io_source *walk_start(struct io_loop *l)
{
    struct io_source *s = l->first;
    l->walk = s ? s->next : NULL;
    return s;
}

static struct io_source *walk_next(struct io_loop *l)
{
    struct io_source *s = l->walk;
    l->walk = s ? s->next : NULL;
    return s;
}

int io_poll(struct io_loop *l, int timeout_ms)
{
    struct io_pollset *p = &l->set;
    p->count = 0;
    p->timeout_ms = timeout_ms;
    p->error = false;
    io_pollset_add(p, l->wake_fd, POLLIN);
    for (struct io_source *s = walk_start(l); s; s = walk_next(l))
        if (s->prepare)
            s->prepare(s, p);

    int n = poll(p->fds, p->count, io_woken(l) ? 0 : p->timeout_ms);
    p->error = n < 0;
    for (struct io_source *s = walk_start(l); s; s = walk_next(l))
        if (s->dispatch)
            s->dispatch(s, p);
    return n > 0 ? n - io_woken(l) : 0;
}

void io_wake(struct io_loop *l)
{
    int saved = errno;
    const uint64_t one = 1;
    atomic_store(&l->woken, true);
    ssize_t ignored = write(l->wake_fd, &one, sizeof one); /* fails only when it polls as readable anyway */
    (void)ignored;
    errno = saved;
}

bool io_woken(const struct io_loop *l)
{
    return atomic_load_explicit(&l->woken, memory_order_relaxed);
}

void io_clear_woken(struct io_loop *l)
{
    uint64_t count;
    ssize_t ignored = read(l->wake_fd, &count, sizeof count);
    (void)ignored;
    atomic_store(&l->woken, false);
}

int io_wake_fd(const struct io_loop *l)
{
    return l->wake_fd;
}

bool io_can_progress(struct io_loop *l)
{
    for (struct io_source *s = l->first; s; s = s->next)
        if (s->alive && s->alive(s))
            return true;
    return false;
}
