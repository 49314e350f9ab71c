/* SPDX-License-Identifier: MIT */
/* VM exits: ecall from VS to HS and back, then loads from a page that stage two does not map, which HS emulates (it fetches the
 * instruction through both stages, as it must where htinst is zero). The guest runs under Sv39 and Sv39x4, HS keeps 14 registers. */
#include "bench.h"
#include "mmu.h"

/* exits_asm.S: `count` exits of each kind; what the guest computed. */
uint64_t exits_calls(uint64_t count, uint64_t vsatp, uint64_t hgatp);
uint64_t exits_mmio(uint64_t count, uint64_t vsatp, uint64_t hgatp);

enum { HOLE = 0x20000000 }; /* the guest maps it, the hypervisor does not */

void bench(void)
{
    uint64_t calls = 0, loads = 0;
    for (uint64_t n = ITER; n; n--) {
        calls = calls * 5 + n;
        loads = loads * 5 + (HOLE + (n & 63) * 8);
    }
    uint64_t hgatp = mmu_build_stage2();
    mmu_build();
    mmu_table root = mmu_new_root();
    mmu_map(root, HOLE, HOLE, PTE_DATA);
    uint64_t vsatp = mmu_satp(root, 1);
    if (exits_calls(ITER, vsatp, hgatp) != calls)
        bench_fail("exits: wrong result of calls to HS", 10);
    bench_done("exits", exits_mmio(ITER, vsatp, hgatp), loads, 2ull * ITER);
}
