/* SPDX-License-Identifier: MIT */
/* Memory: entries of each kind, accesses and instructions across pages, tables that are code, that map themselves, that several roots share. */
#include "s.h"

static uint64_t d2, code, code2;

static void prepare(void)
{
    space(&root, &l1, &l0);
    d = page(), d2 = page(), code = page(), code2 = page();
    AT(l0, 0) = pte(d, RW);
    AT(l0, 1) = pte(d2, RW | U);
    AT(l0, 2) = pte(l0, RW);
    AT(l0, 3) = pte(d, V | R | W);
    AT(l0, 4) = pte(d, V | R | A);
    AT(l0, 5) = 0;
    AT(l0, 6) = pte(code, RX);
    AT(l0, 7) = pte(code2, V | R | A);
    AT(l0, 8) = pte(code, RX | U);
    AT(l0, 9) = pte(code2, V | X | A);
    AT(l0, 10) = pte(l1, RW);
    AT(l0, 11) = pte(root, RW);
    AT(l0, 12) = pte(l0, RWX);
    AT(l0, 13) = pte(d, V | W | A | D);
    AT(l0, 14) = pte(d, V | W | X | A | D);
    AT(l0, 15) = pte(d, V | R | W | D);
    on(8, root, 1);
    FENCE();
}

/* Each kind of entry, each kind of access, by S and U, SUM and MXR. */
static void rights(void)
{
    static const struct {
        const char *n;
        char *p;
    } t[] = {{"ld", p_ld},
             {"sd", p_sd},
             {"amo", p_amo},
             {"lrsc", p_scd},
             {"lr/sc same", p_lrsame},
             {"lr/sc +8", p_lrx},
             {"lr csr sc", p_lrcsr},
             {"lr sc far", p_lrfar},
             {"lr.d sc.w", p_lrw},
             {"zero", p_zero},
             {"clean", p_clean},
             {"inval", p_inval},
             {"flush", p_flush},
             {"ld+1", p_ldu}};
    for (unsigned sum = 0; sum < 4; sum++) {
        CSRC(sstatus, 3 << 18);
        CSRS(sstatus, sum << 18);
        for (unsigned e = 0; e < 16; e++)
            for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
                uint64_t off = e == 2 || e == 12 || e == 10 || e == 11 ? 0x800 : 0x100;
                AT(l0, 3) = pte(d, V | R | W);
                AT(l0, 4) = pte(d, V | R | A);
                AT(l0, 15) = pte(d, V | R | W | D);
                FENCE();
                try_s((uint64_t)t[i].p, WIN + e * PAGE + off, 0);
                hex(sum);
                hex(e);
                print("S ");
                show(t[i].n);
                uint64_t ad = AT(l0, e) & 0xff;
                AT(l0, 3) = pte(d, V | R | W);
                AT(l0, 4) = pte(d, V | R | A);
                AT(l0, 15) = pte(d, V | R | W | D);
                FENCE();
                try_u(USER(t[i].p), WIN + e * PAGE + off, 0);
                hex(ad);
                hex(AT(l0, e) & 0xff);
                print("U ");
                show(t[i].n);
            }
    }
    CSRC(sstatus, 3 << 18);
}

/* Accesses across the end of a page. */
static void misaligned(void)
{
    AT(l0, 16) = pte(d, RW);
    AT(l0, 17) = pte(d2, RW);
    AT(l0, 18) = 0;
    AT(l0, 19) = pte(d, RW);
    AT(l0, 20) = pte(l0, RW);
    AT(l0, 21) = pte(d2, V | R | A | D);
    AT(l0, 22) = pte(d, RW);
    AT(l0, 23) = UINT64_C(0x50000000) >> 12 << 10 | RW;
    FENCE();
    for (unsigned k = 15; k <= 23; k++) {
        AT(d, 511) = 0x1111111111111111;
        AT(d2, 0) = 0x2222222222222222;
        AT(d2, 511) = 0x3333333333333333;
        AT(l0, 511) = 0;
        for (unsigned o = 1; o < 8; o += 3) {
            uint64_t save = AT(l0, 0);
            try_s((uint64_t)p_sdm, WIN + k * PAGE + PAGE - o, 0x0807060504030201);
            hex(k);
            hex(o);
            show("sd over");
            hex(AT(d, 511));
            hex(AT(d2, 0));
            hex(AT(l0, 0));
            hex(AT(l0, 511));
            put('\n');
            AT(l0, 0) = save;
            AT(d, 0) = 0;
        }
    }
    AT(l0, 0) = pte(d, RW);
    FENCE();
}

/* An instruction across the end of a page: lui a0, 0x12345. */
static void fetches(void)
{
    AT(l0, 24) = pte(code, RX);
    *(volatile uint16_t *)(code + 4094) = 0x5537;
    *(volatile uint16_t *)code2 = 0x1234;
    *(volatile uint16_t *)(code2 + 2) = 0x8082;
    *(volatile uint16_t *)(code + 4092) = 0x0001;
    *(volatile uint16_t *)code = 0x8082;
    __asm__ volatile("fence.i");
    static const unsigned second[] = {0, RX, V | R | A, V | X | A, RX | U, V | X, 0x3ff, RWX};
    for (unsigned i = 0; i < 8; i++) {
        AT(l0, 25) = pte(i == 7 ? l0 : code2, second[i]);
        FENCE();
        try_s(WIN + 24 * PAGE + 4094, 0, 0);
        hex(i);
        show("S fetch over");
        try_s(WIN + 24 * PAGE + 4092, 0, 0);
        hex(i);
        show("S fetch over, nop before");
        AT(l0, 24) = pte(code, RX | U);
        FENCE();
        try_u(WIN + 24 * PAGE + 4094, 0, 0);
        hex(i);
        show("U fetch over");
        try_s(WIN + 24 * PAGE + 4094, 0, 0);
        hex(i);
        show("S fetch of U over");
        AT(l0, 24) = pte(code, RX);
        FENCE();
        hex(AT(l0, 25) & 0xff);
        put('\n');
    }
}

/* Code on a page of page tables, which it changes. */
static void code_on_tables(void)
{
    AT(l0, 26) = pte(l0, RWX);
    AT(l0, 27) = pte(d, RW);
    FENCE();
    volatile uint32_t *pc = (volatile uint32_t *)(l0 + 0x800);
    pc[0] = 0x00b53023; /* sd a1,0(a0) */
    pc[1] = 0x00053503; /* ld a0,0(a0) */
    pc[2] = 0x00008067;
    __asm__ volatile("fence.i");
    see_s("code on a table", WIN + 26 * PAGE + 0x800, WIN + 26 * PAGE + 28 * 8, pte(d2, RW));
    line("entry", AT(l0, 28));
    see_s("through it", (uint64_t)p_ld, WIN + 28 * PAGE, 0);
    /* it changes itself: the store makes the next instruction li a0,5 / ret */
    see_s("code that writes itself", WIN + 26 * PAGE + 0x800, WIN + 26 * PAGE + 0x800, 0x8082450500b53023);
    pc[1] = 0x00053503;
    pc[2] = 0x00008067;
    __asm__ volatile("fence.i");
    /* a table that denies its own page */
    try_s((uint64_t)p_sd, WIN + 26 * PAGE + 26 * 8, 0);
    FENCE();
    see_s("it denied itself", (uint64_t)p_ld, WIN + 26 * PAGE, 0);
}

/* Superpages: misaligned, split, joined, and through which tables are written. */
static void superpages(void)
{
    AT(l1, 1) = pte(0x80801000, RW);
    FENCE();
    see_s("misaligned superpage", (uint64_t)p_ld, WIN + 0x200000, 0);
    AT(l1, 1) = pte(0x80800000, RW);
    FENCE();
    see_s("superpage", (uint64_t)p_sd, WIN + 0x200000 + (d - ARENA), 77);
    line("d", AT(d, 0));
    uint64_t split = page();
    for (unsigned i = 0; i < 512; i++)
        AT(split, i) = pte(ARENA + i * PAGE, V | R | A);
    AT(l1, 1) = pte(split, V);
    FENCE();
    see_s("split, write", (uint64_t)p_sd, WIN + 0x200000 + (d - ARENA), 78);
    line("d", AT(d, 0));
    see_s("split, read", (uint64_t)p_ld, WIN + 0x200000 + (d - ARENA), 78);
    AT(l1, 1) = pte(0x80800000, V | R | W);
    FENCE();
    see_s("joined", (uint64_t)p_sd, WIN + 0x200000 + (d - ARENA), 79);
    line("d", AT(d, 0));
    line("ad", AT(l1, 1) & 0xff);
    /* a superpage through which its own tables are written */
    AT(l1, 1) = pte(0x80800000, RW);
    FENCE();
    see_s("table written through a superpage", (uint64_t)p_sd, WIN + 0x200000 + (l0 + 30 * 8 - ARENA), pte(d, RW));
    line("entry", AT(l0, 30));
    see_s("through it", (uint64_t)p_ld, WIN + 30 * PAGE, 0);
    see_s("amo on the entry", (uint64_t)p_amo, WIN + 0x200000 + (l0 + 30 * 8 - ARENA), (uint64_t)-0x400);
    FENCE();
    see_s("through it", (uint64_t)p_ld, WIN + 30 * PAGE, 0);
}

/* The root as a leaf table of itself. */
static void self_mapped(void)
{
    AT(root, 4) = pte(root, V);
    FENCE();
    see_s("the root through itself", (uint64_t)p_ld, UINT64_C(4) << 30 | 4ull << 21 | 4 << 12 | 2 * 8, 0);
    see_s("the root writes itself", (uint64_t)p_sd, UINT64_C(4) << 30 | 4ull << 21 | 4 << 12 | 5 * 8,
          pte(0x80000000, RW));
    see_s("through it", (uint64_t)p_ld, (UINT64_C(5) << 30) + (d - 0x80000000), 0);
    try_s((uint64_t)p_sd, UINT64_C(4) << 30 | 4ull << 21 | 4 << 12 | 4 * 8, 0);
    FENCE();
    see_s("no more", (uint64_t)p_ld, UINT64_C(4) << 30 | 4ull << 21 | 4 << 12 | 2 * 8, 0);
}

/* Roots that share tables; one ASID for several roots. */
static void shared_roots(void)
{
    uint64_t root2 = page();
    for (unsigned i = 0; i < 512; i++)
        AT(root2, i) = AT(root, i);
    AT(l0, 31) = pte(d, RW);
    AT(l0, 32) = pte(d2, RW);
    FENCE();
    AT(d, 0) = 1;
    AT(d2, 0) = 2;
    for (unsigned i = 0; i < 4; i++) {
        on(8, i & 1 ? root2 : root, i >> 1);
        try_s((uint64_t)p_ld, WIN + 31 * PAGE, 0);
        hex(i);
        show("shared table");
        AT(l0, 31) = pte(i & 1 ? d : d2, RW);
        FENCE();
        try_s((uint64_t)p_ld, WIN + 31 * PAGE, 0);
        hex(i);
        show("changed");
    }
    uint64_t m2 = page(), o2 = page();
    AT(root2, 1) = pte(m2, V);
    AT(m2, 0) = pte(o2, V);
    AT(o2, 31) = pte(d2, RW);
    for (unsigned i = 0; i < 4; i++) {
        on(8, i & 1 ? root2 : root, 3);
        FENCE();
        try_s((uint64_t)p_ld, WIN + 31 * PAGE, 0);
        hex(i);
        show("one asid, two roots");
    }
}

/* Svnapot, Svpbmt, reserved bits, tables where no memory is. */
static void odd_entries(void)
{
    on(8, root, 0);
    uint64_t big = (next_page + 0xffff) & ~0xffffull;
    next_page = big;
    for (unsigned i = 0; i < 16; i++) {
        uint64_t p = page();
        AT(p, 0) = 0x100 + i;
        AT(l0, 48 + i) = pte(big + 0x8000, RW) | 1ull << 63;
    }
    FENCE();
    for (unsigned i = 0; i < 16; i += 5) {
        try_s((uint64_t)p_ld, WIN + (48 + i) * PAGE, 0);
        hex(i);
        show("napot");
    }
    AT(l0, 50) = pte(big + 0x8000, V | R | W) | 1ull << 63;
    FENCE();
    see_s("napot, clear A and D", (uint64_t)p_sd, WIN + 50 * PAGE, 9);
    line("entry", AT(l0, 50) & 0xff);
    line("other", AT(l0, 51) & 0xff);
    line("page", AT(big + 2 * PAGE, 0));
    AT(l0, 49) = pte(big + 0x4000, RW) | 1ull << 63;
    FENCE();
    see_s("napot, reserved size", (uint64_t)p_ld, WIN + 49 * PAGE, 0);
    AT(l1, 2) = pte(0x80800000, RW) | 1ull << 63;
    FENCE();
    see_s("napot superpage", (uint64_t)p_ld, WIN + 0x400000, 0);
    for (uint64_t b = 1; b < 4; b++) {
        AT(l0, 33) = pte(d, RW) | b << 61;
        FENCE();
        try_s((uint64_t)p_ld, WIN + 33 * PAGE, 0);
        hex(b);
        show("pbmt");
    }
    for (uint64_t b = 54; b < 61; b++) {
        AT(l0, 33) = pte(d, RW) | 1ull << b;
        FENCE();
        try_s((uint64_t)p_ld, WIN + 33 * PAGE, 0);
        hex(b);
        show("reserved");
    }
    AT(l1, 2) = pte(l0, V | A);
    FENCE();
    see_s("pointer with A", (uint64_t)p_ld, WIN + 0x400000, 0);
    AT(l1, 2) = pte(l0, V | U);
    FENCE();
    see_s("pointer with U", (uint64_t)p_ld, WIN + 0x400000, 0);
    AT(l1, 2) = pte(l0, V) | 1ull << 61;
    FENCE();
    see_s("pointer with pbmt", (uint64_t)p_ld, WIN + 0x400000, 0);
    AT(l1, 2) = pte(0x0c000000, V);
    FENCE();
    see_s("table in the PLIC", (uint64_t)p_ld, WIN + 0x400000, 0);
    AT(l1, 2) = pte(0x50000000, V);
    FENCE();
    see_s("table nowhere", (uint64_t)p_ld, WIN + 0x400000, 0);
    AT(l1, 2) = pte(0xfffffffffff000, V);
    FENCE();
    see_s("table far away", (uint64_t)p_sd, WIN + 0x400000, 0);
    AT(l1, 2) = 0;
}

/* Addresses that are not canonical, with and without translation. */
static void addresses(void)
{
    static const uint64_t va[] = {0x4000000000,       0x3fffffffff,       0xffffffc000000000,
                                  0x8000000040000000, 0xffffffffffffffff, 0xfffffffffffffffc};
    for (unsigned i = 0; i < 6; i++) {
        see_s("ld", (uint64_t)p_ld, va[i], 0);
        see_s("jump", va[i] & ~1ull, 0, 0);
        see_u("jump U", va[i] & ~1ull, 0, 0);
    }
    CSRW(satp, 0);
    for (unsigned i = 0; i < 6; i++) {
        see_s("bare ld", (uint64_t)p_ld, va[i], 0);
        see_s("bare sd", (uint64_t)p_sd, va[i] & ~7ull, 0);
        see_s("bare amo", (uint64_t)p_amo, va[i] & ~7ull, 0);
        see_s("bare jump", va[i] & ~1ull, 0, 0);
    }
}

static void levels(void)
{
    space(&root, &l1, &l0);
    uint64_t r4 = page(), r5 = page();
    d = page();
    AT(l0, 0) = pte(d, RW);
    AT(d, 0) = 0xd;
    AT(r4, 0) = pte(root, V);
    AT(r4, 511) = pte(root, V);
    AT(r5, 0) = pte(r4, V);
    AT(r5, 511) = pte(r4, V);
    AT(r4, 5) = pte(0, RW);
    AT(r5, 5) = pte(0, RW);
    for (unsigned m = 8; m < 11; m++) {
        on(m, m == 8 ? root : m == 9 ? r4 : r5, 0);
        FENCE();
        hex(m);
        put('\n');
        see_s("low", (uint64_t)p_ld, WIN, 0);
        see_s("high48", (uint64_t)p_ld, WIN | 0xffffff8000000000, 0);
        see_s("between", (uint64_t)p_ld, WIN | 0xffffff8000000000 | 1ull << 38, 0);
        see_s("48", (uint64_t)p_ld, WIN | 0xffff800000000000, 0);
        see_s("not canonical", (uint64_t)p_ld, WIN | 0xffffff8000000000 >> 1, 0);
        see_s("57?", (uint64_t)p_ld, WIN | 0xffffff8000000000 << 1, 0);
        see_s("512 GiB page", (uint64_t)p_ld, (5ull << 39) + d, 0);
        see_s("256 TiB page", (uint64_t)p_ld, (5ull << 48) + d, 0);
        see_u("U", USER(p_ld), WIN, 0);
    }
    CSRW(satp, 0);
}

void tables(void)
{
    prepare();
    rights();
    misaligned();
    fetches();
    code_on_tables();
    superpages();
    self_mapped();
    shared_roots();
    odd_entries();
    addresses();
    levels();
}
