/* SPDX-License-Identifier: MIT */
/* What is in memory when the machine starts, where its harts begin, and the tohost/fromhost words of test programs. */
#include "machine_int.h"

#include "base/text.h"
#include "cpu/csr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)

static uint64_t align_up(uint64_t v, uint64_t to)
{
    return (v + to - 1) / to * to;
}

/* ---- The boot ROM ---- */

/*
 * What every hart runs from 0x1000 when it starts in M mode: a0 = its number, a1 = the device tree, a2 = fw_dynamic's record, and a
 * jump to where the firmware or the kernel begins.
 */
static const uint32_t rom_code[] = {
    0x00000297, /* auipc t0, 0 */
    0x02828613, /* addi a2, t0, 40 */
    0xf1402573, /* csrr a0, mhartid */
    0x0202b583, /* ld a1, 32(t0) */
    0x0182b283, /* ld t0, 24(t0) */
    0x00028067, /* jr t0 */
};

static int load_rom(struct machine *m, struct err *e)
{
    /* At 24 the start, at 32 the device tree, at 40 the record of OpenSBI's docs/firmware/fw_dynamic.md. */
    enum { MAGIC = 0x4942534f, VERSION = 2, NEXT_IS_S_MODE = 1 };
    const uint64_t data[] = {m->start, m->fdt_at,      MAGIC,           VERSION,
                             m->next,  NEXT_IS_S_MODE, 0 /* options */, 0 /* boot hart */};
    _Static_assert(sizeof rom_code == 24, "the data stands behind the code");
    int rc = load_bytes(m->bus, "boot ROM", "code", BOARD_ROM, rom_code, sizeof rom_code, e);
    return rc ? rc : load_bytes(m->bus, "boot ROM", "data", BOARD_ROM + sizeof rom_code, data, sizeof data, e);
}

/* ---- Files ---- */

static int load_file(struct machine *m, const char *path, uint64_t flat_base, struct load_image *img,
                     struct symbols *syms, struct err *e)
{
    struct file_data f;
    int rc = file_read(path, &f, e);
    if (rc)
        return rc;
    rc = load_image(m->bus, path, f.data, f.size, MACHINE_RAM_BASE, flat_base, img, syms, e);
    file_release(&f);
    return rc;
}

/* Chooses how the machine boots and loads kernel and firmware. */
static int load_programs(struct machine *m, struct load_image *kernel, struct err *e)
{
    const struct machine_options *o = &m->opt;
    bool none = !strcmp(o->bios, "none"), built_in = !strcmp(o->bios, "default");
    uint64_t flat = none ? MACHINE_RAM_BASE : MACHINE_RAM_BASE + MACHINE_KERNEL_OFFSET;
    int rc;
    *kernel = (struct load_image){LOAD_FLAT, 0, 0, 0, 0};
    m->boot = built_in ? BOOT_SBI : BOOT_ROM;
    m->start = MACHINE_RAM_BASE;
    if (!none && !built_in) {
        struct load_image fw;
        if ((rc = load_file(m, o->bios, MACHINE_RAM_BASE, &fw, o->kernel ? NULL : m->symbols, e)))
            return err_about(e, rc, "-bios ");
        m->start = fw.entry;
        flat = align_up(fw.high, 2 * MIB);
    }
    if (o->kernel) {
        if ((rc = load_file(m, o->kernel, flat, kernel, symbols_count(m->symbols) ? NULL : m->symbols, e)))
            return err_about(e, rc, "-kernel ");
        m->next = kernel->entry;
    } else if (m->flash_given) {
        m->next = BOARD_FLASH;
    } else if (o->nloaders && (none || built_in)) {
        m->next = flat; /* what -device loader put there */
    } else if ((none || built_in) && !o->bare) {
        return err_set(e, -EINVAL,
                       "nothing to run: give -kernel FILE (ELF, Linux Image or flat binary), -bios FILE, or -drive "
                       "if=pflash,file=FILE");
    }
    if (none || built_in)
        m->start = m->next;
    if (built_in && kernel->low < MACHINE_RAM_BASE + MACHINE_FIRMWARE_SIZE && kernel->high > MACHINE_RAM_BASE) {
        m->boot = BOOT_ROM;
        if (!m->told)
            machine_note(m, "%s is linked at %s, where firmware lies: started in M mode without it, as with -bios none",
                         o->kernel, text_hex(kernel->low).s);
    }
    if (m->boot == BOOT_SBI && !o->isa.s)
        return err_set(e, -EINVAL, "-cpu s=false: the built-in SBI needs S mode: give -bios none");
    m->told = true;
    return 0;
}

static int load_initrd(struct machine *m, const struct load_image *kernel, struct err *e)
{
    struct file_data f;
    m->initrd = m->initrd_end = 0;
    if (!m->opt.initrd)
        return 0;
    int rc = file_read(m->opt.initrd, &f, e);
    if (rc)
        return err_about(e, rc, "-initrd ");
    /* Well above the kernel, which unpacks itself there, yet in what a 32-bit address reaches: as QEMU places it. */
    uint64_t base = kernel->low ? kernel->low : MACHINE_RAM_BASE;
    uint64_t at = base + min_u64(m->ram->size / 2, 512 * MIB);
    at = align_up(at, PAGE_SIZE);
    if (at < kernel->high)
        at = align_up(kernel->high, PAGE_SIZE);
    uint64_t limit = m->fdt_at > at ? m->fdt_at : m->ram->base + m->ram->size;
    if (at > limit || f.size > limit - at) {
        uint64_t give = 1;
        while (give * MIB / 2 < f.size + (kernel->high > base ? kernel->high - base : 0) + 4 * MIB)
            give *= 2;
        rc = err_set(e, -EINVAL, "-initrd %s: its %s do not fit between %s and the device tree at %s: give -m %lluM",
                     m->opt.initrd, text_size(f.size).s, text_hex(at).s, text_hex(limit).s, (unsigned long long)give);
    } else {
        rc = load_bytes(m->bus, m->opt.initrd, "initrd", at, f.data, f.size, e);
        m->initrd = at;
        m->initrd_end = at + f.size;
    }
    file_release(&f);
    return rc;
}

/* -device loader: after kernel and firmware, so that it may change them. m->begins: where its hart does. */
static int load_extras(struct machine *m, struct err *e)
{
    for (unsigned i = 0; i < m->opt.nloaders; i++) {
        const struct loader_options *l = &m->opt.loaders[i];
        struct load_image img = {.entry = l->addr};
        uint8_t data[8];
        int rc;
        if (l->hart >= (int)m->nharts || (l->hart >= 0 && m->boot == BOOT_SBI))
            return err_set(e, -EINVAL, "-device loader,cpu-num=%d: %s", l->hart,
                           m->boot == BOOT_SBI ? "harts begin where the built-in SBI lets them: give -bios none"
                                               : "no such hart: give a larger -smp");
        if (l->file)
            rc = load_extra(m->bus, l->file, l->addr, l->raw, &img, symbols_count(m->symbols) ? NULL : m->symbols, e);
        else {
            for (unsigned b = 0; b < l->data_len; b++)
                data[b] = (uint8_t)(l->data >> 8 * (l->big_endian ? l->data_len - 1 - b : b));
            rc = load_bytes(m->bus, "-device loader", "data", l->addr, data, l->data_len, e);
        }
        if (rc)
            return err_about(e, rc, l->file ? "-device loader,file=" : "");
        if (l->hart >= 0)
            m->begins[l->hart] = img.entry;
    }
    return 0;
}

/* The device tree ends below the end of RAM or 3 GiB, whichever is lower, at a multiple of 2 MiB: as QEMU places it. */
static uint64_t fdt_place(const struct machine *m, uint64_t size, uint64_t low)
{
    uint64_t end = min_u64(m->ram->base + m->ram->size, UINT64_C(3) << 30);
    uint64_t at = (end - size) & ~(2 * MIB - 1);
    return at >= low ? at : (end - size) & ~UINT64_C(7); /* tiny RAM */
}

int machine_load(struct machine *m, struct err *e)
{
    struct load_image kernel;
    int rc = load_programs(m, &kernel, e);
    if (rc)
        return rc;
    uint64_t low = kernel.high ? kernel.high : MACHINE_RAM_BASE;
    /* The tree holds the initrd's place, and the initrd lies below the tree: made twice, the second time to stay. */
    if ((rc = machine_make_fdt(m, e)))
        return rc;
    m->fdt_at = fdt_place(m, m->fdt_size + 64, low);
    if ((rc = load_initrd(m, &kernel, e)) || (rc = machine_make_fdt(m, e)))
        return rc;
    if (m->fdt_at < low)
        return err_set(e, -EINVAL, "%s and a device tree of %s do not fit RAM of %s: give a larger -m",
                       m->opt.kernel ? m->opt.kernel : "firmware", text_size(m->fdt_size).s, text_size(m->ram->size).s);
    if ((rc = load_bytes(m->bus, "device tree", "blob", m->fdt_at, m->fdt, m->fdt_size, e)) || (rc = load_rom(m, e)) ||
        (rc = load_extras(m, e)))
        return rc;
    for (unsigned i = 0; i < m->ndev; i++)
        m->dev[i].cls->reset(m->dev[i].dev);
    machine_reset_harts(m);
    machine_watch_tohost(m);
    return 0;
}

/* Programs with a tohost word are written for Spike and for the Sail model, whose harts leave A and D to software. */
static void reset_as_test_programs_expect(struct machine *m, struct hart *h)
{
    enum { MENVCFG = 0x30a };
    uint64_t at;
    if (symbols_value(m->symbols, "tohost", &at))
        (void)!csr_poke(h, MENVCFG, 0); /* there is none without U mode */
}

void machine_reset_harts(struct machine *m)
{
    for (unsigned i = 0; i < m->nharts; i++) {
        struct hart *h = m->hart[i];
        hart_reset(h);
        reset_as_test_programs_expect(m, h);
        h->pc = m->begins[i] ? m->begins[i] : BOARD_ROM;
        h->native = 0;
        m->state[i] = HART_RUNS;
        m->timer[i] = DEV_NO_DEADLINE;
        m->sbi.timer[i] = DEV_NO_DEADLINE;
    }
    m->turn = 0;
    m->turn_left = m->opt.quantum;
    if (m->boot == BOOT_SBI)
        sbi_boot(m, m->start, m->fdt_at);
    machine_wake_all(m);
}

/* ---- tohost: what test programs write to it ---- */

static uint64_t htif_read(struct machine *m)
{
    uint64_t v = 0;
    return bus_dma_read(m->bus, m->tohost, &v, 8) ? v : 0;
}

/* The store comes back to htif_written(), which takes a zero for nothing. */
static void htif_store(struct machine *m, uint64_t at, uint64_t v)
{
    if (at && !bus_dma_write(m->bus, at, &v, 8))
        machine_end(m, MACHINE_ERROR, 0);
}

/* A pointer to {number, arguments...}: the system calls that the RISC-V benchmarks' library makes. */
static void htif_syscall(struct machine *m, uint64_t at)
{
    enum { SYS_WRITE = 64, SYS_EXIT = 93, CHUNK = 4096 };
    uint64_t call[8];
    if (!bus_dma_read(m->bus, at, call, sizeof call))
        return;
    uint64_t result = (uint64_t)-ENOSYS;
    if (call[0] == SYS_EXIT) {
        machine_end(m, MACHINE_GUEST, call[1] ? (int)min_u64(call[1], 255) : 0);
        return;
    }
    if (call[0] == SYS_WRITE) {
        uint8_t buf[CHUNK];
        for (result = 0; result < call[3] && !io_woken(m->io);) {
            uint64_t n = min_u64(call[3] - result, CHUNK);
            if (!bus_dma_read(m->bus, call[2] + result, buf, n))
                break;
            machine_console_write(m, buf, n);
            result += n;
        }
    }
    if (bus_dma_write(m->bus, at, &result, 8))
        htif_store(m, m->fromhost, 1);
}

/* 63:56 device | 55:48 command | 47:0 payload. Device 0: exit (odd) or a system call; device 1, command 1: print the low byte. */
static void htif_command(struct machine *m, uint64_t v)
{
    m->tohost_half = false;
    if (!v)
        return;
    if (v >> 56 == 0 && (v & 1)) {
        uint64_t code = bits(v, 47, 1);
        machine_end(m, MACHINE_GUEST, (int)min_u64(code, 255));
        return;
    }
    htif_store(m, m->tohost, 0);
    if (v >> 56 == 0)
        htif_syscall(m, bits(v, 47, 0));
    else if (v >> 48 == 0x0101)
        machine_console_write(m, &(uint8_t){(uint8_t)v}, 1);
}

/*
 * A store to a page that is watched. With 32-bit stores the word comes in two halves, in either order. The high half completes it,
 * unless the low one is still zero; the low half completes it when the high one is there, and else waits: for the high half, for the next
 * store (a test that only ever writes the low half and does so in a loop), or for HTIF_PATIENCE slots.
 */
static void htif_written(void *ctx, uint64_t pa, uint64_t len)
{
    struct machine *m = ctx;
    if (!m->tohost || pa + len <= m->tohost || pa >= m->tohost + 8)
        return;
    uint64_t v = htif_read(m);
    bool low = pa<m->tohost + 4, high = pa + len> m->tohost + 4;
    if (low && !high && v >> 32 == 0 && !m->tohost_half) {
        m->tohost_half = v != 0;
        m->tohost_slot = machine_slots_now(m) + HTIF_PATIENCE;
        if (m->tohost_half && m->running)
            m->running->kick |= KICK_EVENT;
    } else if (low || (uint32_t)v) {
        htif_command(m, v);
    }
}

void htif_timeout(struct machine *m)
{
    htif_command(m, htif_read(m));
}

void machine_watch_tohost(struct machine *m)
{
    m->tohost_half = false;
    m->fromhost = 0;
    if (!symbols_value(m->symbols, "tohost", &m->tohost) || m->tohost % 8 || !bus_memory_at(m->bus, m->tohost)) {
        m->tohost = 0;
        return;
    }
    if (!symbols_value(m->symbols, "fromhost", &m->fromhost) || m->fromhost % 8 || !bus_memory_at(m->bus, m->fromhost))
        m->fromhost = 0;
    bus_set_flag_owner(m->bus, PAGE_HTIF, htif_written, m);
    bus_flag_page(m->bus, m->tohost, PAGE_HTIF, true);
}

int machine_write_signature(struct machine *m, struct err *e)
{
    uint64_t at, end;
    const char *path = m->opt.signature;
    if (!path)
        return 0;
    if (!symbols_value(m->symbols, "begin_signature", &at) || !symbols_value(m->symbols, "end_signature", &end) ||
        end < at || at % 4)
        return err_set(e, -EINVAL,
                       "--signature %s: the guest's ELF file has no symbols begin_signature and end_signature", path);
    FILE *f = fopen(path, "w");
    if (!f)
        return err_set(e, -errno, "--signature %s: %s", path, strerror(errno));
    uint32_t word;
    bool ok = true;
    for (; at < end && (ok = bus_dma_read(m->bus, at, &word, 4)); at += 4)
        fprintf(f, "%08x\n", word);
    if (!ok)
        err_set(e, -EFAULT, "--signature %s: %s lies outside memory", path, text_hex(at).s);
    if (fclose(f) && ok) {
        err_set(e, -EIO, "--signature %s: %s", path, strerror(errno));
        ok = false;
    }
    return ok ? 0 : -EIO;
}
