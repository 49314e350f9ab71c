/* SPDX-License-Identifier: MIT */
/* The mechanisms one by one, before there is a guest kernel: a page of two instructions in VS or VU, and what comes of the first. */
#include "hyper.h"

enum { CODE = 0x1000, TABLES = 0x3000, OWNER = NVMS + 1 };
#define DATA UINT64_C(0x40000000)

enum {
    INSN_ECALL = 0x00000073,
    INSN_LD = 0x0005b603, /* ld a2, 0(a1) */
    INSN_SD = 0x00c5b023, /* sd a2, 0(a1) */
    INSN_JR = 0x00058067, /* jr a1 */
    INSN_LW = 0x0085a783, /* lw a5, 8(a1) */
};

static struct vm probe;
static uint32_t *code;
static uint64_t data;
static bool fine = true;

struct outcome {
    uint64_t cause, tval, gpa, tinst, hstatus;
};

static void settle(struct outcome *o)
{
    o->cause = CSR_READ(scause);
    o->tval = CSR_READ(stval);
    o->gpa = CSR_READ(HTVAL) << 2 | (o->tval & 3);
    o->tinst = CSR_READ(HTINST);
}

/* Executes insn in VS or VU with these bits in hstatus; an ecall follows it, so that what does not trap is told by causes 8 and 10. */
static struct outcome execute(uint32_t insn, bool vs, uint64_t hstatus, uint64_t a1)
{
    struct outcome o;
    code[0] = insn;
    code[1] = INSN_ECALL;
    __asm__ volatile("fence.i" ::: "memory");
    probe.pc = CODE;
    probe.x[11] = a1;
    probe.sstatus = (CSR_READ(sstatus) & ~(SSTATUS_SPP | SSTATUS_SIE)) | (vs ? SSTATUS_SPP : 0);
    probe.hstatus = UINT64_C(2) << 32 | HSTATUS_SPV | hstatus;
    guest_enter(&probe);
    settle(&o);
    o.hstatus = probe.hstatus;
    return o;
}

static const char *name_of(uint64_t cause)
{
    switch (cause) {
    case CAUSE_ILLEGAL: return "illegal instruction";
    case CAUSE_ECALL_U:
    case CAUSE_ECALL_VS: return "no exit";
    case CAUSE_FETCH_GUEST_PAGE: return "fetch guest page fault";
    case CAUSE_LOAD_GUEST_PAGE: return "load guest page fault";
    case CAUSE_STORE_GUEST_PAGE: return "store guest page fault";
    case CAUSE_VIRTUAL_INSN: return "virtual instruction";
    default: return "?";
    }
}

static void expect(bool ok)
{
    if (!ok) {
        fine = false;
        print(" (NOT as specified)");
    }
}

struct row {
    const char *what;
    uint32_t insn;
    bool vs;
    uint64_t hstatus;
    uint64_t cause;
    bool shaky; /* QEMU 7.2 does something else: told in a line that is not compared */
};

/* Priv. "Virtual-instruction exceptions": what HS could do and VS or VU may not do here, or not now. */
static const struct row rows[] = {
    {"wfi in VS, VTW=1", 0x10500073, true, HSTATUS_VTW, CAUSE_VIRTUAL_INSN, false},
    {"wfi in VU", 0x10500073, false, 0, CAUSE_VIRTUAL_INSN, false},
    {"sret in VS, VTSR=1", 0x10200073, true, HSTATUS_VTSR, CAUSE_VIRTUAL_INSN, false},
    {"sret in VU", 0x10200073, false, 0, CAUSE_VIRTUAL_INSN, true},
    {"csrw satp in VS, VTVM=1", 0x18001073, true, HSTATUS_VTVM, CAUSE_VIRTUAL_INSN, true},
    {"csrw satp in VS, VTVM=0", 0x18001073, true, 0, CAUSE_ECALL_VS, false},
    {"csrr satp in VU", 0x18002573, false, 0, CAUSE_VIRTUAL_INSN, true},
    {"sfence.vma in VS, VTVM=1", 0x12000073, true, HSTATUS_VTVM, CAUSE_VIRTUAL_INSN, false},
    {"sfence.vma in VS, VTVM=0", 0x12000073, true, 0, CAUSE_ECALL_VS, false},
    {"hfence.gvma in VS", 0x62000073, true, 0, CAUSE_VIRTUAL_INSN, false},
    {"hfence.vvma in VU", 0x22000073, false, 0, CAUSE_VIRTUAL_INSN, true},
    {"hlv.d in VS", 0x6c05c673, true, 0, CAUSE_VIRTUAL_INSN, false},
    {"hlv.d in VU, HU=1", 0x6c05c673, false, BIT(9), CAUSE_VIRTUAL_INSN, false},
    {"csrr hstatus in VS", 0x60002573, true, 0, CAUSE_VIRTUAL_INSN, false},
    {"csrr vsstatus in VS", 0x20002573, true, 0, CAUSE_VIRTUAL_INSN, false},
    {"csrr hgatp in VU", 0x68002573, false, 0, CAUSE_VIRTUAL_INSN, false},
    {"csrr time in VS, hcounteren.TM=0", 0xc0102573, true, 0, CAUSE_VIRTUAL_INSN, false},
    {"csrr sstatus in VS", 0x10002573, true, 0, CAUSE_ECALL_VS, false},
    {"csrr mstatus in VS", 0x30002573, true, 0, CAUSE_ILLEGAL, false},
    {"mret in VS", 0x30200073, true, 0, CAUSE_ILLEGAL, false},
};

static void show_instructions(void)
{
    unsigned odd_values = 0;
    print("== what a guest may not execute\n");
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];
        struct outcome o = execute(r->insn, r->vs, r->hstatus, DATA);
        odd_values += o.cause == CAUSE_VIRTUAL_INSN && o.tval != r->insn && o.tval != 0;
        print("%s%s: %s (%u)", r->shaky ? "# " : "", r->what, name_of(o.cause), o.cause);
        if (r->shaky) {
            print(o.cause == r->cause ? "\n" : " (not as specified)\n");
            continue;
        }
        expect(o.cause == r->cause);
        /* Each of these traps came from V=1 in the mode that we entered. */
        expect(o.hstatus & HSTATUS_SPV && !(o.hstatus & HSTATUS_SPVP) == !r->vs);
        print("\n");
    }
    print("# times that stval was neither 0 nor the instruction: %u\n", (uint64_t)odd_values);
}

struct permission {
    const char *name;
    unsigned flags;
    bool load, store, fetch;
};

static const struct permission permissions[] = {
    {"nothing", 0, false, false, false},
    {"R", PTE_V | PTE_R | PTE_U, true, false, false},
    {"RW", PTE_V | PTE_R | PTE_W | PTE_U, true, true, false},
    {"X", PTE_V | PTE_X | PTE_U, false, false, true},
    {"RX", PTE_V | PTE_R | PTE_X | PTE_U, true, false, true},
    {"RWX", PTE_V | PTE_R | PTE_W | PTE_X | PTE_U, true, true, true},
    {"W without R", PTE_V | PTE_W | PTE_U, false, false, false},
    {"RWX without U", PTE_V | PTE_R | PTE_W | PTE_X, false, false, false},
};

static void one_access(const char *name, uint32_t insn, bool allowed, uint64_t fault, uint64_t at)
{
    struct outcome o = execute(insn, true, 0, at);
    if (o.cause == CAUSE_ECALL_VS) {
        print("; %s: goes", name);
        expect(allowed);
        return;
    }
    print("; %s: %u at %x", name, o.cause, o.gpa);
    /* With vsatp = 0 the guest's virtual address is its physical address. */
    expect(!allowed && o.cause == fault && o.gpa == at && o.tval == at && o.hstatus & HSTATUS_GVA);
}

static void show_permissions(void)
{
    print("== stage two says what a guest's access may do\n");
    for (unsigned i = 0; i < sizeof(permissions) / sizeof(permissions[0]); i++) {
        const struct permission *p = &permissions[i];
        stage2_map(probe.root, OWNER, DATA, data, p->flags ? p->flags | PTE_A | PTE_D : 0);
        hfence_gvma(DATA, OWNER);
        print("%s", p->name);
        one_access("load", INSN_LD, p->load, CAUSE_LOAD_GUEST_PAGE, DATA + 8);
        one_access("store", INSN_SD, p->store, CAUSE_STORE_GUEST_PAGE, DATA + 16);
        one_access("fetch", INSN_JR, p->fetch, CAUSE_FETCH_GUEST_PAGE, DATA);
        print("\n");
    }
    print("past 41 bits");
    one_access("load", INSN_LD, false, CAUSE_LOAD_GUEST_PAGE, BIT(41) + DATA);
    print("\n");
}

/* htinst of the same load, as the machine tells it: the base register becomes the offset into the access (0), the immediate goes. */
static void show_htinst(void)
{
    print("== what the trap tells\n");
    stage2_map(probe.root, OWNER, DATA, data, 0);
    hfence_gvma(DATA, OWNER);
    struct outcome o = execute(INSN_LW, true, 0, DATA);
    struct access a, b;
    bool decoded = decode_access(INSN_LW, &a);
    print("lw a5, 8(a1): %s at %x, htinst zero or the transformed instruction", name_of(o.cause), o.gpa);
    expect(decoded &&
           (!o.tinst || (o.tinst == 0x2783 && decode_transformed(o.tinst, &b) && b.reg == 15 && b.size == 4)));
    print("\n# htinst = %x\n", o.tinst);
}

/* A guest whose page table's root lies where stage two has nothing; the load of its PTE faults, not the load itself. */
static void show_walk(void)
{
    uint64_t value, gpa = 0;
    struct outcome o;
    CSR_WRITE(HSTATUS, UINT64_C(2) << 32 | HSTATUS_SPVP); /* hlv acts as VS */
    CSR_WRITE(VSATP, MODE_SV39 | (DATA + 0x100000) >> 12);
    hfence_vvma_all();
    uint64_t cause = guest_load(UINT64_C(0x3c0123450), &value, &gpa);
    settle(&o);
    print("a PTE of the guest's table out of reach: %s, gva %x, gpa of the PTE %x", name_of(cause), o.tval,
          gpa & ~UINT64_C(3));
    expect(cause == CAUSE_LOAD_GUEST_PAGE && o.tval == UINT64_C(0x3c0123450) &&
           (gpa & ~UINT64_C(3)) == DATA + 0x100000 + 15 * 8);
    print("\n# htinst = %x (3000: the pseudo-instruction for a 64-bit read of a PTE)\n", o.tinst);

    /* Now with tables: gva 0x3c0123000 -> gpa DATA, a page of the guest's U mode. */
    uint64_t tables = frame_new(OWNER), middle = frame_new(OWNER), leaf = frame_new(OWNER);
    stage2_map(probe.root, OWNER, TABLES, tables, PTE_V | PTE_R | PTE_U | PTE_A);
    stage2_map(probe.root, OWNER, TABLES + PAGE, middle, PTE_V | PTE_R | PTE_U | PTE_A);
    stage2_map(probe.root, OWNER, TABLES + 2 * PAGE, leaf, PTE_V | PTE_R | PTE_U | PTE_A);
    stage2_map(probe.root, OWNER, DATA, data, PTE_V | PTE_R | PTE_U | PTE_A);
    ((uint64_t *)tables)[15] = PA_PTE(TABLES + PAGE) | PTE_V;
    ((uint64_t *)middle)[0] = PA_PTE(TABLES + 2 * PAGE) | PTE_V;
    ((uint64_t *)leaf)[0x123] = PA_PTE(DATA) | PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D;
    CSR_WRITE(VSATP, MODE_SV39 | TABLES >> 12);
    hfence_vvma_all();
    hfence_gvma_all();
    ((uint64_t *)data)[2] = 0xfeed;
    cause = guest_load(UINT64_C(0x3c0123010), &value, &gpa);
    print("# hlv.d as VS of a page of VU, which should be a load page fault (13): %u\n", cause);
    CSR_WRITE(HSTATUS, UINT64_C(2) << 32);
    cause = guest_load(UINT64_C(0x3c0123010), &value, &gpa);
    print("hlv.d as VU: %x", value);
    expect(!cause && value == 0xfeed);
    cause = guest_store(UINT64_C(0x3c0123010), 0, &gpa);
    print("\nhsv.d as VU: %s at %x", name_of(cause), gpa & ~UINT64_C(3));
    expect(cause == CAUSE_STORE_GUEST_PAGE && (gpa & ~UINT64_C(3)) == DATA + 16);
    uint32_t insn;
    cause = guest_fetch(UINT64_C(0x3c0123010), &insn, &gpa);
    print("\n# hlvx.hu as VU, no X, which should be a load page fault (13): %u\n", cause);
    CSR_WRITE(VSATP, 0);
    hfence_vvma_all();
}

bool shows(void)
{
    probe.id = NVMS;
    probe.root = stage2_new(OWNER);
    code = (uint32_t *)frame_new(OWNER);
    data = frame_new(OWNER);
    *(uint32_t *)data = INSN_ECALL;
    stage2_map(probe.root, OWNER, CODE, (uint64_t)code, PTE_V | PTE_R | PTE_X | PTE_U | PTE_A);
    CSR_WRITE(HEDELEG, 0); /* nothing goes to the guest itself */
    CSR_WRITE(HIDELEG, 0);
    CSR_WRITE(HCOUNTEREN, 0);
    CSR_WRITE(HENVCFG, 0);
    CSR_WRITE(VSSTATUS, UINT64_C(2) << 32);
    CSR_WRITE(VSATP, 0);
    CSR_WRITE(HGATP, hgatp_of(probe.root, OWNER));
    hfence_gvma_all();
    hfence_vvma_all();
    show_instructions();
    show_permissions();
    show_htinst();
    show_walk();
    return fine;
}
