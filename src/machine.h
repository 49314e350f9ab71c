/* SPDX-License-Identifier: MIT */
/*
 * The board: harts, bus and devices wired together as QEMU's `virt` machine has them, and the time they share.
 *
 * Time. The machine's clock counts instruction slots: one for each instruction that any hart retires, and as many as it takes to reach
 * the next timer when all harts wait. mtime = slots / insns_per_tick (10 MHz ticks). Harts take turns of `quantum` instructions.
 */
#ifndef VITRINE_MACHINE_H
#define VITRINE_MACHINE_H

#include "base/err.h"
#include "cpu/hart.h"

enum {
    MACHINE_MAX_HARTS = 16,
    MACHINE_MAX_DRIVES = 16,
    MACHINE_MAX_DEVICES = 32,
    MACHINE_VIRTIO_SLOTS = 8,
    MACHINE_MAX_LOADERS = 16,
};
#define MACHINE_RAM_BASE UINT64_C(0x80000000)
#define MACHINE_RAM_MAX  (UINT64_C(64) << 30)

enum {
    MACHINE_QUANTUM = 20000,      /* instructions in a hart's turn */
    MACHINE_INSNS_PER_TICK = 100, /* instruction slots in 100 ns: a hart of 1 GHz that retires one in each cycle */
};

struct chardev;
struct io_loop;

enum drive_interface { DRIVE_NONE, DRIVE_VIRTIO, DRIVE_PFLASH, DRIVE_XDISK };

struct drive_options {
    const char *id; /* NULL = none given */
    const char *file;
    enum drive_interface interface;
    int unit; /* of a flash chip: 0 or 1; -1 = the next */
    bool readonly, snapshot;
};

/* One -device. Its properties are those of the drivers in machine.c's table; NULL = not given. */
struct device_options {
    const char *driver, *id, *drive, *netdev, *chardev, *mac, *serial;
    int slot;                       /* from bus=virtio-mmio-bus.N; -1 = the highest free one, as QEMU fills them */
    bool no_event_idx, no_indirect; /* event_idx=off, indirect_desc=off: it does not offer these */
};

/* One -device loader: a file, or `data_len` bytes of `data` at addr, before the machine starts. */
struct loader_options {
    const char *file; /* NULL: data */
    uint64_t addr, data;
    unsigned data_len;  /* 1 to 8; 0 = no bytes at all */
    int hart;           /* which begins at addr, or at the file's entry; -1 = none */
    bool has_addr, raw; /* raw: the file's bytes as they are, even of an ELF file */
    bool big_endian;
};

/* One -netdev or -chardev: the id, and the rest as given ("user,hostfwd=..." or "stdio"). */
struct backend_options {
    const char *id, *spec;
};

/* Pages of a bus's memory, in an order of one's own. */
struct machine_window {
    struct bus *bus;
    const uint64_t *hpa; /* of each page */
};

/* All strings must outlive the machine. Start from machine_options_default(). */
struct machine_options {
    uint64_t ram_size; /* bytes, page multiple */
    unsigned harts;
    struct isa isa;
    const char *bios;                           /* "default" = built in, "none", or a file */
    const char *kernel, *initrd, *append, *dtb; /* NULL = none */
    struct drive_options drives[MACHINE_MAX_DRIVES];
    unsigned ndrives;
    struct device_options devices[MACHINE_MAX_DEVICES];
    unsigned ndevices;
    struct loader_options loaders[MACHINE_MAX_LOADERS];
    unsigned nloaders;
    struct backend_options netdevs[MACHINE_MAX_DEVICES], chardevs[MACHINE_MAX_DEVICES];
    unsigned nnetdevs, nchardevs;
    /* Makes the serial port's backend, which the machine frees, instead of `serial`. NULL: by that name. */
    struct chardev *(*make_serial)(void *ctx, struct io_loop *loop, struct err *e);
    void *make_serial_ctx;
    const char *serial;    /* backend of the serial port, as chardev_open() reads it, or "chardev:ID" */
    const char *signature; /* file for begin_signature..end_signature at the end; NULL = none */
    uint64_t quantum, insns_per_tick;
    uint64_t epoch_ns; /* the real-time clock at power-on, nanoseconds since 1970 */
    uint64_t seed;     /* of rng-seed and the random-number device */
    bool aclint;       /* S-mode software interrupts besides the CLINT */
    bool realtime;     /* mtime follows the host's clock */
    bool snapshot;     /* no disk image is written */
    bool no_reboot;    /* a reset ends the run */
    bool quiet;        /* no notes on stderr */
    bool bare;         /* a machine with nothing to run is no error: for its device tree, or as a VMM's real machine */
    /* A virtual machine's RAM: the pages of another bus's memory at hpa[0], hpa[1], ... make up ram_size. NULL: RAM of its own. */
    const struct machine_window *window;
};

void machine_options_default(struct machine_options *o);

enum machine_end {
    MACHINE_BUDGET,  /* max_insns retired */
    MACHINE_GUEST,   /* the guest ended it: status */
    MACHINE_STUCK,   /* it can never move again: why */
    MACHINE_STOP,    /* machine_stop(), Ctrl-A x */
    MACHINE_PAUSE,   /* machine_pause() */
    MACHINE_BREAK,   /* hart stands at a breakpoint */
    MACHINE_MONITOR, /* Ctrl-A c */
    MACHINE_RESET,   /* the guest asked for a reset and no_reboot was given */
    MACHINE_TRAP,    /* a trap that the caller stands in for (struct hart's native): hart and exit tell */
    MACHINE_ERROR    /* the host failed: why */
};

struct machine_result {
    enum machine_end end;
    int status; /* MACHINE_GUEST: 0 = pass, else 1..255 */
    unsigned hart;
    struct exit exit;
    char why[2048];
};

struct machine_stats {
    uint64_t insns;      /* retired by all harts */
    uint64_t idle_slots; /* skipped while every hart waited */
    uint64_t runs;       /* calls of hart_run() */
    uint64_t exits[EXIT_BREAK + 1];
    uint64_t sbi_calls;
    uint64_t io_polls;
};

struct machine;
struct symbols;
struct chardev;

/* Makes the machine and loads what the options name. NULL with e set. */
MUST_USE struct machine *machine_new(const struct machine_options *o, struct err *e);
/* Flushes and closes disks, restores the terminal. NULL is fine. */
void machine_free(struct machine *m);

/* Runs until exactly max_insns instructions of all harts together have retired (UINT64_MAX = for ever) or it ends earlier.
 * May be called again after MACHINE_BUDGET, MACHINE_STOP, MACHINE_PAUSE, MACHINE_BREAK and MACHINE_MONITOR. */
void machine_run(struct machine *m, uint64_t max_insns, struct machine_result *r);
/* Back to power-on with everything loaded anew (RAM keeps what no file overwrites), also after it ended. Between runs. On an error it has ended. */
MUST_USE int machine_restart(struct machine *m, struct err *e);
/* Makes machine_run() return MACHINE_STOP soon. May be called from a signal handler. */
void machine_stop(struct machine *m);
/* A machine_stop() that came too late for a run is not to end the next one. */
void machine_stop_taken(struct machine *m);

/* ---- For those who watch: traces, the debugger, the virtual-machine monitor (machine_watch.c) ---- */

/* What the machine tells. Lives as long as the machine. */
struct event_hub *machine_events(struct machine *m);
/* Makes machine_run() return MACHINE_PAUSE at the next instruction boundary. On the machine's own thread, e.g. from a sink's emit(). */
void machine_pause(struct machine *m);
/* A hart of the machine has run n instructions by its caller's own hart_run(): its clock and counts go on. */
void machine_ran(struct machine *m, uint64_t n);
/* The same in two parts, so that the machine's clock is right while the hart runs: before, and after. */
void machine_lend(struct machine *m, struct hart *h);
void machine_take_back(struct machine *m, struct hart *h);
/* Lets slots go by in which nothing runs. */
void machine_skip(struct machine *m, uint64_t slots);
/* The serial port's backend. */
struct chardev *machine_serial(struct machine *m);
/* Everything short of the next instruction: devices that are due run, and a machine whose harts wait idles until one can run (or, if it
 * yields, until only input can move it). What machine_run() does before it runs a hart. */
void machine_settle(struct machine *m);
/* For a machine that shares its thread with others: machine_run() returns MACHINE_BUDGET early when every hart has come to wait. When only input
 * from the host can move it on, it does not wait for that, and machine_waits() is true. */
void machine_set_yielding(struct machine *m, bool on);
bool machine_waits(const struct machine *m);
/* Replaces the breakpoints: virtual addresses, in any address space and mode, or physical ones with HART_BREAK_PHYSICAL, before whose
 * instruction every hart stops with MACHINE_BREAK. The next run goes on from there; see hart_pass_breakpoint(). Between runs. False: no
 * memory, nothing has changed. */
MUST_USE bool machine_set_breakpoints(struct machine *m, const uint64_t *va, unsigned n);
/* As machine_run(), until hart n has moved on `steps` times: retired an instruction, taken a trap (it then stands at the handler's first
 * instruction) or come back from the built-in firmware. The others run in their turns. MACHINE_BUDGET when that is done. */
void machine_step(struct machine *m, unsigned n, uint64_t steps, struct machine_result *r);

/* These harts (bit n: hart n) stay where they are while the others run, until the next call. For a debugger that moves one alone; it changes whose
 * turn comes when. */
void machine_hold(struct machine *m, uint32_t harts);

enum machine_access { MACHINE_READ = 1, MACHINE_WRITE = 2 };
/* Adds or removes a range of memory to hear of: harts' reads, and all writes, DMA included; access: set of enum machine_access. Costs nothing
 * off its pages. Ranges may overlap; removal names the same range and access. False: out of memory, or no such memory or range. */
MUST_USE bool machine_watch(struct machine *m, uint64_t pa, uint64_t len, unsigned access, bool on);
/* Who hears of accesses to the ranges: once for each access that touches any of them, a write after the bytes changed. NULL: nobody. */
void machine_set_watcher(struct machine *m, void (*fn)(void *ctx, uint64_t pa, uint64_t len, bool write), void *ctx);

/* Runs harts by fn instead of hart_run(), whose contract it keeps. NULL: hart_run() again. */
void machine_set_runner(struct machine *m, struct exit (*fn)(void *ctx, struct hart *h, uint64_t n), void *ctx);

/* For a debugger that shares the terminal with the guest's consoles: between runs it is held, then it is the user's. True: the last line on it is
 * a whole one. */
bool machine_hold_console(struct machine *m);
void machine_release_console(struct machine *m);

/* Writes the signature file, if one was asked for. */
MUST_USE int machine_write_signature(struct machine *m, struct err *e);

/* The symbols of what was loaded. */
const struct symbols *machine_symbols(const struct machine *m);
/* Adds those of an ELF file whose code comes into memory by other ways, at its addresses plus bias. Whoever asked for machine_symbols() before
 * keeps what was there then. */
MUST_USE int machine_add_symbols(struct machine *m, const char *path, uint64_t bias, struct err *e);
struct hart *machine_hart(struct machine *m, unsigned n); /* NULL past the end */
struct bus *machine_bus(struct machine *m);
uint64_t machine_time(struct machine *m);  /* mtime now */
uint64_t machine_clock(struct machine *m); /* instruction slots since power-on */
const struct machine_stats *machine_stats(struct machine *m);
/* The device tree as the guest gets it; *size in bytes. */
const void *machine_fdt(struct machine *m, size_t *size);

/* What -device and -machine help print: row n, or NULL past the end. */
const char *machine_device_help(unsigned n);

#endif
