/* SPDX-License-Identifier: MIT */
#include "dev/dev_fdt.h"

#include <libfdt.h>
#include <stdio.h>

enum { MAX_HARTS = 16 };

int dev_fdt_node(void *fdt, int parent, const char *name, const struct dev_place *place, int *node)
{
    char full[64];
    snprintf(full, sizeof full, "%s@%llx", name, (unsigned long long)place->base);
    int n = fdt_add_subnode(fdt, parent, full);
    if (n < 0)
        return n;
    *node = n;
    const fdt64_t reg[2] = {cpu_to_fdt64(place->base), cpu_to_fdt64(place->size)};
    return fdt_setprop(fdt, n, "reg", reg, sizeof reg);
}

int dev_fdt_interrupt(void *fdt, int node, const struct dev_place *place)
{
    if (!place->irq_number)
        return 0;
    int rc = fdt_setprop_u32(fdt, node, "interrupt-parent", place->plic_phandle);
    return rc ? rc : fdt_setprop_u32(fdt, node, "interrupts", place->irq_number);
}

int dev_fdt_hart_interrupts(void *fdt, int node, const uint32_t *intc, unsigned n, unsigned first, unsigned second)
{
    fdt32_t cells[4 * MAX_HARTS];
    if (n > MAX_HARTS)
        return -FDT_ERR_BADVALUE;
    for (unsigned h = 0; h < n; h++) {
        cells[4 * h] = cells[4 * h + 2] = cpu_to_fdt32(intc[h]);
        cells[4 * h + 1] = cpu_to_fdt32(first);
        cells[4 * h + 3] = cpu_to_fdt32(second);
    }
    return fdt_setprop(fdt, node, "interrupts-extended", cells, (int)(4 * n * sizeof cells[0]));
}
