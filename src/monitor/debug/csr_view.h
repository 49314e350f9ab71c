/* SPDX-License-Identifier: MIT */
/* CSRs field by field, as csr_fields.def names and explains them. */
#ifndef VITRINE_CSR_VIEW_H
#define VITRINE_CSR_VIEW_H

#include "base/base.h"
#include "monitor/debug/out.h"

struct hart;
struct symbols;

struct csr_field {
    uint16_t csr;
    uint8_t hi, lo; /* bits, both included */
    uint8_t kind;   /* csr_view.c's */
    const char *name, *text;
};

/* The fields of a CSR from the highest bits down: the first (after NULL), then the one behind `after`; NULL: no more. */
const struct csr_field *csr_field_next(unsigned csr, const struct csr_field *after);
/* The field of that name, case aside; NULL: none. */
const struct csr_field *csr_field_find(unsigned csr, const char *name);
/* One like it, for a name that is none; NULL: nothing comes near. */
const char *csr_field_nearest(unsigned csr, const char *name);
static inline uint64_t csr_field_get(const struct csr_field *f, uint64_t value)
{
    return bits(value, f->hi, f->lo);
}
/* Writes the field and leaves the rest, as M mode would, legalized. False: no such CSR, read-only, or v has too many bits. */
bool csr_field_poke(struct hart *h, const struct csr_field *f, uint64_t v);

/* What a CSR is, in a few words. "" for one that is not known. */
const char *csr_title(unsigned csr);
/* What a value of a field means, without the value: "Dirty", "load page fault", "table at 0x80234000". "": nothing but the number. value: the whole
 * CSR's. symbols may be NULL. Returns buf. */
const char *csr_field_meaning(char *buf, size_t size, const struct csr_field *f, uint64_t value,
                              const struct symbols *symbols);
/* A CSR's value in one line: "Sv39 asid 0 ppn 0x80234 -> table at 0x80234000", "SIE SPP=S FS=Dirty", "load page fault", "S timer interrupt",
 * "<main+4>". "": nothing that the number does not say. Returns buf. */
const char *csr_view_short(char *buf, size_t size, unsigned csr, uint64_t value, const struct symbols *symbols);
/* Name, value, what it is; then each field with its bits, value and meaning, and bits that are set where no field is. symbols may be NULL. */
void csr_view_print(struct out *o, struct hart *h, const struct symbols *symbols, unsigned csr);

#endif
