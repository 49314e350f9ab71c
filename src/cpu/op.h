/* SPDX-License-Identifier: MIT */
/*
 * Decoded operations and where they are kept.
 *
 * Code is decoded into blocks: straight-line runs of operations with one entry and any number of branches out, at most BLOCK_MAX
 * instructions, from one page of memory. Every operation is 16 bytes: the handler that executes it and its operands. Blocks lie one
 * after the other in an arena. A code page (physical page + fetch context) maps each half word of the page to the operation that
 * starts a block there. Branches within a page are linked: they hold the distance to their target operation. Everything else goes
 * through the fetch TLB, which maps a virtual page to its code page. So nothing outside a page points into its blocks, and to
 * invalidate a page is to clear its entries.
 *
 * Operations know no virtual address, mode or hart: pc is hart.page_va plus the operation's offset in its page.
 */
#ifndef VITRINE_OP_H
#define VITRINE_OP_H

#include "cpu/decode.h"
#include "cpu/hart.h"
#include "mmu/tlb.h"

struct op;

#ifdef VITRINE_TRAMPOLINE
/* The next operation, or NULL to leave the run loop; the budget travels in hart.budget. */
typedef const struct op *handler(struct hart *h, const struct op *op, int64_t budget, const struct tlb *tlb);
#else
/* Ends by calling the next operation's handler as a sibling call, or returns to leave the run loop. */
typedef void handler(struct hart *h, const struct op *op, int64_t budget, const struct tlb *tlb);
#endif

struct op {
    handler *fn;
    uint8_t rd, rs1, rs2; /* register numbers; rd = 32 for x0 as a destination */
    uint8_t n;            /* instructions from the block's entry to the end of this operation */
    int32_t imm;
};
_Static_assert(sizeof(struct op) == 16, "operations are 16 bytes");

enum {
    BLOCK_MAX = 64,      /* instructions in a block */
    HOT_BRANCH = 16,     /* a backward branch taken so often in a block is worth forming its target anew, unrolled */
    UNROLL_ROOM = 16,    /* instructions that must be left in a block to go round a loop once more */
    BRANCH_LINKED = 255, /* rd of a branch or block end whose imm is the distance to its target operation, in bytes */
    PAGE_HALVES = PAGE_SIZE / 2,
    FETCH_ENTRIES = 256,
    ARENA_OPS = 1 << 21,
    CODE_PAGES_MAX = 1 << 16, /* 512 MiB of them */
    TOLD_HALF = 1 << 26,
};

/* What decoded operations depend on beside the bytes. */
enum fetch_context {
    FETCH_FP_OFF,       /* FS = Off: floating point is illegal */
    FETCH_FP_CLEAN,     /* FS = Initial or Clean: an instruction that changes FP state makes it Dirty first */
    FETCH_FP_DIRTY,     /* FS = Dirty and frm = RNE: the host's FPU does the work */
    FETCH_FP_FRM,       /* FS = Dirty, another frm */
    FETCH_STEP = 4,     /* flag: blocks of one instruction, nothing fused */
    FETCH_TELL = 8,     /* flag: blocks that put what they do into hart.stream, no loops' handlers */
    FETCH_FP_ALONE = 16 /* flag, with FETCH_TELL: what may raise fflags is no block's, but observed alone */
};

struct code_page {
    uint64_t pa;
    const uint8_t *bytes;   /* the page in host memory */
    uint64_t granules;      /* bit i: bytes 64 i .. 64 i + 63 are decoded somewhere in this page's blocks */
    struct code_page *next; /* the same page in another fetch context */
    struct code_page *next_of_all;
    enum fetch_context context;
    uint32_t entry[PAGE_HALVES]; /* arena index of the block that starts at each half word; 0: none */
};

#define FETCH_NO_TAG UINT64_C(1) /* odd: equal to no page address */
struct fetch_entry {
    uint64_t tag; /* virtual page address, or FETCH_NO_TAG */
    struct code_page *page;
};
struct fetch_tlb {
    struct fetch_entry entry[FETCH_ENTRIES];
    bool empty;
    bool super; /* some entries are fragments of superpages */
    struct tlb_key key;
    enum fetch_context context;
    uint64_t used;
};

enum { FUSION_FORMS = 3 }; /* 0: operands from the hart; 1: rs1 of b is the result of a; 2: rs2 of b is */
struct fusion {
    uint8_t a, b; /* insn ids of two operations in a row */
    uint8_t form;
    handler *fn;
};
/* A fused run of operations, see fuse.inc. key: 16 bits per operation, from the low end: what it is and where its operands come from. */
struct run {
    uint64_t key;
    handler *fn;
};
enum { RUN_MAX = 4 }; /* operations in a run */
enum { RUN_FROM_N, RUN_FROM_M, RUN_FROM_P, RUN_FROM_A, RUN_FROM_B, RUN_FROM_C };
enum { RUN_RESULT_N, RUN_RESULT_W, RUN_RESULT_D };
/* 15:14 result | 13:11 source of rs2 | 10:8 source of rs1 | 7:0 insn id */
#define RUN_KEY(id, from1, from2, result) ((id) | (from1) << 8 | (from2) << 11 | (result) << 14)
enum { RUN_SLOTS = 1 << 14 }; /* power of two, several times the number of runs */
static inline unsigned run_slot(uint64_t key)
{
    return (unsigned)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 50) % RUN_SLOTS;
}
/* A loop with a handler of its own, see loops.inc: its operations, the branch back to the first included, by what they are and by their operands:
 * LOOP_A + k a register whose first writer is operation k, LOOP_M one that the loop does not write, LOOP_N none. */
enum { LOOP_MAX = 24 }; /* operations */
enum { LOOP_N, LOOP_A, LOOP_M = LOOP_A + LOOP_MAX };
struct loop_op {
    uint8_t id, result, from[3];
};
struct loop {
    handler *fn;
    struct loop_op op[LOOP_MAX]; /* ends before INSN_illegal, or full */
};
struct handler_table;

/* Shared by the harts of a machine. */
struct code_cache {
    struct bus *bus;
    struct decode_table *decoder;
    const struct handler_table *handlers;
    handler *(*fused)[FUSION_FORMS]; /* by insn ids: [a * INSN_COUNT + b]; NULL where there is none */
    uint8_t *run_lengths;         /* by insn ids, so too: bit n: there are runs of n operations that begin with a, b */
    uint8_t run_uses[INSN_COUNT]; /* how instructions in runs use x registers; fuse.c */
    uint64_t run_ids[RUN_SLOTS / 64]; /* bit run_slot(insn ids, 16 bits each): there are such runs */
    struct run *runs;                 /* by hash of the key, open addressing; fn NULL: free */
    unsigned nloops;                  /* of handlers->loops, that are in use */
    struct isa isa;
    struct op *ops;   /* ARENA_OPS; index 0 is never used */
    uint16_t *offset; /* per operation: where its instruction lies, see OFFSET_* */
    uint64_t resets;
    uint32_t used;
    struct code_page ***pages; /* [memory region][page] -> list of contexts */
    unsigned regions;
    struct code_page *all;
    unsigned npages, max_pages;
    struct hart *running; /* who must hear that code was dropped */
    struct hart **harts;
    unsigned nharts;
    uint64_t *breaks; /* addresses at which harts stop, in ascending order */
    unsigned nbreaks;
    uint64_t break_offsets[PAGE_HALVES / 64]; /* bit i: one of them is 2 i modulo the page size */
    struct observed_op *observed;             /* per operation, see observe.h; NULL until a hart is observed */
    /* What the streams of FETCH_TELL's blocks are told of each, in two halves of TOLD_HALF bytes: a block may still be running when all are
     * forgotten, so the halves take turns. NULL until a hart tells. */
    char *told;
    uint32_t told_used;   /* bytes */
    uint64_t told_resets; /* `resets` when this half was begun */
};

/* handlers chosen for this host's processor. NULL: no memory. */
struct code_cache *code_cache_new(struct bus *bus, const struct isa *isa);
void code_cache_free(struct code_cache *c);
/* The code page for physical page pa (which is in memory) in a context. NULL: no memory. */
struct code_page *code_page_get(struct code_cache *c, uint64_t pa, enum fetch_context context);
/* Makes room for what blocks of FETCH_TELL need. False: no memory. */
MUST_USE bool code_cache_can_tell(struct code_cache *c);
/* Forgets all decoded operations (the arena is full, or handlers changed). */
void code_cache_reset(struct code_cache *c);
/* Memory that stores cannot change was replaced or hidden: forgets its decoded code, and every cached translation. */
void code_cache_remapped(struct code_cache *c);
/* Forgets the code pages too, once there are max_pages but a few: a guest that runs through all its memory, in every context, must not
 * take many times as much from the host. No code may be running, and nobody may hold a page. */
void code_cache_trim(struct code_cache *c);

/* Replaces the breakpoints: n virtual addresses. Operations at their page offsets get one before them that looks at pc; no other pays.
 * Between runs. False: no memory, and nothing has changed. */
MUST_USE bool code_set_breakpoints(struct code_cache *c, const uint64_t *va, unsigned n);
bool code_has_breakpoint(const struct code_cache *c, uint64_t va);
bool code_has_physical_breakpoints(const struct code_cache *c);

/* Decodes the block that starts at byte off of the page; returns its arena index, entered in the page's map. May reset the cache first. */
uint32_t block_form(struct code_cache *c, struct code_page *page, unsigned off);
/* The same, unrolling loops; an entry formed so already stays. */
uint32_t block_form_hot(struct code_cache *c, struct code_page *page, unsigned off);
/* One instruction that must not be cached (its page has no single PMP answer, or it crosses into such a page). */
uint32_t block_form_uncached(struct code_cache *c, enum fetch_context context, uint32_t raw, unsigned off);

/* The instruction that starts in the last two bytes of the page; raw: all four bytes. Entered in the page's map. */
uint32_t block_form_crossing(struct code_cache *c, struct code_page *page, uint32_t raw);

/* ---- what is fused: fuse.c ---- */
/* Fills in run_uses. */
void fuse_init(struct code_cache *c);
/* Chooses handlers for n operations that follow each other, whose instructions are ids: runs, else pairs. */
void fuse_ops(const struct code_cache *c, struct op *ops, const uint8_t *ids, unsigned n);
/* n operations that begin a block and end in a branch back to the first: true when the first got the handler of the whole loop. */
bool fuse_loop(const struct code_cache *c, struct op *ops, const uint8_t *ids, unsigned n);

/* code_cache.offset: 15 the block that starts here was formed hot | 11:1 byte offset of the instruction | 0 it is 2 bytes long */
enum { OFFSET_HOT = 0x8000, OFFSET_BYTES = 0xffe, OFFSET_SHORT = 1 };

/* Virtual address of the instruction of an operation. */
static inline uint64_t op_pc(const struct hart *h, const struct op *op)
{
    return h->page_va + (h->code->offset[op - h->code->ops] & OFFSET_BYTES);
}

/* And of the instruction that follows it in memory. */
static inline uint64_t op_next_pc(const struct hart *h, const struct op *op)
{
    unsigned o = h->code->offset[op - h->code->ops];
    return h->page_va + (o & OFFSET_BYTES) + (o & OFFSET_SHORT ? 2 : 4);
}

/* ---- handlers, by role; one table per translation of exec.inc ---- */
struct handler_table {
    handler *insn[INSN_COUNT]; /* what executes each instruction; branches: target not yet linked */
    handler *branch_linked[6]; /* in the order beq bne blt bge bltu bgeu */
    handler *branch_far[6];
    handler *branch_misaligned[6]; /* the target is not 4-byte aligned and this hart has no C */
    handler *link;                 /* rd = page_va + imm: the link of a jal whose target follows inline, and auipc */
    handler *call;                 /* jalr rd, 0(rs1): imm is the link's offset from page_va */
    handler *ret;                  /* jalr x0, 0(rs1): imm is its own slot, see JUMP_AGAIN */
    handler *ret_inline;           /* the same, expected to lead to page_va + imm, where the block goes on */
    handler *end;                  /* goes on at byte imm of this page: not yet linked */
    handler *end_linked;
    handler *far; /* goes on at page_va + imm */
    handler *jump_misaligned;
    handler *cross;          /* the instruction's second half lies on the next page: imm holds all four bytes */
    handler *brk;            /* stops if pc is at a breakpoint; no instruction of its own */
    handler *mark;           /* the HINT slti x0, x0, imm */
    handler *tell_block;     /* opens the stream's run for the block at told + 16 imm */
    handler *tell;           /* puts the word at byte imm of the hart into the stream */
    handler *tell_stored[4]; /* before a store of 1, 2, 4, 8 bytes to x[rs1] + imm: keeps what stands there */
    handler *told
        [INSN_COUNT]; /* loads and stores that put their word too: on to behind all that belongs to them, or just on. Others: NULL */
    handler *tell_alone;       /* leaves: the instruction that follows must be observed alone */
    handler *fp_dirty;         /* FS becomes Dirty, then the same pc again */
    handler *fp_soft;          /* any FP computation, by softfp: imm = insn id | rm << 8 | rs3 << 16 */
    handler *fp_to_int_rtz[8]; /* fcvt.{w,wu,l,lu}.{s,d} with rm = RTZ */
    const struct fusion *fusions;
    unsigned nfusions;
    const struct run *runs;
    unsigned nruns;
    const struct loop *loops;
    unsigned nloops;
};
extern const struct handler_table handlers_base;
#ifdef VITRINE_RUN_V3
extern const struct handler_table handlers_v3;
#endif

/* Delivers h->last_trap, raised at h->pc: true when it was taken (pc is the trap handler's), false when hart_run() must return it. run.c */
bool hart_deliver(struct hart *h);
/* h->pc is at a breakpoint that it has not just gone on from: hart_run() must return h->left. run.c */
bool hart_break(struct hart *h);
/* What htinst shows of the load or store raw (2 or 4 bytes) that faulted offset bytes into its access; 0 where there is no such form. */
uint32_t tinst_transform(const struct isa *isa, uint32_t raw, unsigned offset);
/* The instruction at h->pc as fetched (2 or 4 bytes), for tval; it was fetched a moment ago. */
uint32_t fetch_raw(struct hart *h);
/* FS becomes Dirty (in vsstatus too when V = 1). */
void fp_make_dirty(struct hart *h);

/* ---- the hart's side of fetch and data TLBs: context.c ---- */
struct hart_banks;
/* The code page and entry for h->pc; sets page_va. NULL: h->last_trap tells the fault. */
const struct op *fetch_lookup(struct hart *h);
/* For handlers: drop cached translations on this host page for writing (a flag came). */
void hart_protect_page(struct hart *h, uint64_t page_pa);
/* Drops what the fetch TLBs hold. */
void hart_forget_code(struct hart *h);

/* ---- slow paths of memory access: lsu.c. False: h->last_trap is the fault. va, pc, turn_retired are exact in the hart. ---- */
MUST_USE bool lsu_load(struct hart *h, uint64_t va, unsigned size, uint64_t *val);
MUST_USE bool lsu_store(struct hart *h, uint64_t va, unsigned size, uint64_t val);
/* Reads, computes by the AMO's insn id, writes. *old: the former value, zero-extended. */
MUST_USE bool lsu_amo(struct hart *h, uint64_t va, unsigned size, enum insn_id id, uint64_t src, uint64_t *old);
MUST_USE bool lsu_lr(struct hart *h, uint64_t va, unsigned size, uint64_t *val);
MUST_USE bool lsu_sc(struct hart *h, uint64_t va, unsigned size, uint64_t val,
                     uint64_t *failed); /* *failed: 0 or 1, for rd */
MUST_USE bool lsu_cbo(struct hart *h, enum insn_id id, uint32_t insn, uint64_t va);
MUST_USE bool lsu_hyp(struct hart *h, enum insn_id id, uint32_t insn, uint64_t va,
                      uint64_t *val); /* HLV*: loads *val; HSV*: stores it */
/* amo's arithmetic: new value for old and src; w: 32-bit operands. */
uint64_t amo_compute(enum insn_id id, uint64_t old, uint64_t src);

/* softfp for any FP computation (not loads, stores, moves). False: reserved rounding mode. Writes rd, accrues flags into h->fflags. */
MUST_USE bool fp_soft_execute(struct hart *h, enum insn_id id, unsigned rm, unsigned rd, unsigned rs1, unsigned rs2,
                              unsigned rs3);

#endif
