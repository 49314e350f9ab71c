/* SPDX-License-Identifier: MIT */
/*
 * The page-table entry of Sv39, Sv48 and Sv57, and of their x4 forms at stage two: one layout for all.
 * Priv. "Sv39: Addressing and Memory Protection", "Svnapot", "Svpbmt".
 *
 *    63 62  61 60      54 53                                      10 9 8  7   6   5   4   3   2   1   0
 *   +--+------+----------+------------------------------------------+---+---+---+---+---+---+---+---+---+
 *   |N | PBMT | reserved |                   PPN                    |RSW| D | A | G | U | X | W | R | V |
 *   +--+------+----------+------------------------------------------+---+---+---+---+---+---+---+---+---+
 *
 *   R W X = 0 0 0: a pointer to the next table (then D, A, U, PBMT and N are reserved); 0 1 x: reserved.
 *   PBMT 0 PMA, 1 NC, 2 IO, 3 reserved. N at a 4 KiB leaf with PPN[3:0] = 1000: one of 16 pages of a 64 KiB range.
 */
#ifndef VITRINE_PTE_H
#define VITRINE_PTE_H

#include "base/base.h"

#define PTE_V            BIT(0)
#define PTE_R            BIT(1)
#define PTE_W            BIT(2)
#define PTE_X            BIT(3)
#define PTE_U            BIT(4)
#define PTE_G            BIT(5)
#define PTE_A            BIT(6)
#define PTE_D            BIT(7)
#define PTE_RSW          MASK(9, 8)
#define PTE_PPN          MASK(53, 10)
#define PTE_MUST_BE_ZERO MASK(60, 54)
#define PTE_PBMT         MASK(62, 61)
#define PTE_N            BIT(63)

enum { PTE_SIZE = 8, PTE_PPN_SHIFT = 10, VPN_BITS = 9 };

/* What PPN[3:0] of a 64 KiB NAPOT leaf holds, and how far the range goes (bits). Priv. "Svnapot". */
enum { PTE_NAPOT_PPN = 8, PTE_NAPOT_SHIFT = 16 };

/* satp, vsatp, hgatp: 63:60 MODE | 59:44 ASID (hgatp: 57:44 VMID) | 43:0 PPN of the root. */
enum atp_mode { ATP_BARE = 0, ATP_SV39 = 8, ATP_SV48 = 9, ATP_SV57 = 10 };
#define ATP_PPN MASK(43, 0)

static inline unsigned atp_mode(uint64_t atp)
{
    return (unsigned)(atp >> 60);
}

/* Bytes: where the root table starts. */
static inline uint64_t atp_root(uint64_t atp)
{
    return (atp & ATP_PPN) << 12;
}

/* Levels of table: 3, 4 or 5; 0 for Bare. mode: legal, see enum atp_mode. */
static inline unsigned atp_levels(unsigned mode)
{
    return mode >= ATP_SV39 ? mode - ATP_SV39 + 3 : 0;
}

/* Bytes: the address that the entry's PPN names. */
static inline uint64_t pte_address(uint64_t pte)
{
    return (pte & PTE_PPN) << (12 - PTE_PPN_SHIFT);
}

/* The entry for address pa (bytes, page aligned, below 2^56) with the given flags. */
static inline uint64_t pte_make(uint64_t pa, uint64_t flags)
{
    return (pa >> (12 - PTE_PPN_SHIFT)) | flags;
}

#endif
