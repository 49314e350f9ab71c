/* SPDX-License-Identifier: MIT */
/* What the files of the board share: machine.c (wiring), machine_virtio.c (its virtio slots), machine_boot.c (loading and reset), machine_run.c (turns and time),
 * machine_fdt.c (device tree), sbi.c. */
#ifndef VITRINE_MACHINE_INT_H
#define VITRINE_MACHINE_INT_H

#include "dev/chardev.h"
#include "dev/dev.h"
#include "dev/io.h"
#include "dev/netdev.h"
#include "load.h"
#include "machine.h"
#include "sbi.h"

/* The memory map, as QEMU's virt has it. */
enum {
    BOARD_ROM = 0x1000,
    BOARD_ROM_SIZE = 0xf000,
    BOARD_TEST = 0x100000,
    BOARD_RTC = 0x101000,
    BOARD_CLINT = 0x2000000,
    BOARD_SSWI = 0x2f00000, /* with -machine aclint=on */
    BOARD_PLIC = 0xc000000,
    BOARD_UART = 0x10000000,
    BOARD_VIRTIO = 0x10001000,
    BOARD_VIRTIO_STEP = 0x1000,
    BOARD_FLASH = 0x20000000,
    BOARD_PAGE = 0x1000, /* the window of each small device */
    BOARD_UART_SIZE = 0x100,
};
/* Interrupt sources of the PLIC. */
enum { BOARD_IRQ_VIRTIO = 1, BOARD_IRQ_UART = 10, BOARD_IRQ_RTC = 11 };

/* Device-tree handles: each hart's interrupt controller is 2 n + 2, its cpu node 2 n + 1. */
enum { PHANDLE_TEST = 2 * MACHINE_MAX_HARTS + 1, PHANDLE_PLIC = 2 * MACHINE_MAX_HARTS + 2 };

enum { MACHINE_DEVICES = 24, FDT_SIZE_MAX = 1 << 20 };

/* The built-in firmware's memory, which kernels must not use; a Linux image lies 2 MiB above the start of RAM. */
#define MACHINE_FIRMWARE_SIZE UINT64_C(0x80000)
#define MACHINE_KERNEL_OFFSET UINT64_C(0x200000)

struct board_device {
    const struct dev_class *cls;
    void *dev;
    struct dev_place place;
    struct irq_line line;
};

/* The rest of tohost's word is awaited for so many slots after a 32-bit store to its low half. */
enum { HTIF_PATIENCE = 1000 };

enum hart_state {
    HART_RUNS,
    HART_WAITS,  /* in WFI */
    HART_STUCK,  /* traps into its own trap handler for ever */
    HART_STOPPED /* by SBI's hart_stop, or not started yet */
};

/* Accesses that somebody wants to hear of. */
struct watch {
    uint64_t pa, len;
    unsigned access; /* enum machine_access */
};

struct machine {
    struct machine_options opt;
    struct bus *bus;
    struct mem_region *ram, *rom;
    struct io_loop *io;
    struct dev_clock clock;
    struct dev_env env;
    struct code_cache *code;
    struct hart_env hart_env;

    struct board_device dev[MACHINE_DEVICES];
    unsigned ndev;
    void *plic, *uart, *xdisk;
    bool flash_given;                                 /* chip 0 has an image */
    struct chardev *chardev[MACHINE_MAX_DEVICES + 1]; /* [0]: the serial port's */
    unsigned nchardevs;
    struct netdev *netdev[MACHINE_MAX_DEVICES];

    /* Harts, and whose turn it is. */
    struct hart *hart[MACHINE_MAX_HARTS];
    enum hart_state state[MACHINE_MAX_HARTS];
    struct trap stuck[MACHINE_MAX_HARTS]; /* what a stuck hart traps with */
    uint64_t timer[MACHINE_MAX_HARTS];    /* the next tick at which a hart's stimecmp or vstimecmp fires */
    unsigned nharts;
    unsigned turn;
    uint64_t turn_left;   /* instructions */
    struct hart *running; /* inside hart_run() */
    uint64_t run_end;     /* slot at which the present hart_run() ends */

    /* Time. */
    uint64_t slots;
    uint64_t time_offset; /* mtime = slots / insns_per_tick + time_offset, modulo 2^64 */
    uint64_t host_start;  /* realtime: the host's clock at power-on, ns */
    uint64_t next_tick;   /* the earliest deadline of all; valid while !deadlines_stale */
    bool deadlines_stale;
    uint64_t next_poll;   /* slot of the next look at host input */
    uint64_t polled_runs; /* stats.runs at the last one */

    /* How it ends. */
    bool ended, reset_wanted, trapped;
    bool paused;         /* machine_pause() */
    bool broke;          /* a hart stands at a breakpoint: result.hart */
    bool monitor_wanted; /* Ctrl-A c */
    struct machine_result result;
    int stop;           /* set by machine_stop(), atomically */
    uint64_t lent_from; /* machine_lend(): turn_retired then */
    bool yields, waits; /* machine_set_yielding(), machine_waits() */

    /* What was loaded. */
    enum boot_mode { BOOT_ROM, BOOT_SBI } boot;
    uint64_t start; /* BOOT_ROM: where the ROM jumps; BOOT_SBI: where hart 0 enters S mode */
    uint64_t next;  /* for fw_dynamic: the kernel's entry; 0 = none */
    uint64_t begins
        [MACHINE_MAX_HARTS]; /* a hart that -device loader,cpu-num= starts elsewhere than in the boot ROM; 0 = none */
    uint64_t initrd, initrd_end, fdt_at;
    struct symbols *symbols;
    uint8_t *fdt;
    size_t fdt_size;
    bool told; /* notes about loading were printed */

    /* tohost and fromhost of the guest's ELF file; 0 = none. */
    uint64_t tohost, fromhost;
    bool tohost_half;     /* the low half was written, the high half is awaited */
    uint64_t tohost_slot; /* until then */

    struct sbi sbi;
    struct machine_stats stats;

    /* Who watches. */
    struct event_hub events;
    struct watch *watches;
    unsigned nwatches;
    void (*watcher)(void *ctx, uint64_t pa, uint64_t len, bool write);
    void *watcher_ctx;
    uint32_t held;                                                /* machine_hold() */
    struct hart *stepped;                                         /* machine_step(): who, and */
    uint64_t steps_left;                                          /* how often it is still to move on */
    uint64_t stepped_traps;                                       /* its traps when the present step began */
    bool stepped_firmware;                                        /* the built-in firmware did something for it since */
    struct exit (*runner)(void *ctx, struct hart *h, uint64_t n); /* NULL: hart_run() */
    void *runner_ctx;
};

/* machine.c */
void machine_note(const struct machine *m, const char *fmt, ...) PRINTF_LIKE(2, 3);
void machine_end(struct machine *m, enum machine_end end, int status);
/* Bytes to the console that firmware uses; waits for the host to take them. */
void machine_console_write(struct machine *m, const void *buf, size_t len);
/* Puts a device on the bus and into the table. dev may be NULL: its constructor failed and said why in e. */
MUST_USE int machine_attach(struct machine *m, const struct dev_class *cls, void *dev, uint64_t base, uint64_t size,
                            unsigned irq, struct err *e);
MUST_USE int machine_open_chardev(struct machine *m, const char *spec, struct chardev **c, struct err *e);
/* What the -chardev named id leads to; NULL: there is none. */
const char *machine_find_chardev(const struct machine *m, const char *id);

/* machine_virtio.c */
MUST_USE int machine_make_virtio(struct machine *m, struct err *e);

/* machine_fdt.c: builds the device tree into m->fdt, or reads -dtb. */
MUST_USE int machine_make_fdt(struct machine *m, struct err *e);

/* machine_boot.c */
MUST_USE int machine_load(struct machine *m, struct err *e); /* at power-on and at each reset */
void machine_reset_harts(struct machine *m);
void machine_watch_tohost(struct machine *m);
void htif_timeout(struct machine *m);

/* machine_watch.c */
MUST_USE int machine_watch_init(struct machine *m, struct err *e);
void machine_watch_free(struct machine *m);

/* machine_run.c */
uint64_t machine_slots_now(const struct machine *m);
void machine_wake_all(struct machine *m); /* something changed that every hart and deadline depends on */
void machine_timer_changed(struct machine *m, struct hart *h);
/* A hart other than the running one can run now. */
void machine_hart_woken(struct machine *m, unsigned n);

#endif
