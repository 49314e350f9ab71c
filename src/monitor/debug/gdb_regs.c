/* SPDX-License-Identifier: MIT */
/* g G p P: registers by gdb's numbers (enum DEBUG_REG_* of debugger.h), little-endian. */
#include "monitor/debug/gdb_int.h"

#include <string.h>

/* Those of a g packet: x0..x31, pc, and f0..f31 where there are any. The others are asked for one by one. */
static unsigned packed(const struct hart *h)
{
    return h->isa.f ? DEBUG_REG_CSR : DEBUG_REG_F;
}

/* Bytes that the client's description gives a register. */
static unsigned size_of(const struct hart *h, unsigned n)
{
    return n >= DEBUG_REG_F && n < DEBUG_REG_CSR && !h->isa.d ? 4 : 8;
}

void gdb_read_all(struct gdb *g, const char *args, const char *end)
{
    struct hart *h = gdb_hart(g, g->hart);
    if (args != end) {
        gdb_error(g, GDB_E_ARGUMENT, "g takes nothing");
        return;
    }
    for (unsigned n = 0; n < packed(h); n++) {
        uint64_t v = 0;
        (void)debugger_reg_read(g->d, h, n, &v);
        gdb_put_hex(g, &v, size_of(h, n));
    }
}

/* A shorter or a longer packet than g's is refused, whole. */
void gdb_write_all(struct gdb *g, const char *args, const char *end)
{
    struct hart *h = gdb_hart(g, g->hart);
    size_t size = 0;
    for (unsigned n = 0; n < packed(h); n++)
        size += size_of(h, n);
    if ((size_t)(end - args) != 2 * size || !gdb_hex_bytes(args, size, g->bytes)) {
        gdb_error(g, GDB_E_ARGUMENT, "not the registers that g gives");
        return;
    }
    const uint8_t *p = g->bytes;
    for (unsigned n = 0; n < packed(h); n++) {
        uint64_t v = size_of(h, n) == 4 ? MASK(63, 32) : 0; /* a single is NaN-boxed */
        memcpy(&v, p, size_of(h, n));
        p += size_of(h, n);
        (void)debugger_reg_write(g->d, h, n, v);
    }
    gdb_put(g, "OK");
}

void gdb_read_one(struct gdb *g, const char *args, const char *end)
{
    struct hart *h = gdb_hart(g, g->hart);
    uint64_t n, v;
    if (!gdb_hex_u64(&args, &n) || args != end || n > DEBUG_REG_PRIV) {
        gdb_error(g, GDB_E_ARGUMENT, "no such register");
        return;
    }
    if (!debugger_reg_read(g->d, h, (unsigned)n, &v)) {
        gdb_error(g, GDB_E_ARGUMENT, "this hart has no such register");
        return;
    }
    gdb_put_hex(g, &v, size_of(h, (unsigned)n));
}

void gdb_write_one(struct gdb *g, const char *args, const char *end)
{
    struct hart *h = gdb_hart(g, g->hart);
    uint64_t n, v;
    if (!gdb_hex_u64(&args, &n) || n > DEBUG_REG_PRIV || !gdb_eat(&args, '=')) {
        gdb_error(g, GDB_E_ARGUMENT, "no such register");
        return;
    }
    unsigned size = size_of(h, (unsigned)n);
    v = size == 4 ? MASK(63, 32) : 0;
    if ((size_t)(end - args) != 2 * size || !gdb_hex_bytes(args, size, (uint8_t *)&v)) {
        gdb_error(g, GDB_E_ARGUMENT, "not a value of the register's size");
        return;
    }
    if (n == 0) /* x0 takes every write */
        gdb_put(g, "OK");
    else if (debugger_reg_write(g->d, h, (unsigned)n, v))
        gdb_put(g, "OK");
    else
        gdb_error(g, GDB_E_REFUSED, "the register is read-only, or this hart has none");
}
