/* SPDX-License-Identifier: MIT */
#include "monitor/watchers.h"

#include <errno.h>
#include <stdlib.h>

#include "monitor/trace/trace.h"

struct watchers {
    struct machine *machine;
    struct trace *trace[OPTIONS_TRACES];
    unsigned ntraces;
};

static int close_traces(struct watchers *w, struct err *e)
{
    int rc = 0;
    for (unsigned i = 0; i < w->ntraces; i++) {
        struct err why = {.text = ""};
        int bad = trace_close(w->trace[i], &why);
        if (bad && !rc)
            rc = err_set(e, bad, "%s", why.text);
    }
    w->ntraces = 0;
    return rc;
}

static bool open_traces(struct watchers *w, const struct options *o, struct err *e)
{
    for (unsigned i = 0; i < o->ntraces; i++) {
        const struct trace_options t = {o->traces[i].what, o->trace_file, o->traces[i].format};
        w->trace[i] = trace_open(w->machine, &t, e);
        if (!w->trace[i])
            return false;
        w->ntraces++;
    }
    return true;
}

struct watchers *watchers_open(struct machine *m, const struct options *o, struct err *e)
{
    struct watchers *w = calloc(1, sizeof *w);
    if (!w) {
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    w->machine = m;
    if (open_traces(w, o, e))
        return w;
    (void)!close_traces(w, NULL);
    free(w);
    return NULL;
}

void watchers_add_vm(struct watchers *w, unsigned vm, const struct symbols *symbols)
{
    for (unsigned i = 0; i < w->ntraces; i++)
        trace_add_vm(w->trace[i], vm, symbols);
}

uint64_t watchers_slice(const struct watchers *w, uint64_t left)
{
    (void)w;
    return left;
}

void watchers_sample(struct watchers *w)
{
    (void)w;
}

int watchers_close(struct watchers *w, const struct watchers_end *end, struct err *e)
{
    (void)end;
    if (!w)
        return 0;
    int rc = close_traces(w, e);
    free(w);
    return rc;
}
