/* SPDX-License-Identifier: MIT */
#include "monitor/trace/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/decode.h"
#include "cpu/isa.h"
#include "symbols.h"

struct trace_text {
    struct event_sink sink; /* first: what emit() gets */
    struct machine *m;
    struct decode_table *decoder;
    FILE *out;
    const char *name;
};

static const char *mode_name(enum priv p, bool virt)
{
    switch (p) {
    case PRIV_U: return virt ? "VU" : "U";
    case PRIV_S: return virt ? "VS" : "S";
    case PRIV_M: return "M";
    }
    return "?";
}

static const char *cause_name(uint64_t cause)
{
    static const char *const exceptions[24] = {"instruction address misaligned",
                                               "instruction access fault",
                                               "illegal instruction",
                                               "breakpoint",
                                               "load address misaligned",
                                               "load access fault",
                                               "store address misaligned",
                                               "store access fault",
                                               "ecall from U",
                                               "ecall from S",
                                               "ecall from VS",
                                               "ecall from M",
                                               "instruction page fault",
                                               "load page fault",
                                               NULL,
                                               "store page fault",
                                               NULL,
                                               NULL,
                                               NULL,
                                               NULL,
                                               "instruction guest page fault",
                                               "load guest page fault",
                                               "virtual instruction",
                                               "store guest page fault"};
    static const char *const interrupts[13] = {NULL,          "S software", "VS software",   "M software", NULL,
                                               "S timer",     "VS timer",   "M timer",       NULL,         "S external",
                                               "VS external", "M external", "guest external"};
    uint64_t n = cause & ~CAUSE_INTERRUPT;
    const char *s = cause & CAUSE_INTERRUPT ? (n < ARRAY_LEN(interrupts) ? interrupts[n] : NULL)
                                            : (n < ARRAY_LEN(exceptions) ? exceptions[n] : NULL);
    return s ? s : "reserved cause";
}

/* The line's beginning: instructions retired by the hart, hart, mode, address and the symbol there. */
static void print_place(const struct trace_text *t, const struct event *e)
{
    uint64_t off;
    const char *symbol = symbols_at(machine_symbols(t->m), e->pc, &off);
    fprintf(t->out, "%10" PRIu64 " hart%u %-2s %016" PRIx64, e->insn, e->hart, mode_name(e->mode & 3, e->mode >> 2),
            e->pc);
    if (symbol)
        fprintf(t->out, " <%s+%#" PRIx64 ">", symbol, off);
}

static void print_insn(const struct trace_text *t, const struct event *e)
{
    struct insn i = decode(t->decoder, (uint32_t)e->a[0]);
    fprintf(t->out, "  %0*" PRIx32 "%*s %s", i.len * 2, i.raw, 8 - i.len * 2, "", insn_rows[i.id].name);
    if (e->a[1] < EVENT_REG_F)
        fprintf(t->out, "  x%u=%016" PRIx64, (unsigned)e->a[1], e->a[3]);
    else if (e->a[1] != EVENT_REG_NONE)
        fprintf(t->out, "  f%u=%016" PRIx64, (unsigned)e->a[1] - EVENT_REG_F, e->a[3]);
}

static void print_trap(const struct trace_text *t, const struct event *e)
{
    fprintf(t->out, "  trap to %s: %s %" PRIu64 " (%s), tval %016" PRIx64, mode_name(e->a[4] & 3, e->a[4] >> 2),
            e->a[0] & CAUSE_INTERRUPT ? "interrupt" : "exception", e->a[0] & ~CAUSE_INTERRUPT, cause_name(e->a[0]),
            e->a[1]);
    if (e->a[2])
        fprintf(t->out, ", guest physical %016" PRIx64, e->a[2]);
    fprintf(t->out, ", handler %016" PRIx64, e->a[5]);
}

static void emit(struct event_sink *s, const struct event *e)
{
    const struct trace_text *t = (const struct trace_text *)s;
    print_place(t, e);
    if (e->kind == EV_INSN)
        print_insn(t, e);
    else if (e->kind == EV_TRAP)
        print_trap(t, e);
    fputc('\n', t->out);
}

static int parse_kinds(struct trace_text *t, const char *kinds, struct err *e)
{
    char bad[64];
    if (!event_parse_kinds(kinds, &t->sink.kinds, bad, sizeof bad))
        return err_set(e, -EINVAL, "--trace %s: no such kind: give insn, trap or all", bad);
    t->sink.kinds &= BIT(EV_INSN) | BIT(EV_TRAP);
    return 0;
}

struct trace_text *trace_text_open(struct machine *m, const char *kinds, const char *file, struct err *e)
{
    struct trace_text *t = calloc(1, sizeof *t);
    if (!t) {
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    t->m = m;
    t->name = file ? file : "standard error";
    t->sink.emit = emit;
    t->decoder = decode_table_new(&machine_hart(m, 0)->isa);
    if (!t->decoder)
        err_set(e, -ENOMEM, "out of memory");
    else if (!parse_kinds(t, kinds, e)) {
        t->out = file ? fopen(file, "w") : stderr;
        if (!t->out)
            err_set(e, -errno, "--trace %s: %s: %s: name a file that can be written", kinds, file, strerror(errno));
    }
    if (!t->out) {
        decode_table_free(t->decoder);
        free(t);
        return NULL;
    }
    event_hub_add(machine_events(m), &t->sink);
    return t;
}

int trace_text_close(struct trace_text *t, struct err *e)
{
    if (!t)
        return 0;
    event_hub_remove(machine_events(t->m), &t->sink);
    bool bad = ferror(t->out) || fflush(t->out);
    if (t->out != stderr && fclose(t->out))
        bad = true;
    int r = bad ? err_set(e, -EIO, "--trace: not all could be written to %s: is the disk full?", t->name) : 0;
    decode_table_free(t->decoder);
    free(t);
    return r;
}
