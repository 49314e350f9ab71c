/* SPDX-License-Identifier: MIT */
/* m x M X: memory, at virtual addresses of the selected hart or at physical ones. Devices are neither read nor written: a client reads ahead of
 * what its user asked for, and a register may change by being read. */
#include "monitor/debug/gdb_int.h"

static enum debug_space space(const struct gdb *g)
{
    return g->physical ? SPACE_HPA : SPACE_GVA;
}

/* "addr,length" */
static bool range(const char **p, uint64_t *addr, uint64_t *len)
{
    return gdb_hex_u64(p, addr) && gdb_eat(p, ',') && gdb_hex_u64(p, len);
}

/* Reads into g->bytes as much as there is and as fits in an answer of max bytes. */
static bool read_memory(struct gdb *g, const char *args, const char *end, size_t max, size_t *n)
{
    uint64_t addr, len;
    if (!range(&args, &addr, &len) || args != end) {
        gdb_error(g, GDB_E_ARGUMENT, "not an address and a length");
        return false;
    }
    *n = debugger_read(g->d, gdb_hart(g, g->hart), space(g), addr, g->bytes, min_u64(len, max));
    if (len && !*n)
        gdb_error(g, GDB_E_MEMORY, g->physical ? "no memory there" : "not mapped, or no memory there");
    return *n || !len;
}

void gdb_read_hex(struct gdb *g, const char *args, const char *end)
{
    size_t n;
    if (read_memory(g, args, end, GDB_PACKET_MAX / 2, &n))
        gdb_put_hex(g, g->bytes, n);
}

void gdb_read_binary(struct gdb *g, const char *args, const char *end)
{
    size_t n;
    if (!read_memory(g, args, end, GDB_PACKET_MAX / 2, &n)) /* even if each byte is escaped, it is within PacketSize */
        return;
    gdb_put(g, "b");
    gdb_put_bytes(g, g->bytes, n);
}

/* All or an error: with an error the bytes before the first that cannot be written are written. */
static void write_memory(struct gdb *g, uint64_t addr, const void *bytes, size_t n)
{
    if (debugger_write(g->d, gdb_hart(g, g->hart), space(g), addr, bytes, n) == n)
        gdb_put(g, "OK");
    else
        gdb_error(g, GDB_E_MEMORY,
                  g->physical ? "no writable memory there" : "not mapped, or no writable memory there");
}

void gdb_write_hex(struct gdb *g, const char *args, const char *end)
{
    uint64_t addr, len;
    if (!range(&args, &addr, &len) || !gdb_eat(&args, ':') || len > GDB_PACKET_MAX || (size_t)(end - args) != 2 * len ||
        !gdb_hex_bytes(args, len, g->bytes)) {
        gdb_error(g, GDB_E_ARGUMENT, "not an address, a length and as many bytes");
        return;
    }
    write_memory(g, addr, g->bytes, len);
}

void gdb_write_binary(struct gdb *g, const char *args, const char *end)
{
    uint64_t addr, len;
    if (!range(&args, &addr, &len) || !gdb_eat(&args, ':') || (uint64_t)(end - args) != len) {
        gdb_error(g, GDB_E_ARGUMENT, "not an address, a length and as many bytes");
        return;
    }
    write_memory(g, addr, args, len); /* of length 0: does the stub know X? */
}

void gdb_get_space(struct gdb *g, const char *args, const char *end)
{
    (void)args, (void)end;
    gdb_put(g, g->physical ? "1" : "0");
}

void gdb_set_space(struct gdb *g, const char *args, const char *end)
{
    if (end - args != 1 || (*args != '0' && *args != '1')) {
        gdb_error(g, GDB_E_ARGUMENT, "0 for virtual addresses, 1 for physical ones");
        return;
    }
    g->physical = *args == '1';
    gdb_put(g, "OK");
}
