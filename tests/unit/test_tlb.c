/* SPDX-License-Identifier: MIT */
/*
 * The TLB: a bank by itself, then the hart's banks as programs see them. Between a change of a page table and the fence for it the old
 * translation may be seen, and here it is: that is how these tests know that a fence did something, and nothing more than it should.
 */
#include "run_rig.h"

Suite *tlb_suite(void);

/* ---- one bank ---- */

/* Where a hit leads, NULL: a miss. As the run loop looks it up. */
static uint8_t *hit(const struct tlb *t, bool write, uint64_t va, unsigned size)
{
    const struct tlb_entry *e = write ? &t->w[tlb_index(va)] : &t->r[tlb_index(va)];
    uint64_t at = va - e->page;
    return at <= (uint64_t)PAGE_SIZE - size ? e->host + at : NULL;
}

static struct tlb *bank(void)
{
    struct tlb *t = calloc(1, sizeof *t);
    ck_assert_ptr_nonnull(t);
    tlb_init(t, &(struct tlb_key){0});
    return t;
}

static uint8_t pages[4][PAGE_SIZE];

START_TEST(empty)
{
    static const uint64_t vas[] = {0,           1,         PAGE_SIZE - 8,      PAGE_SIZE,        RAM,
                                   0x7ffffffff, 0x1000000, UINT64_MAX - 0xfff, UINT64_MAX - 0xf, UINT64_C(1) << 63};
    struct tlb *t = bank();
    for (unsigned i = 0; i < ARRAY_LEN(vas); i++)
        for (unsigned write = 0; write < 2; write++)
            ck_assert_ptr_null(hit(t, write, vas[i], 8));
    for (uint64_t va = 0; va < (uint64_t)TLB_ENTRIES * PAGE_SIZE * 2; va += PAGE_SIZE)
        ck_assert(!hit(t, false, va, 1) && !hit(t, true, va + PAGE_SIZE - 1, 1));
    free(t);
}
END_TEST

START_TEST(fill_and_hit)
{
    struct tlb *t = bank();
    uint64_t va = UINT64_C(0x3fffabc000);
    tlb_fill(t, false, va + 0x123, pages[0], PAGE_SIZE);
    ck_assert_ptr_eq(hit(t, false, va, 8), pages[0]);
    ck_assert_ptr_eq(hit(t, false, va + 0xff8, 8), pages[0] + 0xff8);
    ck_assert_ptr_eq(hit(t, false, va + 0x7fd, 4), pages[0] + 0x7fd); /* misaligned within the page */
    ck_assert_ptr_null(hit(t, false, va + 0xff9, 8));                 /* goes on on the next page */
    ck_assert_ptr_null(hit(t, false, va - 1, 8));
    ck_assert_ptr_null(hit(t, true, va, 8)); /* writes have entries of their own */
    tlb_fill(t, true, va, pages[1], PAGE_SIZE);
    ck_assert_ptr_eq(hit(t, true, va, 8), pages[1]);
    ck_assert_ptr_eq(hit(t, false, va, 8), pages[0]);
    /* Another page of the same index takes its place. */
    uint64_t other = va + (uint64_t)TLB_ENTRIES * PAGE_SIZE;
    ck_assert_ptr_null(hit(t, false, other, 8));
    tlb_fill(t, false, other, pages[2], PAGE_SIZE);
    ck_assert_ptr_eq(hit(t, false, other, 8), pages[2]);
    ck_assert_ptr_null(hit(t, false, va, 8));
    ck_assert_ptr_eq(hit(t, true, va, 8), pages[1]);
    free(t);
}
END_TEST

START_TEST(flush_by_page)
{
    struct tlb *t = bank();
    tlb_fill(t, false, 0x1000, pages[0], PAGE_SIZE);
    tlb_fill(t, true, 0x1000, pages[0], PAGE_SIZE);
    tlb_fill(t, false, 0x2000, pages[1], PAGE_SIZE);
    tlb_flush_page(t, 0x1000 + (uint64_t)TLB_ENTRIES * PAGE_SIZE); /* the same index, another page */
    ck_assert_ptr_nonnull(hit(t, false, 0x1000, 8));
    tlb_flush_page(t, 0x1ff8);
    ck_assert(!hit(t, false, 0x1000, 8) && !hit(t, true, 0x1000, 8));
    ck_assert_ptr_nonnull(hit(t, false, 0x2000, 8));
    tlb_flush(t);
    ck_assert_ptr_null(hit(t, false, 0x2000, 8));
    free(t);
}
END_TEST

/* A fragment of a superpage goes with any address of the superpage, and pages beside it stay. */
START_TEST(flush_in_superpage)
{
    static const uint64_t sizes[] = {UINT64_C(1) << 16, UINT64_C(1) << 21, UINT64_C(1) << 30};
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        struct tlb *t = bank();
        uint64_t base = UINT64_C(5) << 30, size = sizes[i];
        tlb_fill(t, false, base + 0x3000, pages[0], size);
        tlb_fill(t, false, base - 0x5000, pages[1], PAGE_SIZE);
        tlb_flush_page(t, base - 1);
        tlb_flush_page(t, base + size);
        ck_assert_ptr_nonnull(hit(t, false, base + 0x3000, 8));
        ck_assert_ptr_nonnull(hit(t, false, base - 0x5000, 8));
        tlb_flush_page(t, base + size - 1);
        ck_assert_ptr_null(hit(t, false, base + 0x3000, 8));
        free(t);
    }
}
END_TEST

/* A flush of what was filled finds all of it, few entries or more than are listed; and so does a page's protection. */
START_TEST(few_and_many)
{
    static const unsigned counts[] = {1, TLB_LOG - 1, TLB_LOG, TLB_LOG + 1, TLB_ENTRIES};
    for (unsigned i = 0; i < ARRAY_LEN(counts); i++)
        for (unsigned reads = 0; reads < 2; reads++) {
            struct tlb *t = bank();
            for (unsigned k = 0; k < counts[i]; k++) {
                tlb_fill(t, true, (uint64_t)k << PAGE_SHIFT, pages[k % 2], PAGE_SIZE);
                tlb_fill(t, false, (uint64_t)k << PAGE_SHIFT, pages[k % 2], PAGE_SIZE);
            }
            tlb_protect(t, pages[0], reads);
            for (unsigned k = 0; k < counts[i]; k++) {
                ck_assert((hit(t, true, (uint64_t)k << PAGE_SHIFT, 8) != NULL) == (k % 2 == 1));
                ck_assert((hit(t, false, (uint64_t)k << PAGE_SHIFT, 8) != NULL) == (k % 2 == 1 || !reads));
            }
            tlb_flush(t);
            for (unsigned k = 0; k < counts[i]; k++)
                ck_assert(!hit(t, true, (uint64_t)k << PAGE_SHIFT, 8) && !hit(t, false, (uint64_t)k << PAGE_SHIFT, 8));
            free(t);
        }
}
END_TEST

/* ---- a hart's banks ---- */

/*
 * RAM by pages: 0 code | 1 trap handler | 2, 3, 4 stage one of ASID 1 | 5, 6, 7 of ASID 2 | 16..19, 20, 21 stage two of VMID 1
 * | 24..27, 28, 29 of VMID 2 | 32.. data: page n holds n in each word.
 * Stage one: VA + 4 KiB i by entries of level 0; SUPER + ... by one entry of level 1 where there is one. At V=1 the tables lie in what stage
 * two leaves where it is, and GUEST + 4 KiB i goes to data by entries of level 0.
 */
#define VA    UINT64_C(0x40000000)
#define SUPER UINT64_C(0x40200000)
#define GUEST UINT64_C(0x80200000)
enum { DATA = 32, ALL_DATA = 24, LEAF = P_V | P_RWX | P_AD, FAULTED = -1 };
enum { C_HGATP = 0x680, C_VSATP = 0x280, C_VSSTATUS = 0x200, C_HSTATUS = 0x600 };

static uint64_t page(unsigned n)
{
    return RAM + (uint64_t)n * PAGE_SIZE;
}

static uint64_t entry(uint64_t pa, unsigned flags)
{
    return pa >> 2 | flags;
}

static void set_entry(struct machine *m, unsigned table, unsigned n, uint64_t e)
{
    put(m, page(table) + 8 * (uint64_t)n, e, 8);
}

/* Three tables of stage one from page `first` on: four pages at VA, to what at says. */
static void stage_one(struct machine *m, unsigned first, uint64_t at, unsigned flags)
{
    set_entry(m, first, 1, entry(page(first + 1), P_V));
    set_entry(m, first + 1, 0, entry(page(first + 2), P_V));
    for (unsigned i = 0; i < 4; i++)
        set_entry(m, first + 2, i, entry(at + i * PAGE_SIZE, LEAF | flags));
}

static void stage_two(struct machine *m, unsigned first, unsigned data)
{
    set_entry(m, first, 2, entry(page(first + 4), P_V));
    set_entry(m, first + 4, 0, entry(RAM, LEAF | P_U));
    set_entry(m, first + 4, 1, entry(page(first + 5), P_V));
    for (unsigned i = 0; i < 4; i++)
        set_entry(m, first + 5, i, entry(page(data + i), LEAF | P_U));
}

static uint64_t satp_of(unsigned table, unsigned asid)
{
    return UINT64_C(8) << 60 | (uint64_t)asid << 44 | page(table) >> PAGE_SHIFT;
}

/* M mode whose loads and stores are S's (VS's): MPRV. */
static struct machine *rig(bool virt)
{
    struct machine *m = machine_make("rv64");
    for (unsigned n = DATA; n < DATA + ALL_DATA; n++)
        for (unsigned i = 0; i < PAGE_SIZE; i += 8)
            put(m, page(n) + i, n, 8);
    put(m, page(1), W_NOP, 4);
    set_csr(m, C_MTVEC, page(1));
    stage_one(m, 2, virt ? GUEST : page(DATA), 0);
    stage_one(m, 5, virt ? GUEST : page(DATA + 4), 0);
    stage_two(m, 16, DATA);
    stage_two(m, 24, DATA + 4);
    set_csr(m, virt ? C_VSATP : C_SATP, satp_of(2, 1));
    set_csr(m, C_HGATP, satp_of(16, 1));
    set_csr(m, C_MSTATUS, MSTATUS_MPRV | UINT64_C(1) << MSTATUS_MPP_SHIFT | (virt ? MSTATUS_MPV : 0));
    return m;
}

/* One instruction with x5 and x6 as its operands; x6 afterwards, FAULTED if it trapped. */
static uint64_t does(struct machine *m, uint32_t w, uint64_t x5, uint64_t x6)
{
    uint64_t status = csr(m, C_MSTATUS);
    put(m, RAM, w, 4);
    m->h->pc = RAM;
    m->h->x[5] = x5;
    m->h->x[6] = x6;
    run_n(m, 1); /* it, or the trap handler's first */
    bool trapped = m->h->pc != RAM + 4;
    set_csr(m, C_MSTATUS, status);
    return trapped ? (uint64_t)FAULTED : m->h->x[6];
}

static uint64_t at(struct machine *m, uint64_t va)
{
    return does(m, w_i(INSN_ld, 6, 5, 0), va, 0);
}

/* A fence by address x5 and identifier x6, where they are given. */
static void fence(struct machine *m, enum insn_id id, bool by_address, uint64_t address, bool by_id, uint64_t number)
{
    ck_assert(does(m, w_r(id, 0, by_address ? 5 : 0, by_id ? 6 : 0), address, number) == number);
}

static void fence_all(struct machine *m, enum insn_id id)
{
    fence(m, id, false, 0, false, 0);
}

/* Priv. "Supervisor Memory-Management Fence Instruction" */
START_TEST(sfence_by_address)
{
    static const enum insn_id ids[] = {INSN_sfence_vma, INSN_sinval_vma};
    struct machine *m = rig(false);
    for (unsigned k = 0; k < ARRAY_LEN(ids); k++) {
        unsigned old = DATA + 8 * k, new = DATA + 8 * (k + 1);
        for (unsigned i = 0; i < 2; i++) {
            ck_assert_uint_eq(at(m, VA + i * PAGE_SIZE), old + i);
            set_entry(m, 4, i, entry(page(new + i), LEAF));
            ck_assert_uint_eq(at(m, VA + i * PAGE_SIZE + 8), old + i);
        }
        fence(m, ids[k], true, VA + PAGE_SIZE + 0x123, false, 0);
        ck_assert_uint_eq(at(m, VA), old);
        ck_assert_uint_eq(at(m, VA + PAGE_SIZE), new + 1);
        fence_all(m, ids[k]);
        ck_assert_uint_eq(at(m, VA), new);
    }
    machine_unmake(m);
}
END_TEST

START_TEST(sfence_by_asid)
{
    struct machine *m = rig(false);
    ck_assert_uint_eq(at(m, VA), DATA);
    set_csr(m, C_SATP, satp_of(5, 2));
    ck_assert_uint_eq(at(m, VA), DATA + 4);
    set_entry(m, 4, 0, entry(page(DATA + 8), LEAF));
    set_entry(m, 7, 0, entry(page(DATA + 9), LEAF));
    fence(m, INSN_sfence_vma, false, 0, true, 1);
    ck_assert_uint_eq(at(m, VA), DATA + 4);
    set_csr(m, C_SATP, satp_of(2, 1));
    ck_assert_uint_eq(at(m, VA), DATA + 8);
    fence(m, INSN_sfence_vma, true, VA + PAGE_SIZE, true, 2); /* another address */
    set_csr(m, C_SATP, satp_of(5, 2));
    ck_assert_uint_eq(at(m, VA), DATA + 4);
    fence(m, INSN_sfence_vma, true, VA, true, UINT64_C(0xabc0000) | 2); /* bits above the ASID's count for nothing */
    ck_assert_uint_eq(at(m, VA), DATA + 9);
    machine_unmake(m);
}
END_TEST

/* A global page is in every address space: a fence for all of them reaches it under each. */
START_TEST(global_pages)
{
    struct machine *m = rig(false);
    stage_one(m, 2, page(DATA), P_G);
    set_entry(m, 5, 1, entry(page(3), P_V));
    for (unsigned asid = 1; asid < 3; asid++) {
        set_csr(m, C_SATP, satp_of(asid == 1 ? 2 : 5, asid));
        ck_assert_uint_eq(at(m, VA), DATA);
    }
    set_entry(m, 4, 0, entry(page(DATA + 8), LEAF | P_G));
    fence(m, INSN_sfence_vma, true, VA, false, 0);
    for (unsigned asid = 1; asid < 3; asid++) {
        set_csr(m, C_SATP, satp_of(asid == 1 ? 2 : 5, asid));
        ck_assert_uint_eq(at(m, VA), DATA + 8);
    }
    machine_unmake(m);
}
END_TEST

/* What the privilege, SUM and MXR allow changes at once, without a fence. */
START_TEST(permissions_need_no_fence)
{
    struct machine *m = rig(false);
    const uint64_t mprv_s = MSTATUS_MPRV | UINT64_C(1) << MSTATUS_MPP_SHIFT, mprv_u = MSTATUS_MPRV;
    set_entry(m, 4, 0, entry(page(DATA), LEAF | P_U));
    set_entry(m, 4, 1, entry(page(DATA + 1), P_V | P_X | P_AD));
    for (unsigned round = 0; round < 3; round++) {
        set_csr(m, C_MSTATUS, mprv_s | MSTATUS_SUM);
        ck_assert_uint_eq(at(m, VA), DATA);
        set_csr(m, C_MSTATUS, mprv_s);
        ck_assert_uint_eq(at(m, VA), (uint64_t)FAULTED);
        ck_assert_uint_eq(at(m, VA + PAGE_SIZE), (uint64_t)FAULTED);
        set_csr(m, C_MSTATUS, mprv_s | MSTATUS_MXR);
        ck_assert_uint_eq(at(m, VA + PAGE_SIZE), DATA + 1);
        set_csr(m, C_MSTATUS, mprv_u);
        ck_assert_uint_eq(at(m, VA), DATA);
        ck_assert_uint_eq(at(m, VA + 2 * PAGE_SIZE), (uint64_t)FAULTED);
        set_csr(m, C_MSTATUS, UINT64_C(1) << MSTATUS_MPP_SHIFT); /* M's own */
        ck_assert_uint_eq(at(m, VA), (uint64_t)FAULTED);
        ck_assert_uint_eq(at(m, page(DATA + 2)), DATA + 2);
    }
    machine_unmake(m);
}
END_TEST

/* More address spaces than there are banks, to and fro. */
START_TEST(more_spaces_than_banks)
{
    struct machine *m = rig(false);
    for (unsigned round = 0; round < 3; round++)
        for (unsigned asid = 0; asid < 100; asid++) {
            set_csr(m, C_SATP, satp_of(asid & 1 ? 2 : 5, asid));
            ck_assert_uint_eq(at(m, VA), asid & 1 ? DATA : DATA + 4);
        }
    machine_unmake(m);
}
END_TEST

/* Priv. "Hypervisor Memory-Management Fence Instructions": stage two's changes wait for hfence.gvma, by address, VMID, or all. */
START_TEST(hfence_gvma_selects)
{
    static const struct {
        enum insn_id id;
        bool by_address, by_vmid;
        uint64_t address, vmid;
        bool must, may; /* be seen afterwards */
    } cases[] = {
        {INSN_hfence_gvma, false, false, 0, 0, true, true},
        {INSN_hfence_gvma, true, false, GUEST >> 2, 0, true, true},
        {INSN_hfence_gvma, true, true, (GUEST + 0x7f8) >> 2, 1, true, true},
        {INSN_hfence_gvma, false, true, 0, 1, true, true},
        {INSN_hinval_gvma, true, true, GUEST >> 2, 1, true, true},
        {INSN_hfence_gvma, true, false, (GUEST + PAGE_SIZE) >> 2, 0, false,
         true}, /* entries are by guest virtual address */
        {INSN_hfence_gvma, false, true, 0, 2, false, false},
        {INSN_hinval_gvma, true, true, GUEST >> 2, 2, false, false},
        {INSN_sfence_vma, false, false, 0, 0, false, false},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++)
        for (unsigned bare = 0; bare < 2; bare++) {
            struct machine *m = rig(true);
            uint64_t va = bare ? GUEST : VA;
            if (bare)
                set_csr(m, C_VSATP, 0);
            ck_assert_uint_eq(at(m, va), DATA);
            set_entry(m, 21, 0, entry(page(DATA + 8), LEAF | P_U));
            ck_assert_uint_eq(at(m, va), DATA);
            fence(m, cases[i].id, cases[i].by_address, cases[i].address, cases[i].by_vmid, cases[i].vmid);
            uint64_t seen = at(m, va);
            ck_assert_msg(cases[i].must ? seen == DATA + 8 : seen == DATA || (cases[i].may && seen == DATA + 8),
                          "case %u: %lu", i, (unsigned long)seen);
            machine_unmake(m);
        }
}
END_TEST

/* Stage one's changes: hfence.vvma by address and ASID, of the VMID in hgatp only. */
START_TEST(hfence_vvma_selects)
{
    static const struct {
        unsigned vmid; /* in hgatp when the fence is executed */
        bool by_address, by_asid;
        uint64_t address, asid;
        bool seen;
    } cases[] = {
        {1, false, false, 0, 0, true}, {1, true, false, VA, 0, true},  {1, true, true, VA + 8, 1, true},
        {1, false, true, 0, 1, true},  {1, false, true, 0, 2, false},  {1, true, false, VA + PAGE_SIZE, 0, false},
        {1, true, true, VA, 2, false}, {2, false, false, 0, 0, false},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct machine *m = rig(true);
        ck_assert_uint_eq(at(m, VA), DATA);
        set_entry(m, 4, 0, entry(GUEST + 2 * PAGE_SIZE, LEAF));
        ck_assert_uint_eq(at(m, VA), DATA);
        set_csr(m, C_HGATP, satp_of(cases[i].vmid == 1 ? 16 : 24, cases[i].vmid));
        fence(m, INSN_hfence_vvma, cases[i].by_address, cases[i].address, cases[i].by_asid, cases[i].asid);
        set_csr(m, C_HGATP, satp_of(16, 1));
        uint64_t seen = at(m, VA);
        ck_assert_msg(seen == (cases[i].seen ? DATA + 2 : DATA), "case %u: %lu", i, (unsigned long)seen);
        machine_unmake(m);
    }
}
END_TEST

/* "The leaf page table entries for the virtual address in rs1": a guest's superpage goes as a whole, though stage two maps it by small pages. */
START_TEST(superpage_over_small_pages)
{
    static const uint64_t by[] = {SUPER, SUPER + 2 * PAGE_SIZE, SUPER + 0x1fffff};
    for (unsigned i = 0; i < ARRAY_LEN(by); i++)
        for (unsigned how = 0; how < 2; how++) {
            struct machine *m = rig(true);
            set_entry(m, 3, 1, entry(GUEST, LEAF));
            ck_assert_uint_eq(at(m, SUPER + PAGE_SIZE), DATA + 1);
            set_entry(m, 3, 1, 0);
            ck_assert_uint_eq(at(m, SUPER + PAGE_SIZE), DATA + 1);
            fence(m, INSN_hfence_vvma, true, by[i], how, 1);
            ck_assert_uint_eq(at(m, SUPER + PAGE_SIZE), (uint64_t)FAULTED);
            machine_unmake(m);
        }
}
END_TEST

/* The same for code. */
START_TEST(superpage_of_code)
{
    struct machine *m = rig(true);
    set_entry(m, 3, 1, entry(GUEST, LEAF));
    put(m, page(DATA + 1), W_ADDI(6, 0, 1), 4);
    for (unsigned i = 0; i < 3; i++) {
        m->h->priv = PRIV_S;
        m->h->virt = true;
        m->h->pc = SUPER + PAGE_SIZE;
        hart_context_changed(m->h);
        run_n(m, 1);
        ck_assert_uint_eq(m->h->pc, i < 2 ? SUPER + PAGE_SIZE + 4 : page(1) + 4);
        m->h->priv = PRIV_M;
        m->h->virt = false;
        hart_context_changed(m->h);
        set_entry(m, 3, 1, 0);
        if (i == 1)
            fence(m, INSN_hfence_vvma, true, SUPER, false, 0);
    }
    machine_unmake(m);
}
END_TEST

/* Both VMIDs' translations are kept side by side. */
START_TEST(vmids)
{
    struct machine *m = rig(true);
    for (unsigned round = 0; round < 2; round++) {
        set_csr(m, C_HGATP, satp_of(16, 1));
        ck_assert_uint_eq(at(m, VA), DATA);
        set_csr(m, C_HGATP, satp_of(24, 2));
        ck_assert_uint_eq(at(m, VA), DATA + 4);
    }
    set_entry(m, 21, 0, entry(page(DATA + 8), LEAF | P_U));
    set_entry(m, 29, 0, entry(page(DATA + 9), LEAF | P_U));
    fence(m, INSN_hfence_gvma, false, 0, true, 1);
    ck_assert_uint_eq(at(m, VA), DATA + 4);
    set_csr(m, C_HGATP, satp_of(16, 1));
    ck_assert_uint_eq(at(m, VA), DATA + 8);
    machine_unmake(m);
}
END_TEST

/* HLV, HSV and HLVX translate by the same fences, and what one may do is not lent to another. */
START_TEST(hypervisor_loads)
{
    const uint32_t hlv = w_r(INSN_hlv_d, 6, 5, 0), hsv = w_r(INSN_hsv_d, 0, 5, 6), hlvx = w_r(INSN_hlvx_wu, 6, 5, 0);
    struct machine *m = rig(true);
    set_csr(m, C_MSTATUS, 0);
    set_csr(m, C_HSTATUS, HSTATUS_SPVP);
    ck_assert_uint_eq(does(m, hlv, VA, 0), DATA);
    set_entry(m, 21, 0, entry(page(DATA + 8), LEAF | P_U));
    set_entry(m, 4, 1, entry(GUEST + 2 * PAGE_SIZE, LEAF));
    ck_assert_uint_eq(does(m, hlv, VA, 0), DATA);
    fence_all(m, INSN_sfence_vma);
    fence_all(m, INSN_hfence_vvma);
    ck_assert_uint_eq(does(m, hlv, VA + PAGE_SIZE, 0), DATA + 2);
    fence_all(m, INSN_hfence_gvma);
    ck_assert_uint_eq(does(m, hlv, VA, 0), DATA + 8);
    /* A page that may be executed and read at stage two, and only be executed at stage one */
    set_entry(m, 4, 2, entry(GUEST + 2 * PAGE_SIZE, P_V | P_X | P_AD));
    ck_assert_uint_eq(does(m, hlvx, VA + 2 * PAGE_SIZE, 0), DATA + 2);
    ck_assert_uint_eq(does(m, hlv, VA + 2 * PAGE_SIZE, 0), (uint64_t)FAULTED);
    ck_assert_uint_eq(does(m, hsv, VA + 2 * PAGE_SIZE, 7), (uint64_t)FAULTED);
    set_csr(m, C_VSSTATUS, MSTATUS_MXR);
    ck_assert_uint_eq(does(m, hlv, VA + 2 * PAGE_SIZE, 0), DATA + 2);
    set_csr(m, C_VSSTATUS, 0);
    ck_assert_uint_eq(does(m, hlv, VA + 2 * PAGE_SIZE, 0), (uint64_t)FAULTED);
    /* U's page, and a read that does not make a write */
    set_entry(m, 4, 3, entry(GUEST + 3 * PAGE_SIZE, P_V | P_R | P_X | P_U | P_AD));
    set_csr(m, C_HSTATUS, 0);
    ck_assert_uint_eq(does(m, hlv, VA + 3 * PAGE_SIZE, 0), DATA + 3);
    ck_assert_uint_eq(does(m, hsv, VA + 3 * PAGE_SIZE, 7), (uint64_t)FAULTED);
    set_csr(m, C_HSTATUS, HSTATUS_SPVP);
    ck_assert_uint_eq(does(m, hlv, VA + 3 * PAGE_SIZE, 0), (uint64_t)FAULTED);
    /* HSV twice, by the walk and by the bank */
    for (unsigned i = 1; i < 3; i++) {
        ck_assert_uint_eq(does(m, hsv, VA + 0x10, 100 * i), 100 * i);
        ck_assert_uint_eq(get(m, page(DATA + 8) + 0x10, 8), 100 * i);
        ck_assert_uint_eq(does(m, w_r(INSN_hlv_b, 6, 5, 0), VA + 0x10, 0), i == 1 ? 100 : (uint64_t)(int8_t)200);
    }
    machine_unmake(m);
}
END_TEST

Suite *tlb_suite(void)
{
    Suite *s = suite_create("tlb");
    TCase *t = tcase_create("bank");
    tcase_add_test(t, empty);
    tcase_add_test(t, fill_and_hit);
    tcase_add_test(t, flush_by_page);
    tcase_add_test(t, flush_in_superpage);
    tcase_add_test(t, few_and_many);
    suite_add_tcase(s, t);
    t = tcase_create("hart");
    tcase_add_test(t, sfence_by_address);
    tcase_add_test(t, sfence_by_asid);
    tcase_add_test(t, global_pages);
    tcase_add_test(t, permissions_need_no_fence);
    tcase_add_test(t, more_spaces_than_banks);
    tcase_add_test(t, hfence_gvma_selects);
    tcase_add_test(t, hfence_vvma_selects);
    tcase_add_test(t, superpage_over_small_pages);
    tcase_add_test(t, superpage_of_code);
    tcase_add_test(t, vmids);
    tcase_add_test(t, hypervisor_loads);
    suite_add_tcase(s, t);
    return s;
}
