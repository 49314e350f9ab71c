/* SPDX-License-Identifier: MIT */
/* What comes from files into the guest's memory: ELF, flat binaries, Linux images (gzip'd too), and where each goes. */
#ifndef VITRINE_LOAD_H
#define VITRINE_LOAD_H

#include "base/err.h"
#include "dev/bus.h"
#include "symbols.h"

/* A whole file in memory. */
struct file_data {
    uint8_t *data;
    size_t size;
};
MUST_USE int file_read(const char *path, struct file_data *f, struct err *e);
void file_release(struct file_data *f);

enum load_format { LOAD_ELF, LOAD_FLAT, LOAD_LINUX };

struct load_image {
    enum load_format format;
    uint64_t entry;     /* physical address */
    uint64_t low, high; /* the memory it takes: [low, high) */
    uint64_t bias;      /* ELF: added to its addresses; not 0 for a position-independent file linked at no memory */
};

/* Loads data (named name in messages) into b's memory. A flat binary goes to flat_base, as does a position-independent ELF file
 * that is linked where no memory is; a Linux Image to its text_offset from RAM at ram_base. syms may be NULL; an ELF file's symbols
 * are added to it. What is gzip'd is unpacked first. 0 or -errno. */
MUST_USE int load_image(struct bus *b, const char *name, const void *data, size_t size, uint64_t ram_base,
                        uint64_t flat_base, struct load_image *img, struct symbols *syms, struct err *e);
/* A file besides kernel and firmware: an ELF file where it is linked (a position-independent one at `at`), or any other one's bytes, and an ELF
 * file's too with raw, at `at`, where img->entry then is. 0 or -errno. */
MUST_USE int load_extra(struct bus *b, const char *path, uint64_t at, bool raw, struct load_image *img,
                        struct symbols *syms, struct err *e);
/* Adds the symbols of an ELF file that is not loaded (its code comes there otherwise), at its addresses plus bias. 0 or -errno. */
MUST_USE int load_symbols_file(const char *path, uint64_t bias, struct symbols *syms, struct err *e);
/* Bytes at a place; says in e what does not fit where. what: "initrd", "device tree", ... */
MUST_USE int load_bytes(struct bus *b, const char *name, const char *what, uint64_t at, const void *data, uint64_t size,
                        struct err *e);

#endif
