/* SPDX-License-Identifier: MIT */
#include "monitor/recorder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "monitor/trace/format.h"
#include "monitor/trace/trace.h"

/* A byte to or from the console: hundreds of them say less than one trap. */
static bool is_chatter(const struct event *e)
{
    enum { PUTCHAR = 1, GETCHAR = 2, DBCN = 0x4442434e };
    if (e->kind == EV_SBI || e->kind == EV_SBI_RET)
        return e->a[0] == PUTCHAR || e->a[0] == GETCHAR || e->a[0] == DBCN;
    return e->kind == EV_MMIO && e->text && !strcmp(e->text, "uart");
}

bool recorder_repeats(const struct event_hub *hub, uint64_t n)
{
    if (!n || hub->count - n >= EVENT_RING)
        return false;
    const struct event *a = &hub->ring[(n - 1) % EVENT_RING], *b = &hub->ring[n % EVENT_RING];
    return a->kind == b->kind && a->hart == b->hart && a->mode == b->mode && a->pc == b->pc && a->text == b->text &&
           !memcmp(a->a, b->a, event_rows[a->kind].nargs * sizeof a->a[0]);
}

/* Is it one of those for people? */
static bool is_news(const struct event_hub *hub, uint64_t n)
{
    return !is_chatter(&hub->ring[n % EVENT_RING]) && !recorder_repeats(hub, n);
}

/* How far back the last n events reach that are news. */
static uint64_t reach(const struct event_hub *hub, uint64_t n)
{
    uint64_t kept = min_u64(hub->count, EVENT_RING), back = 0;
    while (back < kept && n) {
        back++;
        n -= is_news(hub, hub->count - back);
    }
    return back;
}

/* The last n events to f, all or the news only. False: out of memory. */
static bool tell(struct machine *m, const struct trace_format *format, struct trace_file *f, uint64_t n, bool all)
{
    const struct event_hub *hub = machine_events(m);
    struct trace_source source;
    trace_source_init(&source, m);
    struct trace_state *t = format->open(&source, f, hub->recorded);
    if (!t)
        return false;
    for (uint64_t i = hub->count - n; i < hub->count; i++)
        if (all || is_news(hub, i))
            format->event(t, &hub->ring[i % EVENT_RING]);
    format->close(t);
    return true;
}

void recorder_print(struct machine *m, const char *whose, unsigned last)
{
    const struct event_hub *hub = machine_events(m);
    uint64_t n = reach(hub, last);
    struct trace_file *f = n ? trace_file_open(NULL, "flight recorder", NULL) : NULL;
    if (!f)
        return;
    fprintf(
        stderr,
        "vitrine: %sthe last of %" PRIu64
        " recorded events, without console input and output and repetitions (all that are kept: --post-mortem FILE):\n",
        whose, hub->count);
    (void)tell(m, trace_format(0), f, n, false);
    (void)!trace_file_close(f, NULL);
}

int recorder_write(struct machine *m, const char *file, struct err *e)
{
    struct err why = {.text = ""};
    struct trace_file *f = trace_file_open(file, "--post-mortem", e);
    if (!f)
        return -EINVAL;
    bool told = tell(m, trace_format_of_file(file), f, min_u64(machine_events(m)->count, EVENT_RING), true);
    int rc = trace_file_close(f, &why);
    if (!told)
        return err_set(e, -ENOMEM, "--post-mortem: out of memory");
    return rc ? err_set(e, rc, "--post-mortem: %s", why.text) : 0;
}
