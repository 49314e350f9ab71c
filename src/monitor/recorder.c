/* SPDX-License-Identifier: MIT */
#include "monitor/recorder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "monitor/trace/format.h"
#include "monitor/trace/trace.h"

/* The last n events to f. False: out of memory. */
static bool tell(struct machine *m, const struct trace_format *format, struct trace_file *f, uint64_t n)
{
    const struct event_hub *hub = machine_events(m);
    struct trace_source source;
    trace_source_init(&source, m);
    struct trace_state *t = format->open(&source, f, hub->recorded);
    if (!t)
        return false;
    for (uint64_t i = hub->count - n; i < hub->count; i++)
        format->event(t, &hub->ring[i % EVENT_RING]);
    format->close(t);
    return true;
}

void recorder_print(struct machine *m, unsigned last)
{
    const struct event_hub *hub = machine_events(m);
    uint64_t kept = min_u64(hub->count, EVENT_RING), n = min_u64(kept, last);
    struct trace_file *f = n ? trace_file_open(NULL, "flight recorder", NULL) : NULL;
    if (!f)
        return;
    fprintf(stderr,
            "vitrine: the last %" PRIu64 " of %" PRIu64 " recorded events (all that are kept: --post-mortem FILE):\n",
            n, hub->count);
    (void)tell(m, trace_format(0), f, n);
    (void)!trace_file_close(f, NULL);
}

int recorder_write(struct machine *m, const char *file, struct err *e)
{
    struct err why = {.text = ""};
    struct trace_file *f = trace_file_open(file, "--post-mortem", e);
    if (!f)
        return -EINVAL;
    bool told = tell(m, trace_format_of_file(file), f, min_u64(machine_events(m)->count, EVENT_RING));
    int rc = trace_file_close(f, &why);
    if (!told)
        return err_set(e, -ENOMEM, "--post-mortem: out of memory");
    return rc ? err_set(e, rc, "--post-mortem: %s", why.text) : 0;
}
