/* SPDX-License-Identifier: MIT */
/* The disk server: the driver that mono has in its kernel, as a program. It sees the device's registers and one page that the device sees
 * too, and nothing else of the machine. */
#include "../../common/disk.h"
#include "../stub.h"
#include "api.h"
#include "text.h"

static struct disk disk;
static uint64_t irq;

static void wait_for_disk(struct disk *d)
{
    struct ipc m = {.from = TID_IRQ(irq)};
    ipc(&m);
    disk_interrupt(d);
    m = (struct ipc){.to = TID_IRQ(irq)};
    ipc(&m);
}

static bool get_rings(void)
{
    struct ipc m = {.label = ROOT_MEMORY, .word = {0}};
    if (ipc_call(&m, TID_ROOT) || !m.word[0])
        return false;
    disk.rings = (struct disk_rings *)m.word[0]; /* it will come by page fault, at the address that it really has */
    disk.rings_pa = m.word[0];
    memset(disk.rings, 0, 4096);
    return true;
}

static int64_t serve(struct ipc *m, char *string)
{
    switch (m->label) {
    case DISK_READ:
        if (m->word[1] > DISK_CHUNK || !disk_io(&disk, m->word[0], string, (uint32_t)m->word[1], false))
            return ERR_IO;
        m->send = string;
        m->send_size = m->word[1];
        return (int64_t)m->word[1];
    case DISK_WRITE: return m->received && disk_io(&disk, m->word[0], string, (uint32_t)m->received, true) ? 0 : ERR_IO;
    case DRIVER_CONTROL: m->word[1] = (uint64_t)disk_control(&disk, (int64_t)m->word[0], (int64_t)m->word[1]); return 0;
    default: return ERR_BAD;
    }
}

/* reg: the registers, 0: a disk in memory at ram; irq_and_sectors: 63:32 interrupt, 31:0 sectors of that disk */
_Noreturn void start(uint64_t reg, uint64_t ram, uint64_t irq_and_sectors);
_Noreturn void start(uint64_t reg, uint64_t ram, uint64_t irq_and_sectors)
{
    static char string[STRING_MAX] __attribute__((aligned(8)));
    struct ipc m = {.to = TID_NONE};
    bool ok;
    disk.reg = (volatile uint32_t *)reg;
    disk.ram = (uint8_t *)ram;
    disk.sectors = (uint32_t)irq_and_sectors;
    disk.wait = wait_for_disk;
    irq = irq_and_sectors >> 32;
    ok = get_rings() && disk_start(&disk);
    for (;;) {
        m.from = TID_ANY;
        m.receive = string;
        m.room = sizeof string;
        if (ipc(&m)) {
            m.to = TID_NONE;
            continue;
        }
        m.to = m.from;
        m.send_size = 0;
        if (m.label == LABEL_INTERRUPT)
            disk_interrupt(&disk);
        else
            m.word[0] = (uint64_t)(ok ? serve(&m, string) : ERR_IO);
        m.label = IPC_NOWAIT;
    }
}
