/* SPDX-License-Identifier: MIT */
/* What gdb reads of the machine as XML: registers, memory, threads. */
#include "monitor/debug/gdb_int.h"

#include "dev/bus.h"
#include "machine_int.h"
#include "monitor/names.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void gdb_window_printf(struct gdb_window *w, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t n = strlen(text);
    uint64_t skip = w->from > w->at ? min_u64(w->from - w->at, n) : 0;
    w->at += n;
    n -= skip;
    size_t part = min_u64(n, w->room - w->len);
    memcpy(w->to + w->len, text + skip, part);
    w->len += part;
    w->more |= part < n;
}

/* ---- Registers ---- */

static const char *reg_type(unsigned n)
{
    return n == DEBUG_REG_PC || n == 1 ? "code_ptr" : n == 2 || n == 3 || n == 4 || n == 8 ? "data_ptr" : "int";
}

/* The names are those by which gdb knows its numbers; the numbers are ours all the same. x8 is fp there. */
static void put_cpu(struct gdb_window *w)
{
    gdb_window_printf(w, "<feature name=\"org.gnu.gdb.riscv.cpu\">\n");
    for (unsigned n = 0; n <= DEBUG_REG_PC; n++)
        gdb_window_printf(w, "<reg name=\"%s\" bitsize=\"64\" type=\"%s\" regnum=\"%u\"/>\n",
                          n == 8 ? "fp" : debugger_reg_name(n), reg_type(n), n);
    gdb_window_printf(w, "</feature>\n");
}

static void put_fpu(struct gdb_window *w, const struct hart *h)
{
    gdb_window_printf(w, "<feature name=\"org.gnu.gdb.riscv.fpu\">\n");
    for (unsigned n = DEBUG_REG_F; n < DEBUG_REG_CSR; n++)
        gdb_window_printf(w, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\"/>\n", debugger_reg_name(n),
                          h->isa.d ? 64 : 32, h->isa.d ? "ieee_double" : "ieee_single", n);
    gdb_window_printf(w, "</feature>\n");
}

/* Every CSR of this hart. save-restore: a function that gdb calls in the guest is to leave them as it left them. */
static void put_csrs(struct gdb_window *w, struct gdb *g, struct hart *h)
{
    uint64_t v;
    gdb_window_printf(w, "<feature name=\"org.gnu.gdb.riscv.csr\">\n");
    for (unsigned n = DEBUG_REG_CSR; n < DEBUG_REG_PRIV; n++) {
        const char *name = debugger_reg_name(n);
        if (name && debugger_reg_read(g->d, h, n, &v))
            gdb_window_printf(
                w, "<reg name=\"%s\" bitsize=\"64\" type=\"int\" regnum=\"%u\" group=\"csr\" save-restore=\"no\"/>\n",
                name, n);
    }
    gdb_window_printf(w, "</feature>\n");
}

void gdb_xml_target(struct gdb *g, struct gdb_window *w)
{
    struct hart *h = gdb_hart(g, 0); /* all harts have the same */
    /* osabi none: with another one gdb believes in a system call's convention and steps over ecall and sret as if they were calls. */
    gdb_window_printf(w,
                      "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target version=\"1.0\">\n"
                      "<architecture>riscv:rv64</architecture>\n<osabi>none</osabi>\n");
    put_cpu(w);
    if (h->isa.f)
        put_fpu(w, h);
    put_csrs(w, g, h);
    gdb_window_printf(w,
                      "<feature name=\"org.gnu.gdb.riscv.virtual\">\n<reg name=\"priv\" bitsize=\"64\" type=\"int\" "
                      "regnum=\"%u\" group=\"system\" save-restore=\"no\"/>\n</feature>\n</target>\n",
                      DEBUG_REG_PRIV);
}

/* ---- Memory ---- */

static void put_memory(struct gdb_window *w, const char *type, uint64_t start, uint64_t length)
{
    if (length)
        gdb_window_printf(w, "<memory type=\"%s\" start=\"0x%" PRIx64 "\" length=\"0x%" PRIx64 "\"/>\n", type, start,
                          length);
}

/* The read-only region with the lowest address from `from` on. */
static const struct mem_region *next_rom(const struct bus *b, uint64_t from)
{
    const struct mem_region *r, *found = NULL;
    for (unsigned i = 0; (r = bus_memory(b, i)); i++)
        if (r->readonly && r->enabled && r->base >= from && (!found || r->base < found->base))
            found = r;
    return found;
}

/*
 * gdb refuses to touch what no entry holds, and to write what is called rom. It takes the map for one of all addresses that it uses, and
 * those are virtual where a hart translates: so everything but the ROMs is called ram, and these only while no hart translates.
 */
void gdb_xml_memory_map(struct gdb *g, struct gdb_window *w)
{
    bool physical = true;
    struct hart *h;
    for (unsigned n = 0; (h = gdb_hart(g, n)); n++)
        physical &= !h->virt && (h->priv == PRIV_M || !h->csr.satp);
    gdb_window_printf(
        w, "<?xml version=\"1.0\"?>\n<!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\" "
           "\"http://sourceware.org/gdb/gdb-memory-map.dtd\">\n<memory-map>\n");
    uint64_t at = 0;
    const struct mem_region *r;
    while (physical && (r = next_rom(machine_bus(g->m), at))) {
        put_memory(w, "ram", at, r->base - at);
        put_memory(w, "rom", r->base, r->size);
        at = r->base + r->size;
    }
    const uint64_t half = UINT64_C(1) << 63; /* 2^64 is no length */
    put_memory(w, "ram", at, half - at);
    put_memory(w, "ram", half, half);
    gdb_window_printf(w, "</memory-map>\n");
}

/* ---- Threads ---- */

void gdb_describe_hart(struct gdb *g, unsigned n, char *buf, size_t size)
{
    const struct hart *h = gdb_hart(g, n);
    const char *does = "";
    switch (g->m->state[n]) {
    case HART_RUNS: break;
    case HART_WAITS: does = ", waits (wfi)"; break;
    case HART_STUCK: does = ", traps for ever"; break;
    case HART_STOPPED: does = ", not started"; break;
    }
    snprintf(buf, size, "%s%s", name_priv(h->priv, h->virt), does);
}

void gdb_xml_threads(struct gdb *g, struct gdb_window *w)
{
    char text[64];
    gdb_window_printf(w, "<?xml version=\"1.0\"?>\n<threads>\n");
    for (unsigned n = 0; gdb_hart(g, n); n++) {
        gdb_describe_hart(g, n, text, sizeof text);
        gdb_window_printf(w, "<thread id=\"%x\" core=\"%u\" name=\"hart %u\">%s</thread>\n", n + 1, n, n, text);
    }
    gdb_window_printf(w, "</threads>\n");
}
