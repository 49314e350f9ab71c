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
    struct machine *m;
    struct decode_table *decoder;
    FILE *out;
    const char *name;
    struct hart_observer observer;
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
static void print_place(const struct trace_text *t, const struct hart *h, const char *mode, uint64_t pc)
{
    uint64_t off;
    const char *symbol = symbols_at(machine_symbols(t->m), pc, &off);
    fprintf(t->out, "%10" PRIu64 " hart%u %-2s %016" PRIx64, hart_instret(h), h->id, mode, pc);
    if (symbol)
        fprintf(t->out, " <%s+%#" PRIx64 ">", symbol, off);
}

static bool writes_f(enum insn_format f)
{
    return f == FMT_FL || f == FMT_FR || f == FMT_FRM || f == FMT_F4 || f == FMT_XTOF || f == FMT_XF;
}

static bool writes_nothing(enum insn_format f)
{
    return f == FMT_S || f == FMT_B || f == FMT_NONE || f == FMT_FENCE || f == FMT_CBO || f == FMT_FVMA ||
           f == FMT_HSV || f == FMT_FS;
}

static void retired(void *ctx, const struct hart *h, uint64_t pc, uint32_t raw)
{
    const struct trace_text *t = ctx;
    struct insn i = decode(t->decoder, raw);
    enum insn_format format = insn_rows[i.id].format;
    print_place(t, h, mode_name(h->priv, h->virt), pc);
    fprintf(t->out, "  %0*" PRIx32 "%*s %s", i.len * 2, i.raw, 8 - i.len * 2, "", insn_rows[i.id].name);
    if (writes_f(format))
        fprintf(t->out, "  f%u=%016" PRIx64, i.rd, h->f[i.rd]);
    else if (!writes_nothing(format) && i.rd)
        fprintf(t->out, "  x%u=%016" PRIx64, i.rd, h->x[i.rd]);
    fputc('\n', t->out);
}

static void trapped(void *ctx, const struct hart *h, const struct trap *trap, uint64_t pc, enum priv from,
                    bool from_virt)
{
    const struct trace_text *t = ctx;
    print_place(t, h, mode_name(from, from_virt), pc);
    fprintf(t->out, "  trap to %s: %s %" PRIu64 " (%s), tval %016" PRIx64, mode_name(h->priv, h->virt),
            trap->cause & CAUSE_INTERRUPT ? "interrupt" : "exception", trap->cause & ~CAUSE_INTERRUPT,
            cause_name(trap->cause), trap->tval);
    if (trap->tval2)
        fprintf(t->out, ", guest physical %016" PRIx64, trap->tval2 << 2);
    fprintf(t->out, ", handler %016" PRIx64 "\n", h->pc);
}

static int parse_kinds(struct trace_text *t, const char *kinds, struct err *e)
{
    for (const char *k = kinds; *k;) {
        size_t n = strcspn(k, ",");
        bool all = n == 3 && !strncmp(k, "all", n), insn = n == 4 && !strncmp(k, "insn", n),
             trap = n == 4 && !strncmp(k, "trap", n);
        if (!all && !insn && !trap)
            return err_set(e, -EINVAL, "--trace %.*s: no such kind: give insn, trap or all", (int)n, k);
        if (all || insn)
            t->observer.retired = retired;
        if (all || trap)
            t->observer.trapped = trapped;
        k += n + (k[n] == ',');
    }
    return 0;
}

static void watch(struct machine *m, const struct hart_observer *o)
{
    struct hart *h;
    for (unsigned i = 0; (h = machine_hart(m, i)); i++)
        h->observer = o;
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
    t->observer.ctx = t;
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
    watch(m, &t->observer);
    return t;
}

int trace_text_close(struct trace_text *t, struct err *e)
{
    if (!t)
        return 0;
    watch(t->m, NULL);
    bool bad = ferror(t->out) || fflush(t->out);
    if (t->out != stderr && fclose(t->out))
        bad = true;
    int r = bad ? err_set(e, -EIO, "--trace: not all could be written to %s: is the disk full?", t->name) : 0;
    decode_table_free(t->decoder);
    free(t);
    return r;
}
