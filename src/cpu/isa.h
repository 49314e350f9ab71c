/* SPDX-License-Identifier: MIT */
/* The extensions of a hart: what -cpu says of them, and how misa and the device tree tell the guest. One row each in isa.def. */
#ifndef VITRINE_ISA_H
#define VITRINE_ISA_H

#include "base/err.h"
#include "cpu/hart.h"

/* What `-cpu` means by default: every row of isa.def that is on. */
void isa_default(struct isa *isa);
/* Reads a -cpu argument, e.g. "rv64,zba=false,sv48=off", over the defaults. An extension that needs one which was switched off goes
 * with it, unless the argument asks for both. 0, or -EINVAL with e naming the property. */
MUST_USE int isa_parse(struct isa *isa, const char *cpu, struct err *e);

/* misa as it reads at power-on. Priv. 3.1.1 */
uint64_t isa_misa(const struct isa *isa);
/* The device tree's riscv,isa ("rv64imafdch_zicbom_..."). False: buf (size bytes) is too small. */
MUST_USE bool isa_string(const struct isa *isa, char *buf, size_t size);
/* riscv,isa-extensions: names one after the other, each with its NUL. Returns the bytes used, 0 if they do not fit. */
size_t isa_extensions(const struct isa *isa, char *buf, size_t size);
/* The device tree's mmu-type: "riscv,sv57" ... "riscv,sv39", "riscv,none". */
const char *isa_mmu_type(const struct isa *isa);

/* Row n of isa.def as -cpu spells it and whether it is on by default; NULL past the end. For help and completion. */
const char *isa_property(unsigned n, bool *on);

#endif
