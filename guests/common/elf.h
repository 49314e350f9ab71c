/* SPDX-License-Identifier: MIT */
/* As much of the ELF format (64 bits) as a program loader needs. */
#ifndef GUEST_ELF_H
#define GUEST_ELF_H

#include <stdbool.h>
#include <stdint.h>

struct elf_header {
    uint8_t magic[16]; /* 7f E L F, 2: 64 bits, 1: little-endian */
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, segment_offset, section_offset;
    uint32_t flags;
    uint16_t header_size, segment_size, segments, section_size, sections, names;
};

struct elf_segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
enum { ELF_LOAD = 1 };
enum { ELF_X = 1, ELF_W = 2, ELF_R = 4 };

static inline bool elf_is_program(const struct elf_header *h)
{
    return h->magic[0] == 0x7f && h->magic[1] == 'E' && h->magic[2] == 'L' && h->magic[3] == 'F' && h->magic[4] == 2 &&
           h->machine == 243 && h->segment_size == sizeof(struct elf_segment);
}

#endif
