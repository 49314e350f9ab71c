/* SPDX-License-Identifier: MIT */
/* Fields of the CSRs that more than one file looks at, as masks in place. Priv. 3.1, 10.1 (S), 18.2 (H). */
#ifndef VITRINE_CSR_BITS_H
#define VITRINE_CSR_BITS_H

#include "base/base.h"
#include "mmu/pte.h"

/* mstatus: 63 SD | 39 MPV 38 GVA 37 MBE 36 SBE | 35:34 SXL 33:32 UXL | 22 TSR 21 TW 20 TVM 19 MXR 18 SUM 17 MPRV
 * | 16:15 XS 14:13 FS 12:11 MPP 10:9 VS 8 SPP | 7 MPIE 6 UBE 5 SPIE 3 MIE 1 SIE. sstatus and vsstatus share the places. */
#define MSTATUS_SIE    BIT(1)
#define MSTATUS_MIE    BIT(3)
#define MSTATUS_SPIE   BIT(5)
#define MSTATUS_MPIE   BIT(7)
#define MSTATUS_SPP    BIT(8)
#define MSTATUS_MPP    MASK(12, 11)
#define MSTATUS_FS     MASK(14, 13)
#define MSTATUS_MPRV   BIT(17)
#define MSTATUS_SUM    BIT(18)
#define MSTATUS_MXR    BIT(19)
#define MSTATUS_TVM    BIT(20)
#define MSTATUS_TW     BIT(21)
#define MSTATUS_TSR    BIT(22)
#define MSTATUS_UXL_64 (UINT64_C(2) << 32)
#define MSTATUS_SXL_64 (UINT64_C(2) << 34)
#define MSTATUS_GVA    BIT(38)
#define MSTATUS_MPV    BIT(39)
#define MSTATUS_SD     BIT(63)
enum { MSTATUS_MPP_SHIFT = 11, MSTATUS_SPP_SHIFT = 8 };

/* hstatus: 33:32 VSXL | 22 VTSR 21 VTW 20 VTVM | 17:12 VGEIN | 9 HU 8 SPVP 7 SPV 6 GVA 5 VSBE */
#define HSTATUS_GVA     BIT(6)
#define HSTATUS_SPV     BIT(7)
#define HSTATUS_SPVP    BIT(8)
#define HSTATUS_HU      BIT(9)
#define HSTATUS_VTVM    BIT(20)
#define HSTATUS_VTW     BIT(21)
#define HSTATUS_VTSR    BIT(22)
#define HSTATUS_VSXL_64 (UINT64_C(2) << 32)

/* menvcfg, henvcfg, senvcfg: 63 STCE 62 PBMTE 61 ADUE | 7 CBZE 6 CBCFE 5:4 CBIE | 0 FIOM */
#define ENVCFG_FIOM  BIT(0)
#define ENVCFG_CBIE  MASK(5, 4)
#define ENVCFG_CBCFE BIT(6)
#define ENVCFG_CBZE  BIT(7)
#define ENVCFG_ADUE  BIT(61)
#define ENVCFG_PBMTE BIT(62)
#define ENVCFG_STCE  BIT(63)
enum { ENVCFG_CBIE_SHIFT = 4, CBIE_ILLEGAL = 0, CBIE_FLUSH = 1, CBIE_RESERVED = 2, CBIE_INVAL = 3 };

/* satp, vsatp: 63:60 MODE | 59:44 ASID | 43:0 PPN. hgatp: 63:60 MODE | 57:44 VMID | 43:0 PPN, whose low two bits are zero. */
enum { ATP_MODE_SHIFT = 60 }; /* MODE: enum atp_mode */
#define ATP_MODE   MASK(63, 60)
#define HGATP_VMID MASK(57, 44)
#define HGATP_PPN  MASK(43, 2)

/* Interrupt bits of mip, mie, mideleg and their views, by level. */
#define INT_M    (BIT(IRQ_MSI) | BIT(IRQ_MTI) | BIT(IRQ_MEI))
#define INT_S    (BIT(IRQ_SSI) | BIT(IRQ_STI) | BIT(IRQ_SEI))
#define INT_VS   (BIT(IRQ_VSSI) | BIT(IRQ_VSTI) | BIT(IRQ_VSEI))
#define INT_SGEI BIT(IRQ_SGEI)

/* Exceptions that can be delegated: all but ecall from M (Priv. 3.1.8). From HS to VS, neither ecalls of S, VS, M nor guest page
 * faults and virtual instructions (Priv. 18.2.2). */
#define MEDELEG_BASE                                                                                                   \
    (MASK(CAUSE_ECALL_S, CAUSE_FETCH_MISALIGNED) | BIT(CAUSE_FETCH_PAGE) | BIT(CAUSE_LOAD_PAGE) | BIT(CAUSE_STORE_PAGE))
#define MEDELEG_H        (BIT(CAUSE_ECALL_VS) | MASK(CAUSE_STORE_GUEST_PAGE, CAUSE_FETCH_GUEST_PAGE))
#define HEDELEG_WRITABLE (MEDELEG_BASE & ~BIT(CAUSE_ECALL_S))

/* mcounteren, mcountinhibit ...: one bit per counter. */
#define COUNTER_CY BIT(0)
#define COUNTER_TM BIT(1)
#define COUNTER_IR BIT(2)

/* pmpcfg, one byte: 7 L | 4:3 A | 2 X 1 W 0 R */
enum { PMPCFG_R = 1, PMPCFG_W = 2, PMPCFG_X = 4, PMPCFG_A = 0x18, PMPCFG_TOR = 0x08, PMPCFG_L = 0x80 };

#endif
