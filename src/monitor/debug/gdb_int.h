/* SPDX-License-Identifier: MIT */
/* What the files of the gdb stub share: gdb.c (session, table of packets), gdb_port.c (sockets), gdb_run.c (resuming, stops, breakpoints),
 * gdb_regs.c, gdb_mem.c, gdb_query.c, gdb_xml.c. */
#ifndef VITRINE_GDB_INT_H
#define VITRINE_GDB_INT_H

#include "monitor/debug/gdb.h"
#include "monitor/debug/gdb_wire.h"

enum {
    GDB_STOPS_MAX = 4096, /* break- and watchpoints of a client */
    GDB_SIGINT = 2,
    GDB_SIGTRAP = 5,
    GDB_SIGABRT = 6,
    GDB_SIGKILL = 9,
    GDB_SIGTERM = 15
};

/* qqemu.sstep: how an instruction is stepped. */
enum { SSTEP_ENABLE = 1, SSTEP_NOIRQ = 2, SSTEP_NOTIMER = 4, SSTEP_DEFAULT = 7 };

enum { GDB_ALL = -1, GDB_ANY = -2 };

/* What a resumption asks of one hart. */
enum gdb_action { GDB_STAYS, GDB_CONTINUES, GDB_STEPS };

struct gdb_port;

struct gdb {
    struct debugger *d;
    struct machine *m;
    struct gdb_wire wire;
    struct gdb_port *port;       /* NULL: a session without one */
    enum gdb_wire_event pending; /* heard, not yet acted on */
    bool connected;
    bool arrived, left; /* a client came, or went, and gdb_handle() is to act on it */
    bool held;          /* -S: nobody has let the machine run yet */
    bool in_run;
    bool interrupted; /* gdb_interrupt() was called, and no run has ended by it yet */
    enum gdb_state state;

    /* The client: what it can do, and what it chose. */
    bool swbreak, hwbreak, words; /* it knows these stop reasons; and errors in words */
    bool killed;                  /* by an extended one, which may run it again */
    bool extended;                /* target extended-remote: it stays when the guest has ended */
    bool physical;                /* memory is physical memory */
    unsigned sstep;               /* qqemu.sstep */
    unsigned hart;                /* of registers and memory: Hg */
    int run_hart;                 /* of c and s: Hc; GDB_ALL */
    unsigned nstops;
    struct debug_stop stop; /* what ? tells */

    /* The resumption that the client waits for. */
    enum gdb_action action[MACHINE_MAX_HARTS];
    unsigned step_hart;
    bool steps;
    uint64_t lo, hi; /* a range to step out of; empty: one instruction */
    int watched;     /* the client's watchpoint that stopped it last; 0: something else did */
    bool pretends;   /* the step that the client asks for has been done, see is_owed_step() */

    bool (*monitor)(void *ctx, const char *line, struct out *o);
    void *monitor_ctx;

    /* The answer being made. */
    bool silent; /* none */
    size_t len;
    char out[GDB_PACKET_MAX + 1];
    uint8_t bytes[GDB_PACKET_MAX];
    char text[GDB_PACKET_MAX]; /* of `monitor` */
    size_t text_len;
};

/* ---- gdb.c ---- */

/* Appends to the answer; what does not fit is lost. */
void gdb_put(struct gdb *g, const char *text);
PRINTF_LIKE(2, 3) void gdb_printf(struct gdb *g, const char *fmt, ...);
void gdb_put_hex(struct gdb *g, const void *bytes, size_t n);
void gdb_put_bytes(struct gdb *g, const void *bytes, size_t n);
/* The answer is an error: E and code, or the words where the client understands them. */
enum gdb_error { GDB_E_ARGUMENT = 0x22, GDB_E_MEMORY = 0x14, GDB_E_REFUSED = 0x01 };
void gdb_error(struct gdb *g, enum gdb_error code, const char *words);
/* Sends the answer so far as a packet of its own and begins another. */
void gdb_flush(struct gdb *g);
/* The hart with this thread's number; NULL: none. */
struct hart *gdb_hart(struct gdb *g, unsigned n);
/* Reads a thread id: a hart's number, GDB_ALL (-1) or GDB_ANY (0). False: none of these. */
MUST_USE bool gdb_thread(struct gdb *g, const char **p, int *hart);
/* The next byte, if it is c: moves behind it. */
bool gdb_eat(const char **p, char c);
/* Feeds the client's bytes until something is to be acted on, or n are used up; returns how many it took. */
size_t gdb_take(struct gdb *g, const uint8_t *bytes, size_t n);
/* Something is to be acted on that must not wait for the end of the run. */
void gdb_interrupt(struct gdb *g);

/* ---- gdb_port.c ---- */

MUST_USE int gdb_port_open(struct gdb *g, const char *spec, struct err *e);
void gdb_port_close(struct gdb *g);
const char *gdb_port_where(const struct gdb *g);
/* Gives what was read to gdb_take(), as far as the client reads what it is sent. */
void gdb_port_pump(struct gdb *g);
/* Sends what it can; wait: until little is left, or the client has not read for a few seconds. */
void gdb_port_flush(struct gdb *g, bool wait);
void gdb_port_hang_up(struct gdb *g);
/* No client can come (again): standard input has ended. */
bool gdb_port_finished(const struct gdb *g);

/* ---- gdb_xml.c: documents, made anew for each piece that is read ---- */

/* A window onto a text: what lies in [from, from + room) of it goes to `to`. */
struct gdb_window {
    uint64_t at, from;
    size_t room, len;
    char *to;
    bool more; /* there is text behind the window */
};
PRINTF_LIKE(2, 3) void gdb_window_printf(struct gdb_window *w, const char *fmt, ...);
void gdb_xml_target(struct gdb *g, struct gdb_window *w);
void gdb_xml_memory_map(struct gdb *g, struct gdb_window *w);
void gdb_xml_threads(struct gdb *g, struct gdb_window *w);
/* "S waits (wfi)" */
void gdb_describe_hart(struct gdb *g, unsigned n, char *buf, size_t size);

/* ---- Packets: args is what follows the row's prefix, NUL-terminated; it ends at end, and binary ones may hold NULs ---- */

typedef void gdb_packet(struct gdb *g, const char *args, const char *end);

gdb_packet gdb_read_all, gdb_write_all, gdb_read_one, gdb_write_one; /* gdb_regs.c */
gdb_packet gdb_read_hex, gdb_read_binary, gdb_write_hex, gdb_write_binary, gdb_get_space, gdb_set_space; /* gdb_mem.c */
gdb_packet gdb_reason, gdb_continue, gdb_continue_signal, gdb_step, gdb_step_signal, gdb_vcont,
    gdb_vcont_kinds; /* gdb_run.c */
gdb_packet gdb_insert, gdb_remove, gdb_kill, gdb_vkill, gdb_detach, gdb_restart, gdb_run_program, gdb_attach,
    gdb_reverse;
gdb_packet gdb_supported, gdb_transfer, gdb_current, gdb_first_threads, gdb_next_threads, gdb_thread_text,
    gdb_monitor_line; /* gdb_query.c */
gdb_packet gdb_attached, gdb_symbol, gdb_no_ack, gdb_set_thread, gdb_thread_alive, gdb_qemu_supported;
gdb_packet gdb_get_sstep, gdb_get_sstep_bits, gdb_set_sstep, gdb_go_extended;

/* ---- gdb_run.c ---- */

/* The stop as a packet into the answer. False: nothing is to be told. */
void gdb_put_stop(struct gdb *g, const struct debug_stop *s);
/* The client has gone, or its stops are to go. */
void gdb_forget_stops(struct gdb *g);

#endif
