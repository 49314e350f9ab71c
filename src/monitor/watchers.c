/* SPDX-License-Identifier: MIT */
#include "monitor/watchers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/profile.h"
#include "monitor/recorder.h"
#include "monitor/stats.h"
#include "monitor/trace/trace.h"

struct watchers {
    struct machine *machine;
    struct trace *trace[OPTIONS_TRACES];
    unsigned ntraces;
    struct stats_options stats_options;
    struct stats *stats;     /* NULL: not asked for */
    struct profile *profile; /* NULL: not asked for */
    const char *folded;      /* file for the profile's stacks; "" = none */
    const char *post_mortem;
    bool quiet;
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

static bool open_stats(struct watchers *w, const struct options *o, struct err *e)
{
    if (!o->stats)
        return true;
    if (stats_parse(&w->stats_options, o->stats, e))
        return false;
    w->stats = stats_open(w->machine, &w->stats_options);
    if (!w->stats)
        err_set(e, -ENOMEM, "--stats: out of memory");
    return w->stats;
}

static int print_stats(struct watchers *w, const struct watchers_end *end, struct err *e)
{
    const char *name = w->stats_options.file;
    FILE *f = name ? fopen(name, "w") : stderr;
    if (!f)
        return err_set(e, -errno, "--stats: %s: %s: name a file that can be written", name, strerror(errno));
    stats_print(w->stats, f, end->cpu, end->wall);
    if (fflush(f) || ferror(f) || (name && fclose(f)))
        return err_set(e, -EIO, "--stats: not all could be written to %s", name ? name : "standard error");
    return 0;
}

enum { PROFILE_ROWS = 30 };

static int print_profile(struct watchers *w, struct err *e)
{
    profile_print(w->profile, stderr, PROFILE_ROWS);
    if (!*w->folded)
        return 0;
    FILE *f = fopen(w->folded, "w");
    if (!f)
        return err_set(e, -errno, "--profile: %s: %s: name a file that can be written", w->folded, strerror(errno));
    profile_write_folded(w->profile, f);
    bool bad = fflush(f) || ferror(f);
    return fclose(f) || bad ? err_set(e, -EIO, "--profile: not all could be written to %s", w->folded) : 0;
}

struct watchers *watchers_open(struct machine *m, const struct options *o, struct err *e)
{
    struct watchers *w = calloc(1, sizeof *w);
    if (!w) {
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    w->machine = m;
    w->post_mortem = o->post_mortem;
    w->folded = o->profile;
    w->quiet = o->machine.quiet;
    w->profile = o->profile ? profile_open(m) : NULL;
    if (o->profile && !w->profile)
        err_set(e, -ENOMEM, "--profile: out of memory");
    else if (open_stats(w, o, e) && open_traces(w, o, e))
        return w;
    profile_close(w->profile);
    stats_close(w->stats);
    (void)!close_traces(w, NULL);
    free(w);
    return NULL;
}

void watchers_add_vm(struct watchers *w, unsigned vm, const struct symbols *symbols)
{
    for (unsigned i = 0; i < w->ntraces; i++)
        trace_add_vm(w->trace[i], vm, symbols);
}

void watchers_run(struct watchers *w, uint64_t max_insns, struct machine_result *r)
{
    uint64_t left = max_insns;
    if (!w->profile) {
        machine_run(w->machine, max_insns, r);
        return;
    }
    do {
        uint64_t before = machine_stats(w->machine)->insns, step = min_u64(left, PROFILE_STEP);
        machine_run(w->machine, step, r);
        left -= left == UINT64_MAX ? 0 : machine_stats(w->machine)->insns - before;
        if (r->end == MACHINE_BUDGET && step == PROFILE_STEP)
            profile_sample(w->profile);
    } while (r->end == MACHINE_BUDGET && left);
}

int watchers_close(struct watchers *w, const struct watchers_end *end, struct err *e)
{
    if (!w)
        return 0;
    int rc = close_traces(w, e);
    struct err why = {.text = ""};
    if (w->post_mortem && (end->badly || end->unfinished)) {
        int bad = recorder_write(w->machine, w->post_mortem, &why);
        if (bad && !rc)
            rc = err_set(e, bad, "%s", why.text);
    } else if (end->badly && !end->told && !w->quiet) {
        recorder_print(w->machine, "", RECORDER_LAST);
    }
    int bad = w->stats ? print_stats(w, end, &why) : 0;
    if (bad && !rc)
        rc = err_set(e, bad, "%s", why.text);
    stats_close(w->stats);
    bad = w->profile ? print_profile(w, &why) : 0;
    if (bad && !rc)
        rc = err_set(e, bad, "%s", why.text);
    profile_close(w->profile);
    free(w);
    return rc;
}
