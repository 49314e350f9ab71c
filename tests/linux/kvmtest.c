/* SPDX-License-Identifier: MIT */
/*
 * A virtual machine through /dev/kvm without any library: makes a VM with one virtual hart, runs kvmtest_guest.S in it and prints a line
 * for each thing that came out right or wrong. Exit status 0: all right. For Linux on RISC-V with the hypervisor extension; linked without
 * libc, so that a bare-metal compiler builds it.
 */
#include <stdbool.h>
#include <stdint.h>

long sys(long number, ...);
int kvmtest(void);
extern const uint8_t kvm_guest[], kvm_guest_end[];

enum { SYS_IOCTL = 29, SYS_OPENAT = 56, SYS_WRITE = 64, SYS_MMAP = 222 };
enum { PROT_READ_WRITE = 3, MAP_SHARED = 1, MAP_PRIVATE_ANONYMOUS = 0x22, AT_FDCWD = -100, O_RDWR_CLOEXEC = 02000002 };

/* <linux/kvm.h>: the kernel's interface */
enum {
    KVM_GET_API_VERSION = 0xae00,
    KVM_CREATE_VM = 0xae01,
    KVM_GET_VCPU_MMAP_SIZE = 0xae04,
    KVM_CREATE_VCPU = 0xae41,
    KVM_RUN = 0xae80,
    KVM_SET_USER_MEMORY_REGION = 0x4020ae46,
    KVM_GET_ONE_REG = 0x4010aeab,
    KVM_SET_ONE_REG = 0x4010aeac,
};
enum { KVM_EXIT_MMIO = 6, KVM_EXIT_SYSTEM_EVENT = 24, KVM_EXIT_RISCV_SBI = 35 };
#define REG_CORE(n) (UINT64_C(0x8030000002000000) | (n)) /* 64-bit core register: 0 pc, 10 a0, 32 mode (1 = VS) */
#define REG_ISA     UINT64_C(0x8030000001000000)         /* config register 0: misa of the virtual hart */

struct kvm_memory {
    uint32_t slot, flags;
    uint64_t gpa, size, hva;
};

struct kvm_reg {
    uint64_t id, addr;
};

struct kvm_run {
    uint8_t request_window, immediate_exit, pad[6];
    uint32_t exit_reason;
    uint8_t ready, if_flag;
    uint16_t flags;
    uint64_t unused[2];
    union {
        struct {
            uint64_t addr;
            uint8_t data[8];
            uint32_t len;
            uint8_t is_write;
        } mmio;
        struct {
            uint64_t extension, function, args[6], ret[2];
        } sbi;
        struct {
            uint32_t type;
        } event;
        uint8_t space[256];
    };
};

enum { RAM_SIZE = 0x100000, MMIO = 0x10000000, LATE_SIZE = 0x10000, VENDOR = 0x09000000 };
#define RAM    UINT64_C(0x80000000)
#define LATE   UINT64_C(0x90000000)
#define FIRST  UINT64_C(0x1111) /* what the MMIO load at LATE gets; afterwards there is memory, with: */
#define SECOND UINT64_C(0x2222)

static unsigned wrong;

static void put(const char *s)
{
    long n = 0;
    while (s[n])
        n++;
    sys(SYS_WRITE, 1, s, n);
}

static void put_hex(uint64_t v)
{
    char buf[20];
    char *p = buf + sizeof buf;
    *--p = 0;
    do
        *--p = "0123456789abcdef"[v & 15];
    while (v >>= 4);
    put(p);
}

static void line(bool right, const char *what, uint64_t a, uint64_t b)
{
    put(right ? "kvmtest: ok: " : "kvmtest: WRONG: ");
    put(what);
    put(" (0x");
    put_hex(a);
    put(", 0x");
    put_hex(b);
    put(")\n");
    wrong += !right;
}

static bool give_memory(long vm, uint32_t slot, uint64_t gpa, uint64_t size, uint64_t hva)
{
    struct kvm_memory m = {.slot = slot, .gpa = gpa, .size = size, .hva = hva};
    return sys(SYS_IOCTL, vm, KVM_SET_USER_MEMORY_REGION, &m) >= 0;
}

static bool set_reg(long vcpu, uint64_t id, uint64_t value)
{
    struct kvm_reg r = {id, (uint64_t)&value};
    return sys(SYS_IOCTL, vcpu, KVM_SET_ONE_REG, &r) >= 0;
}

/*
 * What the guest reports, by number: what it is, and the two values that are right. Report n of the guest is row n - 1. also: a value of a
 * that passes too. KVM of Linux 6.12 (its vcpu_insn.c) does not sign-extend what a load from MMIO gets, on any machine; later ones may.
 */
static const struct {
    const char *what;
    uint64_t a, b, also;
} reports[] = {
    {"instructions in VS mode", 42, 0},
    {"MMIO: bytes", (uint64_t)(int8_t)0xf1, 0xf1, .also = 0xf1},
    {"MMIO: halfwords", (uint64_t)(int16_t)0xf2f1, 0xf2f1, .also = 0xf2f1},
    {"MMIO: words", (uint64_t)(int32_t)0xf4f3f2f1, 0xf4f3f2f1, .also = 0xf4f3f2f1},
    {"MMIO: a doubleword", UINT64_C(0xf8f7f6f5f4f3f2f1), 0},
    {"MMIO: compressed loads", (uint64_t)(int32_t)0xf4f3f2f1, UINT64_C(0xf8f7f6f5f4f3f2f1), .also = 0xf4f3f2f1},
    {"a page fault at stage two: MMIO, then the slot added", FIRST, SECOND},
    {"the memory of that slot: an atomic, a page not touched before", SECOND, 0x5151},
    {"a page fault at stage one, in VS", 13, 0x123456008},
    {"an ecall from VU, in VS", 8, 0x1000},
    {"a timer interrupt while the virtual hart waits", (UINT64_C(1) << 63) | 5, 0},
    {"a hypervisor CSR is illegal in VS", 2, 0x60002073},
};
enum { REPORTS = sizeof reports / sizeof *reports };

/* The stores to MMIO that the guest makes, in order. */
static const struct {
    uint64_t addr, value;
    uint32_t len;
} stores[] = {
    {MMIO + 32, 0x88, 1},       {MMIO + 34, 0x7788, 2},
    {MMIO + 36, 0x55667788, 4}, {MMIO + 40, UINT64_C(0x1122334455667788), 8},
    {MMIO + 48, 0x99, 4},
};
enum { STORES = sizeof stores / sizeof *stores };

struct state {
    long vm;
    struct kvm_run *run;
    uint8_t *late;
    unsigned reported, stored;
};

static void on_mmio(struct state *s)
{
    struct kvm_run *r = s->run;
    uint64_t value = 0;
    for (unsigned i = 0; i < 8 && i < r->mmio.len; i++)
        value |= (uint64_t)r->mmio.data[i] << 8 * i;
    if (r->mmio.is_write) {
        bool ok = s->stored < STORES && r->mmio.addr == stores[s->stored].addr &&
                  r->mmio.len == stores[s->stored].len && value == stores[s->stored].value;
        line(ok, "MMIO: a store", r->mmio.addr, value);
        s->stored++;
        return;
    }
    for (unsigned i = 0; i < 8; i++)
        r->mmio.data[i] = (uint8_t)(0xf1 + i);
    if (r->mmio.addr == LATE) {
        for (unsigned i = 0; i < 8; i++)
            r->mmio.data[i] = (uint8_t)(FIRST >> 8 * i);
        line(s->late == 0 && r->mmio.len == 8, "a load where there is no memory", r->mmio.addr, r->mmio.len);
        s->late =
            (uint8_t *)sys(SYS_MMAP, 0L, (long)LATE_SIZE, (long)PROT_READ_WRITE, (long)MAP_PRIVATE_ANONYMOUS, -1L, 0L);
        *(uint64_t *)s->late = SECOND;
        line(give_memory(s->vm, 1, LATE, LATE_SIZE, (uint64_t)s->late), "memory slot added", LATE, LATE_SIZE);
    }
}

/* False: the guest is at a report that does not come next. */
static bool on_sbi(struct state *s)
{
    struct kvm_run *r = s->run;
    if (r->sbi.extension == 1) {
        char text[2] = {(char)r->sbi.args[0], 0};
        put(text);
        r->sbi.ret[0] = 0;
        return true;
    }
    uint64_t n = r->sbi.function, a = r->sbi.args[0], b = r->sbi.args[1];
    if (r->sbi.extension != VENDOR || n != s->reported + 1 || n > REPORTS) {
        line(false, "an SBI call that was not expected", r->sbi.extension, n);
        return false;
    }
    bool right = a == reports[n - 1].a || (reports[n - 1].also && a == reports[n - 1].also);
    line(right && b == reports[n - 1].b, reports[n - 1].what, a, b);
    s->reported++;
    r->sbi.ret[0] = r->sbi.ret[1] = 0;
    return true;
}

static bool make(struct state *s, long *vcpu)
{
    long kvm = sys(SYS_OPENAT, (long)AT_FDCWD, "/dev/kvm", (long)O_RDWR_CLOEXEC, 0L);
    if (kvm < 0) {
        line(false, "/dev/kvm does not open: errno", (uint64_t)-kvm, 0);
        return false;
    }
    long version = sys(SYS_IOCTL, kvm, (long)KVM_GET_API_VERSION, 0L);
    line(version == 12, "version of the interface", (uint64_t)version, 0);
    s->vm = sys(SYS_IOCTL, kvm, (long)KVM_CREATE_VM, 0L);
    uint8_t *ram =
        (uint8_t *)sys(SYS_MMAP, 0L, (long)RAM_SIZE, (long)PROT_READ_WRITE, (long)MAP_PRIVATE_ANONYMOUS, -1L, 0L);
    for (long i = 0; i < kvm_guest_end - kvm_guest; i++)
        ram[i] = kvm_guest[i];
    bool ok = s->vm >= 0 && give_memory(s->vm, 0, RAM, RAM_SIZE, (uint64_t)ram);
    line(ok, "a virtual machine with memory", RAM, RAM_SIZE);
    if (!ok)
        return false;
    *vcpu = sys(SYS_IOCTL, s->vm, (long)KVM_CREATE_VCPU, 0L);
    long size = sys(SYS_IOCTL, kvm, (long)KVM_GET_VCPU_MMAP_SIZE, 0L);
    long run = *vcpu < 0 ? *vcpu : sys(SYS_MMAP, 0L, size, (long)PROT_READ_WRITE, (long)MAP_SHARED, *vcpu, 0L);
    s->run = (struct kvm_run *)run;
    uint64_t misa = 0;
    struct kvm_reg isa = {REG_ISA, (uint64_t)&misa};
    ok = run > 0 && sys(SYS_IOCTL, *vcpu, (long)KVM_GET_ONE_REG, &isa) >= 0 && set_reg(*vcpu, REG_CORE(0), RAM) &&
         set_reg(*vcpu, REG_CORE(10), 0) && set_reg(*vcpu, REG_CORE(32), 1);
    line(ok, "a virtual hart", (uint64_t)*vcpu, misa);
    return ok;
}

int kvmtest(void)
{
    struct state s = {0};
    long vcpu;
    if (!make(&s, &vcpu))
        return 1;
    for (bool more = true; more;) {
        long e = sys(SYS_IOCTL, vcpu, (long)KVM_RUN, 0L);
        if (e < 0) {
            line(false, "KVM_RUN fails: errno", (uint64_t)-e, s.run->exit_reason);
            break;
        }
        switch (s.run->exit_reason) {
        case KVM_EXIT_MMIO: on_mmio(&s); break;
        case KVM_EXIT_RISCV_SBI: more = on_sbi(&s); break;
        case KVM_EXIT_SYSTEM_EVENT:
            line(s.run->event.type == 1, "the guest switches itself off", s.run->event.type, 0);
            more = false;
            break;
        default:
            line(false, "an exit that was not expected", s.run->exit_reason, 0);
            more = false;
            break;
        }
    }
    line(s.reported == REPORTS && s.stored == STORES, "reports and stores, all of them", s.reported, s.stored);
    if (s.late)
        line(*(uint64_t *)s.late == SECOND + 5 && *(uint64_t *)(s.late + 0x1008) == 0x5151,
             "what the guest wrote is in our memory", *(uint64_t *)s.late, *(uint64_t *)(s.late + 0x1008));
    put(wrong ? "kvmtest: failed\n" : "kvmtest: passed\n");
    return wrong != 0;
}
