/* SPDX-License-Identifier: MIT */
/* Frames, handed out in an order that makes guest physical and host physical addresses look nothing alike, and stage two (Sv39x4). */
#include "hyper.h"

enum { FRAMES = 1024, STRIDE = 389 /* odd: every frame comes up once */ };

static uint8_t frames[FRAMES][4096] __attribute__((aligned(4096)));
static uint8_t owners[FRAMES]; /* 0: free */
static unsigned taken;

/* Sv39x4: the root is four pages, aligned to 16 KiB, because guest physical addresses have two bits more than Sv39's. */
static uint64_t roots[NVMS + 1][2048] __attribute__((aligned(16384)));
static unsigned roots_used;

/* The hypervisor's own table: everything where it is, in leaves of 1 GiB. It could do without, but a trap in hlv is then
 * taken for a page fault by machines that look at satp where they should look at vsatp (QEMU 7.2). */
static uint64_t own_root[512] __attribute__((aligned(4096)));

void memory_init(void)
{
    for (uint64_t i = 0; i < 4; i++) {
        own_root[i] = PA_PTE(i << 30) | PTE_V | PTE_R | PTE_W | PTE_X | PTE_A | PTE_D;
    }
    CSR_WRITE(satp, MODE_SV39 | (uint64_t)own_root >> 12);
    __asm__ volatile("sfence.vma" ::: "memory");
}

uint64_t frame_new(unsigned owner)
{
    if (taken == FRAMES) {
        print("hyper: out of frames\n");
        shutdown(true);
    }
    unsigned i = (taken++ * STRIDE + 77) % FRAMES;
    owners[i] = (uint8_t)owner;
    memset(frames[i], 0, PAGE);
    return (uint64_t)frames[i];
}

uint64_t *stage2_new(unsigned owner)
{
    (void)owner;
    return roots[roots_used++];
}

static unsigned index_of(uint64_t gpa, unsigned level)
{
    uint64_t i = gpa >> (12 + 9 * level);
    return (unsigned)(level == 2 ? i & 2047 : i & 511);
}

/* One 4 KiB page. Stage two looks at every access as if it came from U, so U must be set; A and D are set here because the
 * machine may leave them to software. */
void stage2_map(uint64_t *root, unsigned owner, uint64_t gpa, uint64_t hpa, unsigned flags)
{
    uint64_t *table = root;
    for (unsigned level = 2; level > 0; level--) {
        uint64_t *pte = &table[index_of(gpa, level)];
        if (!(*pte & PTE_V)) {
            *pte = PA_PTE(frame_new(owner)) | PTE_V;
        }
        table = (uint64_t *)PTE_PA(*pte);
    }
    table[index_of(gpa, 0)] = PA_PTE(hpa) | flags;
}

uint64_t stage2_pte(const uint64_t *root, uint64_t gpa)
{
    if (gpa >> 41) {
        return 0;
    }
    const uint64_t *table = root;
    for (unsigned level = 2; level > 0; level--) {
        uint64_t pte = table[index_of(gpa, level)];
        if (!(pte & PTE_V)) {
            return 0;
        }
        table = (const uint64_t *)PTE_PA(pte);
    }
    return table[index_of(gpa, 0)];
}

/* Does every leaf below table lead to a frame of owner, and of nobody else? */
static bool leaves_belong(const uint64_t *table, unsigned level, unsigned n, unsigned owner)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t pte = table[i];
        if (!(pte & PTE_V)) {
            continue;
        }
        uint64_t frame = (PTE_PA(pte) - (uint64_t)frames) / PAGE;
        if (frame >= FRAMES || owners[frame] != owner) {
            return false;
        }
        if (level && !leaves_belong((const uint64_t *)PTE_PA(pte), level - 1, 512, owner)) {
            return false;
        }
    }
    return true;
}

bool stage2_isolated(uint64_t *const tables[], unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (!leaves_belong(tables[i], 2, 2048, i + 1)) {
            return false;
        }
    }
    return true;
}

uint64_t hgatp_of(const uint64_t *root, unsigned vmid)
{
    return MODE_SV39 | (uint64_t)vmid << 44 | (uint64_t)root >> 12;
}

void hfence_gvma_all(void)
{
    __asm__ volatile(".insn r 0x73, 0, 0x31, x0, x0, x0" ::: "memory");
}

/* rs1 is the guest physical address shifted right by two. */
void hfence_gvma(uint64_t gpa, unsigned vmid)
{
    __asm__ volatile(".insn r 0x73, 0, 0x31, x0, %0, %1" ::"r"(gpa >> 2), "r"((uint64_t)vmid) : "memory");
}

void hfence_vvma_all(void)
{
    __asm__ volatile(".insn r 0x73, 0, 0x11, x0, x0, x0" ::: "memory");
}
