/* SPDX-License-Identifier: MIT */
/* The PLIC: each hart has two contexts, 2h for M and 2h + 1 for S; the kernel uses the latter. Any hart may claim. */
#include "kern.h"

static uint64_t context(void)
{
    return 2 * (uint64_t)mycpu()->hart + 1;
}

void plic_init(void)
{
    for (unsigned irq = 1; irq <= UART_IRQ; irq++)
        mmio_w32(PLIC + 4 * irq, 1);
}

void plic_init_hart(void)
{
    mmio_w32(PLIC + 0x2000 + 0x80 * context(), 0x1fe | 1u << UART_IRQ);
    mmio_w32(PLIC + 0x200000 + 0x1000 * context(), 0);
}

void plic_irq(void)
{
    uint64_t claim = PLIC + 0x200004 + 0x1000 * context();
    uint32_t irq = mmio_r32(claim);
    if (irq == 0)
        return; /* another hart was faster */
    if (irq == UART_IRQ)
        console_irq();
    else if (irq == blk_irq_number)
        blk_irq();
    else
        printk("ukern: stray interrupt %u\n", irq);
    mmio_w32(claim, irq);
}

void ipi_send(unsigned hart)
{
    fence_io();
    mmio_w32(CLINT + 4 * hart, 1);
}
