/* SPDX-License-Identifier: MIT */
/* The device tree: what the board says of itself here, and a node from each device. As QEMU's virt has it. */
#include "machine_int.h"

#include "cpu/isa.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

/* Each step runs when none before it has failed. */
#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        int try_rc = (call);                                                                                           \
        if (try_rc < 0)                                                                                                \
            return try_rc;                                                                                             \
    } while (0)

static int set_u64(void *fdt, int node, const char *name, uint64_t v)
{
    return fdt_setprop_u64(fdt, node, name, v);
}

static int set_reg(void *fdt, int node, uint64_t base, uint64_t size)
{
    const fdt64_t reg[2] = {cpu_to_fdt64(base), cpu_to_fdt64(size)};
    return fdt_setprop(fdt, node, "reg", reg, sizeof reg);
}

static int add_cells(void *fdt, int node, unsigned address, unsigned size)
{
    TRY(fdt_setprop_u32(fdt, node, "#address-cells", address));
    return fdt_setprop_u32(fdt, node, "#size-cells", size);
}

static int add_hart(const struct machine *m, void *fdt, int cpus, unsigned n)
{
    enum { CACHE_BLOCK = 64 };
    char name[16], text[512];
    const struct isa *isa = &m->opt.isa;
    snprintf(name, sizeof name, "cpu@%x", n);
    int cpu = fdt_add_subnode(fdt, cpus, name);
    TRY(cpu);
    TRY(fdt_setprop_string(fdt, cpu, "device_type", "cpu"));
    TRY(fdt_setprop_string(fdt, cpu, "compatible", "riscv"));
    TRY(fdt_setprop_string(fdt, cpu, "status", "okay"));
    TRY(fdt_setprop_u32(fdt, cpu, "reg", n));
    TRY(fdt_setprop_u32(fdt, cpu, "phandle", 2 * n + 1));
    if (isa->mmu)
        TRY(fdt_setprop_string(fdt, cpu, "mmu-type", isa_mmu_type(isa)));
    TRY(fdt_setprop_string(fdt, cpu, "riscv,isa-base", "rv64i"));
    size_t len = isa_extensions(isa, text, sizeof text);
    TRY(len ? fdt_setprop(fdt, cpu, "riscv,isa-extensions", text, (int)len) : -FDT_ERR_NOSPACE);
    TRY(isa_string(isa, text, sizeof text) ? fdt_setprop_string(fdt, cpu, "riscv,isa", text) : -FDT_ERR_NOSPACE);
    if (isa->zicbom)
        TRY(fdt_setprop_u32(fdt, cpu, "riscv,cbom-block-size", CACHE_BLOCK));
    if (isa->zicbop)
        TRY(fdt_setprop_u32(fdt, cpu, "riscv,cbop-block-size", CACHE_BLOCK));
    if (isa->zicboz)
        TRY(fdt_setprop_u32(fdt, cpu, "riscv,cboz-block-size", CACHE_BLOCK));
    int intc = fdt_add_subnode(fdt, cpu, "interrupt-controller");
    TRY(intc);
    TRY(fdt_setprop_string(fdt, intc, "compatible", "riscv,cpu-intc"));
    TRY(fdt_setprop(fdt, intc, "interrupt-controller", "", 0));
    TRY(fdt_setprop_u32(fdt, intc, "#interrupt-cells", 1));
    return fdt_setprop_u32(fdt, intc, "phandle", 2 * n + 2);
}

static int add_cpus(const struct machine *m, void *fdt)
{
    int cpus = fdt_add_subnode(fdt, 0, "cpus");
    TRY(cpus);
    TRY(add_cells(fdt, cpus, 1, 0));
    TRY(fdt_setprop_u32(fdt, cpus, "timebase-frequency", DEV_CLOCK_HZ));
    int map = fdt_add_subnode(fdt, cpus, "cpu-map");
    TRY(map);
    int cluster = fdt_add_subnode(fdt, map, "cluster0");
    TRY(cluster);
    for (unsigned n = m->nharts; n-- > 0;) { /* libfdt puts each new node in front */
        char name[16];
        snprintf(name, sizeof name, "core%u", n);
        int core = fdt_add_subnode(fdt, cluster, name);
        TRY(core);
        TRY(fdt_setprop_u32(fdt, core, "cpu", 2 * n + 1));
    }
    for (unsigned n = m->nharts; n-- > 0;)
        TRY(add_hart(m, fdt, fdt_path_offset(fdt, "/cpus"), n));
    return 0;
}

/* bootargs and initrd, which go into a tree from -dtb too. */
static int set_chosen(const struct machine *m, void *fdt)
{
    int chosen = fdt_path_offset(fdt, "/chosen");
    if (chosen == -FDT_ERR_NOTFOUND)
        chosen = fdt_add_subnode(fdt, 0, "chosen");
    TRY(chosen);
    if (m->opt.append)
        TRY(fdt_setprop_string(fdt, chosen, "bootargs", m->opt.append));
    if (m->opt.initrd) {
        TRY(set_u64(fdt, chosen, "linux,initrd-start", m->initrd));
        TRY(set_u64(fdt, chosen, "linux,initrd-end", m->initrd_end));
    }
    return 0;
}

static int add_chosen(const struct machine *m, void *fdt)
{
    char path[64];
    fdt32_t seed[8];
    uint64_t s = m->opt.seed;
    int chosen = fdt_add_subnode(fdt, 0, "chosen");
    TRY(chosen);
    snprintf(path, sizeof path, "/soc/serial@%x", BOARD_UART);
    TRY(fdt_setprop_string(fdt, chosen, "stdout-path", path));
    for (size_t i = 0; i < ARRAY_LEN(seed); i++) { /* splitmix64: the same bytes for the same --seed */
        uint64_t z = s += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        seed[i] = cpu_to_fdt32((uint32_t)(z >> 32));
    }
    return fdt_setprop(fdt, chosen, "rng-seed", seed, sizeof seed);
}

/* The built-in firmware's memory, so that kernels leave it alone. */
static int add_reserved(const struct machine *m, void *fdt)
{
    if (m->boot != BOOT_SBI)
        return 0;
    char name[32];
    int parent = fdt_add_subnode(fdt, 0, "reserved-memory");
    TRY(parent);
    TRY(add_cells(fdt, parent, 2, 2));
    TRY(fdt_setprop(fdt, parent, "ranges", "", 0));
    snprintf(name, sizeof name, "mmode_resv0@%llx", (unsigned long long)MACHINE_RAM_BASE);
    int node = fdt_add_subnode(fdt, parent, name);
    TRY(node);
    TRY(fdt_setprop(fdt, node, "no-map", "", 0));
    return set_reg(fdt, node, MACHINE_RAM_BASE, MACHINE_FIRMWARE_SIZE);
}

static int build(const struct machine *m, void *fdt)
{
    char name[32];
    TRY(fdt_create_empty_tree(fdt, FDT_SIZE_MAX));
    TRY(add_cells(fdt, 0, 2, 2));
    TRY(fdt_setprop_string(fdt, 0, "compatible", "riscv-virtio"));
    TRY(fdt_setprop_string(fdt, 0, "model", "riscv-virtio,qemu"));
    TRY(add_reserved(m, fdt));
    TRY(add_chosen(m, fdt));
    snprintf(name, sizeof name, "memory@%llx", (unsigned long long)MACHINE_RAM_BASE);
    int memory = fdt_add_subnode(fdt, 0, name);
    TRY(memory);
    TRY(fdt_setprop_string(fdt, memory, "device_type", "memory"));
    TRY(set_reg(fdt, memory, m->ram->base, m->ram->size));
    TRY(add_cpus(m, fdt));
    int soc = fdt_add_subnode(fdt, 0, "soc");
    TRY(soc);
    TRY(fdt_setprop_string(fdt, soc, "compatible", "simple-bus"));
    TRY(fdt_setprop(fdt, soc, "ranges", "", 0));
    TRY(add_cells(fdt, soc, 2, 2));
    for (unsigned i = 0; i < m->ndev; i++) {
        const struct board_device *d = &m->dev[i];
        if (d->cls->fdt)
            TRY(d->cls->fdt(d->dev, &d->place, fdt, fdt_path_offset(fdt, "/soc")));
    }
    return 0;
}

int machine_make_fdt(struct machine *m, struct err *e)
{
    int rc;
    if (m->opt.dtb) {
        struct file_data f;
        if ((rc = file_read(m->opt.dtb, &f, e)))
            return err_about(e, rc, "-dtb ");
        rc = f.size < sizeof(struct fdt_header) ? -FDT_ERR_TRUNCATED : fdt_check_full(f.data, f.size);
        if (!rc)
            rc = fdt_open_into(f.data, m->fdt, FDT_SIZE_MAX);
        file_release(&f);
        if (rc)
            return err_set(e, -EINVAL, "-dtb %s: not a device tree blob (%s): make one with dtc", m->opt.dtb,
                           fdt_strerror(rc));
    } else if ((rc = build(m, m->fdt)) < 0) {
        return err_set(e, -EINVAL, "device tree: %s", fdt_strerror(rc));
    }
    if ((rc = set_chosen(m, m->fdt)) < 0 || (rc = fdt_pack(m->fdt)) < 0)
        return err_set(e, -EINVAL, "device tree: %s", fdt_strerror(rc));
    m->fdt_size = fdt_totalsize(m->fdt);
    return 0;
}
