/* SPDX-License-Identifier: MIT */
#include "monitor/vmm/native.h"

#include "cpu/op.h"

#include <stdlib.h>

bool native_breakpoints(struct vm *vm, const struct hart *vh)
{
    struct code_cache *to = vm->vmm->hart->code;
    const struct code_cache *from = vh->code;
    if (!to->nbreaks && !from->nbreaks)
        return true;
    uint64_t *va = malloc((from->nbreaks + 1) * sizeof *va);
    unsigned n = 0;
    for (unsigned i = 0; va && i < from->nbreaks; i++) {
        uint64_t b = from->breaks[i], hpa;
        bool physical = (b & HART_BREAK_PHYSICAL) && !(b >> 63);
        if (!physical)
            va[n++] = b;
        else if (vm_frame(vm, b & ~HART_BREAK_PHYSICAL, &hpa))
            va[n++] = hpa | HART_BREAK_PHYSICAL;
    }
    bool same = va && n == to->nbreaks;
    for (unsigned i = 0; same && i < n; i++)
        same = code_has_breakpoint(to, va[i]);
    bool ok = va && (same || code_set_breakpoints(to, va, n));
    free(va);
    return ok;
}

void native_show_place(struct hart *vh, const struct hart *real)
{
    vh->pc = real->pc;
    vh->turn_retired = real->turn_retired;
}

enum vm_exit_reason native_reason_of_insn(uint32_t insn)
{
    enum { WFI = 0x10500073, OP_SYSTEM = 0x73, CYCLE = 0xc00, HPMCOUNTER31 = 0xc1f };
    unsigned csr = insn >> 20;
    if (insn == WFI)
        return VM_EXIT_WFI;
    bool is_csr = (insn & 0x7f) == OP_SYSTEM && (insn >> 12 & 3);
    return is_csr && csr >= CYCLE && csr <= HPMCOUNTER31 ? VM_EXIT_TIME : VM_EXIT_PRIVILEGED;
}

const char *native_unhidden(const struct isa *real, const struct isa *guest)
{
    /* Not here: what U has by leave of a register of HS or M only (counters, blocks of the cache, F by FS), hints, and Xuk, which translate hides. */
    const struct {
        const char *name;
        bool real, guest;
    } of[] = {{"m", real->m, guest->m},
              {"a", real->a, guest->a},
              {"c", real->c, guest->c},
              {"d", real->d, guest->d || !guest->f},
              {"zicsr", real->zicsr, guest->zicsr},
              {"zifencei", real->zifencei, guest->zifencei},
              {"zicond", real->zicond, guest->zicond},
              {"zba", real->zba, guest->zba},
              {"zbb", real->zbb, guest->zbb},
              {"zbc", real->zbc, guest->zbc},
              {"zbs", real->zbs, guest->zbs}};
    for (size_t i = 0; i < ARRAY_LEN(of); i++)
        if (of[i].real && !of[i].guest)
            return of[i].name;
    return NULL;
}
