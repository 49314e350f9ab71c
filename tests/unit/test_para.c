/* SPDX-License-Identifier: MIT */
/* Direct paging: what a guest may put into its tables, and what its hypercalls may not do, whatever it says. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpu/csr_bits.h"
#include "mmu/pte.h"
#include "monitor/vmm/para.h"
#include "monitor/vmm/vmm.h"

Suite *para_suite(void);

#define MIB (UINT64_C(1) << 20)

static const uint64_t RAM = MACHINE_RAM_BASE;
enum { A0 = 10, A1 = 11, A2 = 12, A6 = 16, A7 = 17 };
enum { LEAF = PTE_V | PTE_U | PTE_R, WRITABLE = LEAF | PTE_W };

/* Two guests; what follows is about the first. Its pages from 0x8040_0000 on are nobody's. */
struct rig {
    struct vmm *v;
    struct vm *vm;
    struct hart *vh;
    struct para *p;
    struct bus *bus;
};

static uint64_t page(unsigned n)
{
    return RAM + 4 * MIB + n * (uint64_t)PAGE_SIZE;
}

static void make(struct rig *r)
{
    static const uint32_t loop[] = {0x0000006f}; /* j . */
    static char path[] = "/tmp/vitrine-test-para-XXXXXX";
    struct vm_config vms[2] = {{.name = NULL}};
    struct vmm_config c = {.technique = technique_find("para"), .vms = vms, .nvms = 2};
    struct err e = {.text = ""};
    strcpy(path + sizeof path - 7, "XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, loop, sizeof loop), (ssize_t)sizeof loop);
    close(fd);
    machine_options_default(&c.real);
    c.real.ram_size = 0;
    c.real.quiet = true;
    for (unsigned i = 0; i < 2; i++) {
        machine_options_default(&vms[i].machine);
        vms[i].machine.ram_size = 16 * MIB;
        vms[i].machine.isa.h = false;
        vms[i].machine.kernel = path;
        vms[i].machine.serial = "null";
        vms[i].machine.quiet = true;
    }
    r->v = vmm_new(&c, &e);
    ck_assert_msg(r->v != NULL, "%s", e.text);
    unlink(path);
    r->v->config.vms = NULL;
    r->vm = r->v->vm[0];
    r->vh = machine_hart(r->vm->machine, 0);
    r->p = para_of(r->vm);
    r->bus = machine_bus(r->vm->machine);
    r->p->tables.allowance = PARA_MAX_TABLES;
}

static int64_t call(struct rig *r, uint64_t fn, uint64_t a0, uint64_t a1, uint64_t a2)
{
    r->vh->x[A0] = a0;
    r->vh->x[A1] = a1;
    r->vh->x[A2] = a2;
    r->vh->x[A6] = fn;
    r->vh->x[A7] = PARA_EXTENSION;
    (void)para_hypercall(r->vm, r->vh);
    return (int64_t)r->vh->x[A0];
}

/* The entry for guest page gpa. */
static uint64_t entry(struct rig *r, uint64_t gpa, uint64_t flags)
{
    uint64_t hpa;
    ck_assert(vm_frame(r->vm, gpa, &hpa));
    return pte_make(hpa, flags);
}

static void put(struct rig *r, uint64_t table, unsigned index, uint64_t value)
{
    ck_assert(bus_write(r->bus, table + index * PTE_SIZE, PTE_SIZE, value));
}

static uint64_t got(struct rig *r, uint64_t table, unsigned index)
{
    uint64_t v;
    ck_assert(bus_read(r->bus, table + index * PTE_SIZE, PTE_SIZE, &v));
    return v;
}

static int64_t verify(struct rig *r)
{
    struct err e = {.text = ""};
    const uint64_t roots[2] = {r->p->root[1], r->p->root[0]};
    unsigned n = !roots[0] ? 0 : roots[1] ? 2 : 1;
    int64_t seen = para_tables_verify(&r->p->tables, roots, n, &r->p->shared, r->p->shared != 0, &e);
    ck_assert_msg(seen >= 0, "%s", e.text);
    return seen;
}

static int64_t update(struct rig *r, const struct para_update *u, unsigned n)
{
    ck_assert(bus_dma_write(r->bus, page(500), u, n * sizeof *u));
    return call(r, PARA_UPDATE, page(500), n, 0);
}

static int64_t update_one(struct rig *r, uint64_t table, uint64_t index, uint64_t value)
{
    struct para_update u = {table, index, value};
    return update(r, &u, 1);
}

/* Root 0, table 1 of level 1, table 2 of level 0, which lets the guest write page 10. Shared page 20. In direct paging. */
static void go_direct(struct rig *r)
{
    put(r, page(0), 1, entry(r, page(1), PTE_V));
    put(r, page(1), 2, entry(r, page(2), PTE_V));
    put(r, page(2), 3, entry(r, page(10), WRITABLE));
    ck_assert_int_eq(call(r, PARA_SET_TRAP, 0x40000000, page(20), INT_S), PARA_OK);
    ck_assert_int_eq(call(r, PARA_SET_PTR, page(0), 0, 0), PARA_OK);
    ck_assert(r->p->direct);
}

static unsigned use_of(struct rig *r, uint64_t gpa)
{
    const struct para_page *p = &r->p->tables.page[(gpa - RAM) >> PAGE_SHIFT];
    return p->count ? p->use : (unsigned)PAGE_FREE;
}

START_TEST(pages_have_one_use)
{
    struct rig r;
    make(&r);
    go_direct(&r);
    ck_assert_uint_eq(use_of(&r, page(0)), PAGE_TABLE2);
    ck_assert_uint_eq(use_of(&r, page(1)), PAGE_TABLE1);
    ck_assert_uint_eq(use_of(&r, page(2)), PAGE_TABLE0);
    ck_assert_uint_eq(use_of(&r, page(10)), PAGE_WRITABLE);
    ck_assert_uint_eq(use_of(&r, page(20)), PAGE_WRITABLE);
    ck_assert_uint_eq(use_of(&r, page(11)), PAGE_FREE);
    ck_assert_int_eq(verify(&r), 3);
    /* A table may be read, and not be written; what can be written is no table. */
    ck_assert_int_eq(update_one(&r, page(2), 4, entry(&r, page(0), LEAF)), PARA_OK);
    ck_assert_int_eq(update_one(&r, page(2), 5, entry(&r, page(0), WRITABLE)), PARA_TYPE);
    ck_assert_int_eq(update_one(&r, page(1), 5, entry(&r, page(10), PTE_V)), PARA_TYPE);
    ck_assert_int_eq(call(&r, PARA_PIN, page(10), 0, 0), PARA_TYPE);
    ck_assert_int_eq(call(&r, PARA_PIN, page(20), 0, 0), PARA_TYPE);
    ck_assert_int_eq(call(&r, PARA_PIN, page(1), 0, 0), PARA_TYPE);
    ck_assert_int_eq(call(&r, PARA_SET_TRAP, 0, page(1), 0), PARA_TYPE);
    /* When the last entry that lets it be written is gone, it may become one; and the other way round. */
    ck_assert_int_eq(update_one(&r, page(2), 3, 0), PARA_OK);
    ck_assert_int_eq(update_one(&r, page(1), 5, entry(&r, page(10), PTE_V)), PARA_OK);
    ck_assert_uint_eq(use_of(&r, page(10)), PAGE_TABLE0);
    ck_assert_int_eq(update_one(&r, page(2), 3, entry(&r, page(10), WRITABLE)), PARA_TYPE);
    ck_assert_int_eq(update_one(&r, page(1), 5, 0), PARA_OK);
    ck_assert_int_eq(update_one(&r, page(2), 3, entry(&r, page(10), WRITABLE)), PARA_OK);
    verify(&r);
    vmm_free(r.v);
}
END_TEST

START_TEST(entries_are_looked_at)
{
    struct rig r;
    uint64_t foreign;
    make(&r);
    go_direct(&r);
    ck_assert(vm_frame(r.v->vm[1], page(10), &foreign));
    uint64_t own = entry(&r, page(11), LEAF), table = entry(&r, page(12), PTE_V);
    const struct {
        unsigned level;
        uint64_t pte;
        int error;
    } row[] = {
        {0, own, PARA_OK},
        {0, own | PTE_A | PTE_D | PTE_X | PTE_RSW, PARA_OK},
        {0, own & ~PTE_V, PARA_OK},
        {0, UINT64_MAX & ~PTE_V, PARA_OK}, /* without V an entry may hold anything */
        {0, own & ~PTE_U, PARA_BITS},
        {0, own | PTE_G, PARA_BITS},
        {0, own | PTE_N, PARA_BITS},
        {0, own | BIT(61), PARA_BITS},
        {0, own | BIT(62), PARA_BITS},
        {0, own | BIT(54), PARA_BITS},
        {0, own | BIT(60), PARA_BITS},
        {0, (own & ~PTE_R) | PTE_W, PARA_BITS},
        {0, (own & ~PTE_R) | PTE_W | PTE_X, PARA_BITS},
        {0, (own & ~PTE_R) | PTE_X, PARA_OK},
        {0, table, PARA_BITS},
        {0, pte_make(foreign, LEAF), PARA_FOREIGN},
        {0, pte_make(foreign, WRITABLE), PARA_FOREIGN},
        {0, pte_make(0, LEAF), PARA_FOREIGN},
        {0, pte_make(0x10000000, LEAF), PARA_FOREIGN}, /* a device of the real machine's */
        {0, pte_make(RAM, LEAF), PARA_FOREIGN},        /* the VMM's */
        {0, pte_make(MASK(55, 12), LEAF), PARA_FOREIGN},
        {1, table, PARA_OK},
        {1, own, PARA_BITS}, /* a large page */
        {2, own, PARA_BITS},
        {1, table | PTE_U, PARA_BITS},
        {1, table | PTE_A, PARA_BITS},
        {1, table | PTE_D, PARA_BITS},
        {1, table | PTE_G, PARA_BITS},
        {1, pte_make(foreign, PTE_V), PARA_FOREIGN},
        {1, entry(&r, page(0), PTE_V), PARA_TYPE}, /* loops, and levels mixed up */
        {1, entry(&r, page(1), PTE_V), PARA_TYPE},
        {2, entry(&r, page(0), PTE_V), PARA_TYPE},
        {2, entry(&r, page(2), PTE_V), PARA_TYPE},
    };
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        uint64_t at = page(2 - row[i].level), before = got(&r, at, 9);
        int64_t error = update_one(&r, at, 9, row[i].pte);
        ck_assert_msg(error == row[i].error, "entry %zu: %d, expected %d", i, (int)error, row[i].error);
        ck_assert_uint_eq(got(&r, at, 9), error ? before : row[i].pte);
        verify(&r);
        /* In a table that is about to become one it is the same. */
        put(&r, page(30), 511, row[i].pte);
        uint64_t left = r.p->tables.ntables;
        error = call(&r, PARA_PIN, page(30), row[i].level, 0);
        ck_assert_msg(error == row[i].error, "entry %zu in a new table: %d, expected %d", i, (int)error, row[i].error);
        if (error == PARA_OK)
            ck_assert_int_eq(call(&r, PARA_UNPIN, page(30), 0, 0), PARA_OK);
        ck_assert_uint_eq(r.p->tables.ntables, left);
        ck_assert_uint_eq(use_of(&r, page(30)), PAGE_FREE);
        ck_assert_int_eq(update_one(&r, at, 9, 0), PARA_OK);
        verify(&r);
    }
    vmm_free(r.v);
}
END_TEST

/* A batch is done as a whole or not at all. */
START_TEST(batches_are_all_or_nothing)
{
    struct rig r;
    make(&r);
    go_direct(&r);
    struct para_update u[] = {
        {page(2), 3, 0},                              /* page 10 is free now */
        {page(1), 7, entry(&r, page(10), PTE_V)},     /* and a table */
        {page(10), 0, entry(&r, page(11), WRITABLE)}, /* with an entry */
        {page(1), 2, 0},                              /* table 2 is none any more */
        {page(2), 0, 0},                              /* so this cannot be */
    };
    uint8_t before[32 * PAGE_SIZE], after[sizeof before];
    ck_assert(bus_dma_read(r.bus, page(0), before, sizeof before));
    uint64_t tables = r.p->tables.ntables;
    ck_assert_int_eq(update(&r, u, 5), PARA_NOT_TABLE);
    ck_assert_uint_eq(r.vh->x[A1], 4);
    ck_assert(bus_dma_read(r.bus, page(0), after, sizeof after));
    ck_assert_mem_eq(before, after, sizeof before);
    ck_assert_uint_eq(r.p->tables.ntables, tables);
    ck_assert_uint_eq(use_of(&r, page(10)), PAGE_WRITABLE);
    ck_assert_uint_eq(use_of(&r, page(2)), PAGE_TABLE0);
    ck_assert(!r.p->tables.broken);
    verify(&r);
    ck_assert_int_eq(update(&r, u, 4), PARA_OK);
    ck_assert_uint_eq(r.vh->x[A1], 4);
    ck_assert_uint_eq(use_of(&r, page(2)), PAGE_FREE);
    ck_assert_uint_eq(use_of(&r, page(10)), PAGE_TABLE0);
    verify(&r);
    vmm_free(r.v);
}
END_TEST

/* So many tables at once, and no more. */
START_TEST(work_is_bounded)
{
    struct rig r;
    make(&r);
    go_direct(&r);
    for (unsigned i = 0; i < 512; i++) {
        put(&r, page(600), i, entry(&r, page(601 + i), PTE_V));
        put(&r, page(601 + i), 0, entry(&r, page(1200 + i), PTE_V));
    }
    uint64_t tables = r.p->tables.ntables;
    ck_assert_int_eq(call(&r, PARA_PIN, page(600), 2, 0), PARA_TOO_MUCH); /* 1025 */
    ck_assert_uint_eq(r.p->tables.ntables, tables);
    verify(&r);
    put(&r, page(700), 0, 0);
    ck_assert_int_eq(call(&r, PARA_PIN, page(600), 2, 0), PARA_OK);
    ck_assert_uint_eq(r.p->tables.ntables, tables + 1024);
    verify(&r);
    ck_assert_int_eq(call(&r, PARA_UNPIN, page(600), 0, 0), PARA_OK);
    ck_assert_uint_eq(r.p->tables.ntables, tables);
    ck_assert_int_eq(call(&r, PARA_UPDATE, page(0), PARA_MAX_UPDATES + 1, 0), PARA_TOO_MUCH);
    ck_assert_int_eq(call(&r, PARA_P2M, 0, PARA_MAX_PAGES + 1, page(40)), PARA_TOO_MUCH);
    ck_assert_int_eq(call(&r, PARA_CONSOLE_WRITE, page(0), PARA_MAX_BYTES + 1, 0), PARA_TOO_MUCH);
    vmm_free(r.v);
}
END_TEST

START_TEST(arguments_are_looked_at)
{
    struct rig r;
    make(&r);
    const uint64_t end = RAM + 16 * MIB;
    ck_assert_int_eq(call(&r, PARA_SET_PTR, page(0), 0, 0), PARA_STATE);
    ck_assert_int_eq(call(&r, PARA_PIN, page(0), 0, 0), PARA_STATE);
    ck_assert_int_eq(call(&r, PARA_RETURN, 0, 0, 0), PARA_STATE);
    ck_assert_int_eq(call(&r, PARA_SET_TRAP, 2, page(20), 0), PARA_INVALID);
    ck_assert_int_eq(call(&r, PARA_SET_TRAP, 0, page(20), BIT(7)), PARA_INVALID);
    ck_assert_int_eq(call(&r, PARA_SET_TRAP, 0, end, 0), PARA_ADDRESS);
    ck_assert_int_eq(call(&r, PARA_SET_TRAP, 0, page(20) + 8, 0), PARA_ADDRESS);
    ck_assert_int_eq(call(&r, PARA_P2M, 4096, 1, page(40)), PARA_INVALID);
    ck_assert_int_eq(call(&r, PARA_P2M, UINT64_MAX, 2, page(40)), PARA_INVALID);
    ck_assert_int_eq(call(&r, PARA_P2M, 0, 2, end - 8), PARA_ADDRESS);
    ck_assert_int_eq(call(&r, PARA_P2M, 0, 2, page(40) + 4), PARA_ADDRESS);
    ck_assert_int_eq(call(&r, PARA_P2M, 4095, 1, page(40)), PARA_OK);
    ck_assert_uint_eq(got(&r, page(40), 0), r.vm->hpa[4095]);
    go_direct(&r);
    ck_assert_int_eq(call(&r, PARA_P2M, 0, 2, page(2) - 8), PARA_TYPE); /* into a table */
    ck_assert_int_eq(call(&r, PARA_SET_PTR, page(0) + 8, 0, 0), PARA_ADDRESS);
    ck_assert_int_eq(call(&r, PARA_SET_PTR, end, 0, 0), PARA_ADDRESS);
    ck_assert_int_eq(call(&r, PARA_SET_PTR, page(0), page(1), 0), PARA_TYPE);
    ck_assert_uint_eq(r.p->root[1], page(0));
    ck_assert_int_eq(call(&r, PARA_SET_PTR, 0, 0, 0), PARA_ADDRESS);
    ck_assert_int_eq(call(&r, PARA_PIN, page(30), 3, 0), PARA_INVALID);
    ck_assert_int_eq(call(&r, PARA_PIN, page(30), UINT64_MAX, 0), PARA_INVALID);
    ck_assert_int_eq(call(&r, PARA_PIN, 0, 0, 0), PARA_ADDRESS);
    ck_assert_int_eq(call(&r, PARA_UNPIN, page(0), 0, 0), PARA_NOT_TABLE); /* in use, and not pinned */
    ck_assert_int_eq(update_one(&r, page(30), 0, 0), PARA_NOT_TABLE);
    ck_assert_int_eq(update_one(&r, page(2), 512, 0), PARA_INVALID);
    ck_assert_int_eq(update_one(&r, page(2) + 8, 0, 0), PARA_ADDRESS);
    ck_assert_int_eq(update_one(&r, UINT64_MAX & PAGE_MASK, 0, 0), PARA_ADDRESS);
    ck_assert_int_eq(call(&r, PARA_UPDATE, end - 8, 1, 0), PARA_ADDRESS);
    ck_assert_int_eq(call(&r, PARA_UPDATE, page(500), UINT64_MAX, 0), PARA_TOO_MUCH);
    ck_assert_int_eq(call(&r, PARA_CONSOLE_WRITE, end - 1, 2, 0), PARA_ADDRESS);
    ck_assert_int_eq(call(&r, PARA_MMIO_READ, page(0), 8, 0), PARA_ADDRESS); /* memory is no device */
    ck_assert_int_eq(call(&r, PARA_MMIO_WRITE, page(2), 8, 0), PARA_ADDRESS);
    ck_assert_int_eq(call(&r, PARA_MMIO_READ, 0x1000, 4, 0), PARA_ADDRESS); /* nor is ROM */
    ck_assert_int_eq(call(&r, PARA_MMIO_READ, 0x10000000, 3, 0), PARA_ADDRESS);
    ck_assert_int_eq(call(&r, PARA_MMIO_READ, 0x10001001, 4, 0), PARA_ADDRESS);
    ck_assert_int_eq(call(&r, PARA_MMIO_READ, 0x10001000, 4, 0), PARA_OK);
    ck_assert_uint_eq(r.vh->x[A1], 0x74726976);
    ck_assert_int_eq(call(&r, PARA_YIELD, 2, 0, 0), PARA_INVALID);
    ck_assert_int_eq(call(&r, PARA_FUNCTIONS, 0, 0, 0), PARA_NOT_SUPPORTED);
    ck_assert_int_eq(call(&r, UINT64_MAX, 0, 0, 0), PARA_NOT_SUPPORTED);
    ck_assert_int_eq(call(&r, PARA_RETURN, 0, 0, 0), PARA_STATE); /* to a program, without a root for one */
    verify(&r);
    vmm_free(r.v);
}
END_TEST

/* A and D may appear in a table; any other write to it, whoever made it, is noticed at once. */
START_TEST(others_do_not_write_tables)
{
    struct rig r;
    make(&r);
    go_direct(&r);
    uint64_t e = got(&r, page(2), 3);
    put(&r, page(2), 3, e | PTE_A | PTE_D);
    ck_assert(!r.p->tables.broken);
    verify(&r);
    put(&r, page(10), 3, UINT64_MAX); /* no table */
    ck_assert(!r.p->tables.broken);
    uint64_t hpa;
    ck_assert(vm_frame(r.vm, page(2), &hpa));
    ck_assert(
        bus_write(machine_bus(r.v->machine), hpa + 8, 8, PTE_A)); /* by its real address, an entry that is not there */
    ck_assert(r.p->tables.broken);
    ck_assert_uint_eq(r.p->tables.written_gpa, page(2) + 8);
    r.p->tables.broken = false;
    ck_assert(bus_dma_write(r.bus, page(1) - 4, "12345678", 8)); /* part of it lies in a table */
    ck_assert(r.p->tables.broken);
    /* The guest ends, and says why. */
    struct vmm_result result;
    vmm_run(r.v, 1000, &result);
    char why[300];
    ck_assert(vm_report(r.vm, why, sizeof why));
    ck_assert_ptr_nonnull(strstr(why, "written otherwise than by a hypercall"));
    ck_assert(!r.v->vm[1]->ended);
    vmm_free(r.v);
}
END_TEST

/* The verifier finds what is planted behind its back. */
START_TEST(verify_finds)
{
    struct rig r;
    struct err e = {.text = ""};
    make(&r);
    go_direct(&r);
    uint64_t foreign, *host;
    ck_assert(vm_frame(r.v->vm[1], page(10), &foreign));
    struct mem_region *m = bus_memory_at(r.bus, page(2));
    host = (uint64_t *)(void *)mem_host(m, page(2) - m->base);
    struct para_page *p = &r.p->tables.page[(page(2) - RAM) >> PAGE_SHIFT];
    const uint64_t bad[] = {pte_make(foreign, LEAF), entry(&r, page(1), WRITABLE), entry(&r, page(11), LEAF) & ~PTE_U,
                            entry(&r, page(11), WRITABLE)};
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        host[8] = bad[i];
        ck_assert_int_eq(para_tables_verify(&r.p->tables, &r.p->root[1], 1, &r.p->shared, 1, &e), -1);
        p->copy[8] = bad[i]; /* even if the VMM believed that it let it in */
        ck_assert_int_eq(para_tables_verify(&r.p->tables, &r.p->root[1], 1, &r.p->shared, 1, &e), -1);
        host[8] = p->copy[8] = 0;
        verify(&r);
    }
    bus_flag_page(r.bus, page(2), PAGE_SHADOW, false);
    ck_assert_int_eq(para_tables_verify(&r.p->tables, &r.p->root[1], 1, &r.p->shared, 1, &e), -1);
    bus_flag_page(r.bus, page(2), PAGE_SHADOW, true);
    vmm_free(r.v);
}
END_TEST

/* ---- At random ---- */

static uint64_t seed;

static uint64_t any(uint64_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (seed >> 33) % n;
}

enum { PLAY = 12 }; /* pages that everything is tried on */

static uint64_t any_entry(struct rig *r)
{
    uint64_t foreign;
    ck_assert(vm_frame(r->v->vm[1], page((unsigned)any(PLAY)), &foreign));
    switch (any(24)) {
    case 0: return pte_make(foreign, any(2) ? LEAF : PTE_V);
    case 1: return any(UINT32_MAX) << 32 | any(UINT32_MAX);
    case 2:
    case 3:
    case 4:
    case 5:
    case 6: return entry(r, page((unsigned)any(PLAY)), any(2) ? LEAF : WRITABLE);
    case 7:
    case 8:
    case 9:
    case 10:
    case 11: return entry(r, page((unsigned)any(PLAY)), PTE_V);
    default: return 0;
    }
}

static bool play_batch(struct rig *r)
{
    struct para_update u[4];
    uint8_t before[PLAY * PAGE_SIZE], after[sizeof before];
    unsigned n = 1 + (unsigned)any(4);
    for (unsigned i = 0; i < n; i++)
        u[i] = (struct para_update){page((unsigned)any(PLAY)), any(4), any_entry(r)};
    ck_assert(bus_dma_read(r->bus, page(0), before, sizeof before));
    if (update(r, u, n) == PARA_OK)
        return true;
    ck_assert(bus_dma_read(r->bus, page(0), after, sizeof after));
    ck_assert_mem_eq(before, after, sizeof before);
    return false;
}

/* Whatever order pages are pinned, changed, made roots and let go in, the counts are right, and no entry shows what it must not. */
START_TEST(random_changes)
{
    struct rig r;
    unsigned good = 0, batches = 0;
    make(&r);
    put(&r, page(0), 1, entry(&r, page(1), PTE_V));
    ck_assert_int_eq(call(&r, PARA_SET_TRAP, 0x40000000, page(20), INT_S), PARA_OK);
    ck_assert_int_eq(call(&r, PARA_SET_PTR, page(0), 0, 0), PARA_OK);
    seed = (uint64_t)_i;
    for (unsigned i = 0; i < 6000; i++) {
        uint64_t at = page((unsigned)any(PLAY));
        switch (any(8)) {
        case 0: good += call(&r, PARA_PIN, at, any(3), 0) == PARA_OK; break;
        case 1: good += call(&r, PARA_UNPIN, at, 0, 0) == PARA_OK; break;
        case 2: good += call(&r, PARA_SET_PTR, at, any(2) ? page((unsigned)any(PLAY)) : 0, 0) == PARA_OK; break;
        case 3: /* the guest writes a page that is no table */
            if (!para_is_table(&r.p->tables, at))
                put(&r, at, (unsigned)any(4), any_entry(&r));
            break;
        default: batches += play_batch(&r); break;
        }
        ck_assert(!r.p->tables.broken);
        verify(&r);
    }
    ck_assert_uint_gt(good, 150);
    ck_assert_uint_gt(batches, 60);
    vmm_free(r.v);
}
END_TEST

static uint64_t any_argument(void)
{
    switch (any(8)) {
    case 0: return page((unsigned)any(PLAY));
    case 1: return any(64);
    case 2: return any(UINT32_MAX) << 32 | any(UINT32_MAX);
    case 3: return UINT64_MAX - any(64);
    case 4: return RAM + 16 * MIB - any(2 * PAGE_SIZE);
    case 5: return RAM + any(16 * MIB);
    case 6: return any(2) ? 0x10000000 + any(0x100) : 0x10001000 + any(0x200);
    default: return BIT(any(64)) - any(2);
    }
}

/* No call does harm, whatever is asked. */
START_TEST(random_calls)
{
    struct rig r;
    unsigned error[64] = {0};
    make(&r);
    go_direct(&r);
    seed = (uint64_t)_i;
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t fn = any(PARA_FUNCTIONS + 1);
        if (fn == PARA_SHUTDOWN)
            continue;
        int64_t e = call(&r, fn, any_argument(), any_argument(), any_argument());
        if (fn != PARA_RETURN && e <= 0 && e > -64)
            error[-e]++;
        ck_assert(r.p->root[1] && r.p->direct && !r.p->tables.broken);
        para_enter_mode(r.vm, r.vh, true);
        if (i % 8 == 0)
            verify(&r);
    }
    verify(&r);
    ck_assert_uint_gt(error[0], 100);
    ck_assert_uint_gt(error[-PARA_ADDRESS], 100);
    vmm_free(r.v);
}
END_TEST

Suite *para_suite(void)
{
    Suite *s = suite_create("para");
    TCase *t = tcase_create("direct paging");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, pages_have_one_use);
    tcase_add_test(t, entries_are_looked_at);
    tcase_add_test(t, batches_are_all_or_nothing);
    tcase_add_test(t, work_is_bounded);
    tcase_add_test(t, arguments_are_looked_at);
    tcase_add_test(t, others_do_not_write_tables);
    tcase_add_test(t, verify_finds);
    tcase_add_loop_test(t, random_changes, 0, 8);
    tcase_add_loop_test(t, random_calls, 0, 4);
    suite_add_tcase(s, t);
    return s;
}
