/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor: one hart, HS mode, its own addresses are host physical.
 *
 *   host physical                        guest physical, the same for each VM
 *   80000000  SBI firmware               10000000  virtual UART: not mapped, each access is an exit
 *   80200000  this image                 70000000  information page, read-only
 *   ........  frames, taken in a         80000000  RAM, 1 MiB: mapped page by page when the guest first
 *             scattered order                      touches it; the guest kernel's image lies at its start
 */
#ifndef HYPER_HYPER_H
#define HYPER_HYPER_H

#include "csr.h"

#define GUEST_UART     UINT64_C(0x10000000)
#define GUEST_INFO     UINT64_C(0x70000000)
#define GUEST_RAM      UINT64_C(0x80000000)
#define GUEST_RAM_SIZE UINT64_C(0x100000)

enum { NVMS = 2, CONSOLE_SIZE = 8192 };

/* What the VM's counters count. */
struct counters {
    uint64_t exits, sbi, mmio, mapped, by_htinst, wfi, slices, timers_set, timer_irqs;
};

/* A virtual machine with its one virtual hart. enter.S knows the offsets of the first five members. */
struct vm {
    uint64_t x[32];
    uint64_t pc;      /* 256: sepc */
    uint64_t sstatus; /* 264: SPP says VS or VU */
    uint64_t hstatus; /* 272 */
    uint64_t host_sp; /* 280 */
    /* The guest's own supervisor registers, while another VM has the hart. */
    uint64_t vsstatus, vsie, vstvec, vsscratch, vsepc, vscause, vstval, vsatp, vstimecmp, hvip;
    uint64_t hgatp, htimedelta;
    bool sstc;         /* the guest has stimecmp: its timer needs no exit */
    uint64_t deadline; /* of its timer, in host time; UINT64_MAX: none */
    bool waits;        /* in wfi */
    bool over, failed;
    unsigned id;
    uint64_t *root; /* of stage two */
    struct counters n;
    uint8_t uart_scratch;
    char console[CONSOLE_SIZE];
    unsigned console_used;
};

/* text.c: to the machine's console, or into a VM's transcript. Formats: %s, %x (uint64_t), %u (uint64_t), %% */
void print(const char *format, ...);
void vm_print(struct vm *vm, const char *format, ...);
void vm_putc(struct vm *vm, char c);
void shutdown(bool failed) __attribute__((noreturn));
void *memset(void *to, int c, size_t n);
void *memcpy(void *to, const void *from, size_t n);

/* memory.c: frames and stage two */
void memory_init(void);
uint64_t frame_new(unsigned owner); /* zeroed; its host physical address. owner: 1 + the VM's id */
uint64_t *stage2_new(unsigned owner);
void stage2_map(uint64_t *root, unsigned owner, uint64_t gpa, uint64_t hpa, unsigned flags);
uint64_t stage2_pte(const uint64_t *root, uint64_t gpa);
bool stage2_isolated(uint64_t *const roots[], unsigned n); /* each mapped frame has one owner, which maps it */
uint64_t hgatp_of(const uint64_t *root, unsigned vmid);
void hfence_gvma_all(void);
void hfence_gvma(uint64_t gpa, unsigned vmid);
void hfence_vvma_all(void);

/* enter.S: run the guest until its next exit */
void guest_enter(struct vm *vm);
extern char host_trap[];

/* guestmem.c: guest virtual memory of the VM whose registers are loaded. 0, or the cause of the fault, with *gpa of a guest page fault. */
uint64_t guest_load(uint64_t gva, uint64_t *value, uint64_t *gpa);
uint64_t guest_store(uint64_t gva, uint64_t value, uint64_t *gpa);
uint64_t guest_fetch(uint64_t gva, uint32_t *insn, uint64_t *gpa);

/* A load or store, from htinst's transformed form or from the instruction itself. */
struct access {
    bool store, is_signed;
    unsigned size, reg, length; /* bytes, x register, bytes of the instruction */
};
bool decode_access(uint32_t insn, struct access *a);
bool decode_transformed(uint64_t htinst, struct access *a);

/* vm.c */
void vm_init(struct vm *vm, unsigned id, bool sstc);
void vm_run_all(struct vm *vms, unsigned n);
/* exits.c */
void vm_exit(struct vm *vm, uint64_t cause, bool *yield);
void vm_inject(uint64_t cause, uint64_t tval, struct vm *vm);
bool vm_map_page(struct vm *vm, uint64_t gpa);
/* shows.c */
bool shows(void);

static inline uint64_t time_now(void)
{
    return CSR_READ(time);
}

#endif
