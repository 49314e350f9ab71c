/* SPDX-License-Identifier: MIT */
/* A bus whose page tables hold the addresses of another bus: that of a virtual machine that is paravirtualized, whose tables the real machine walks. */
#ifndef VITRINE_BUS_FRAMES_H
#define VITRINE_BUS_FRAMES_H

#include "dev/bus.h"

/* From now on satp and the entries of page tables on b hold real's addresses, which b's windows show; NULL: b's own, as usual. And what looks at
 * them as the kernel looks by U's rights, since nothing there runs in another mode. */
void bus_set_table_frames(struct bus *b, struct bus *real);
/* NULL: entries hold b's own addresses. */
const struct bus *bus_table_frames(const struct bus *b);
/* Where on b the address in an entry is. An address that b does not show becomes one where nothing is. */
uint64_t bus_table_address(const struct bus *b, uint64_t at);

#endif
