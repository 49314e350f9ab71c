/* SPDX-License-Identifier: MIT */
/* The drivers' places in the kernel: they are called like any other function, and they can write wherever the kernel can. */
#include "kern.h"
#include "para.h"

static struct disk disk;
static struct clock clock;
static uint32_t disk_irq; /* 0: a disk in memory */

static volatile uint32_t *plic(uint64_t offset)
{
    return pa_va(BOARD_PLIC + offset);
}
/* Context 1: hart 0 in S mode. */
#define PLIC_PRIORITY(irq) (4 * (uint64_t)(irq))
#define PLIC_ENABLE        0x2080
#define PLIC_THRESHOLD     0x201000
#define PLIC_CLAIM         0x201004

static void wait_for_disk(struct disk *d)
{
    if (current)
        proc_sleep(d);
    else
        para_call(PARA_YIELD, 0, 0, 0, NULL); /* before there are processes */
}

static void disk_init(void)
{
    for (uint32_t slot = 0; slot < 8 && !disk.reg; slot++) {
        if (disk_probe(pa_va(BOARD_VIRTIO(slot)))) {
            disk.reg = pa_va(BOARD_VIRTIO(slot));
            disk_irq = BOARD_VIRTIO_IRQ + slot;
        }
    }
    disk.rings = page_new();
    disk.rings_pa = va_pa(disk.rings);
    disk.wait = wait_for_disk;
    disk.ram = (uint8_t *)image_start;
    disk.sectors = (uint64_t)(image_end - image_start) / 512;
    if (!disk_start(&disk))
        panic("the disk does not answer", NULL);
}

void device_init(void)
{
    console_start(&console);
    clock.reg = pa_va(BOARD_RTC);
    disk_init();
    REG_SET(*plic(PLIC_PRIORITY(BOARD_UART_IRQ)), 1);
    if (disk_irq)
        REG_SET(*plic(PLIC_PRIORITY(disk_irq)), 1);
    REG_SET(*plic(PLIC_ENABLE), 1u << BOARD_UART_IRQ | (disk_irq ? 1u << disk_irq : 0));
    REG_SET(*plic(PLIC_THRESHOLD), 0);
    fs.io = device_disk_io;
    if (fs_mount(&fs))
        panic("no file system on the disk: make it with mkfs", NULL);
    print("mono: %s of %lu sectors\n", disk.reg ? "virtio disk" : "disk in memory", disk.sectors);
}

void device_interrupt(void)
{
    uint32_t irq = REG(*plic(PLIC_CLAIM));
    counts.interrupts++;
    if (irq == BOARD_UART_IRQ) {
        console_interrupt(&console);
        proc_wake(&console);
    } else if (irq && irq == disk_irq) {
        disk_interrupt(&disk);
        proc_wake(&disk);
    }
    if (irq)
        REG_SET(*plic(PLIC_CLAIM), irq);
}

bool device_disk_io(uint64_t sector, void *data, bool write)
{
    return disk_io(&disk, sector, data, 512, write);
}

int64_t device_console_read(uint64_t to, uint64_t n)
{
    char part[CONSOLE_LINE];
    int64_t got;
    while ((got = console_take(&console, part, n < sizeof part ? n : sizeof part)) < 0) {
        if (current->killed)
            return ERR_KILLED;
        proc_sleep(&console);
    }
    return copy_out(to, part, (uint64_t)got) ? got : ERR_BAD;
}

int64_t device_control(const char *name, int64_t op, int64_t arg)
{
    if (strcmp(name, "clock") == 0)
        return clock_control(&clock, op, arg);
    if (strcmp(name, "disk") == 0)
        return disk_control(&disk, op, arg);
    return ERR_NOT_FOUND;
}
