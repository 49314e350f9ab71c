/* SPDX-License-Identifier: MIT */
/* What the files of the shadow tables share. */
#ifndef VITRINE_SHADOW_INT_H
#define VITRINE_SHADOW_INT_H

#include "mmu/pte.h"
#include "monitor/vmm/shadow.h"

enum {
    SHADOW_HASH = 1024,
    SHADOW_ENTRIES = 512,
    SHADOW_PATIENCE =
        32, /* writes to a guest table, none of which was followed by a walk through it, after which it is let go */
    SHADOW_BARE_LEVELS = 4 /* an address space without translation is a direct table of Sv48 */
};
#define SHADOW_NO_GPA UINT64_MAX

struct sp;

/* A place in a shadow table. */
struct sp_link {
    struct sp *sp;
    unsigned index;
    struct sp_link *next;
};

/* A shadow table. */
struct sp {
    struct shadow_table t;   /* first: what shadow_next() shows */
    uint64_t *pte;           /* its frame, in host memory */
    struct sp **child;       /* what its entries point at; NULL at level 0 */
    uint32_t *page;          /* at level 0: the page of the guest's RAM that a leaf stands for */
    uint64_t va;             /* the address of entry 0, where there is one only */
    bool many;               /* it is found at several */
    bool root;               /* satp has pointed at it */
    bool bare;               /* a direct root */
    struct sp_link *parents; /* the entries that point at it */
    struct sp *next_hash, *next_guest, *next_all, *prev_all;
    struct guest_table *guest; /* NULL: direct */
};

/* A page of the guest's that holds a table which is shadowed. */
struct guest_table {
    uint64_t gpa;
    struct sp *shadows; /* by next_guest */
    unsigned writes;    /* since the last walk through it */
    struct guest_table *next_hash;
};

struct shadow {
    struct vm *vm;
    const struct shadow_hooks *hooks;
    struct hart *real;
    struct sp *hash[SHADOW_HASH];
    struct guest_table *guest[SHADOW_HASH];
    struct sp *all;
    struct sp_link **rmap; /* by page of the guest's RAM: the leaves that stand for it */
    struct sp_link *spare;
    bool filling; /* writes to guest tables are the walk's own */
    /* The last answer of shadow_satp(), and to what. */
    uint64_t satp, guest_satp;
    unsigned role;
    struct pmp pmp;   /* the virtual hart's, and */
    uint64_t menvcfg; /* as all this was made by them */
    bool fresh;       /* satp is valid */
};

unsigned shadow_role_of(const struct hart *vh);
/* Levels of the guest's table, 0: no translation; in its shadow. */
unsigned shadow_guest_levels(const struct hart *vh);

/* The shadow of the guest's table at gpa (SHADOW_NO_GPA: the root of an address space without translation), made if there is none. NULL: no
 * room. */
struct sp *shadow_get(struct shadow *s, uint64_t gpa, unsigned level, unsigned role);
/* Its two steps: an empty table; and from then on the guest's own is write-protected and followed (false: no room, and sp is gone). */
struct sp *shadow_make(struct shadow *s, uint64_t gpa, unsigned level, unsigned role);
MUST_USE bool shadow_adopt(struct shadow *s, struct sp *sp);
/* A direct table behind entry index of parent, made if there is none. */
struct sp *shadow_get_direct(struct shadow *s, struct sp *parent, unsigned index);
/* SHADOW_NO_GPA: the root of an address space without translation. */
struct sp *shadow_find(const struct shadow *s, uint64_t gpa, unsigned level, unsigned role);
/* Makes entry index of sp point at child, or show the guest's page at gpa by the leaf pte (0: nothing). */
MUST_USE bool shadow_point(struct shadow *s, struct sp *sp, unsigned index, struct sp *child);
MUST_USE bool shadow_leaf(struct shadow *s, struct sp *sp, unsigned index, uint64_t gpa, uint64_t pte);
/* Drops an entry, and the direct tables below it. why: for the event. */
void shadow_drop(struct shadow *s, struct sp *sp, unsigned index, const char *why);

/* The guest virtual address that an entry is for (one of them, where there are several). */
uint64_t shadow_entry_va(const struct sp *sp, unsigned index);

static inline unsigned shadow_index(uint64_t va, unsigned level)
{
    return (unsigned)(va >> (PAGE_SHIFT + VPN_BITS * level)) & (SHADOW_ENTRIES - 1);
}

/* What leaf a guest's entry with the rights of g (PTE_R, W, X, U, D) comes to: of PTE_R, PTE_W and PTE_X. bare: there is no entry. */
uint64_t shadow_rights(const struct shadow *s, const struct hart *vh, unsigned role, uint64_t g, bool bare,
                       uint64_t gpa);

#endif
