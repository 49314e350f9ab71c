/* SPDX-License-Identifier: MIT */
#ifndef MICRO_ROOT_H
#define MICRO_ROOT_H

#include "api.h"

#include <stdbool.h>
#include <stdint.h>

#define STACK_TOP     UINT64_C(0x40000000) /* of each server */
#define STACK_SIZE    UINT64_C(0x8000)
#define DISK_IMAGE_VA UINT64_C(0x50000000) /* in the disk server */
#define SERVICE_PAGES 64

struct page {
    uint64_t va, pa; /* in root's space pa too */
    uint64_t rights; /* MAP_* */
};

struct service {
    const char *name;
    const char *elf;
    uint64_t device; /* the page of its registers; 0: none */
    uint32_t irq;    /* 0: none */
    bool privileged; /* may make address spaces */
    uint64_t args[3];
    uint64_t tid, restarts;
    struct page page[SERVICE_PAGES];
    unsigned pages;
};

extern const char console_elf[], disk_elf[], clock_elf[], files_elf[], pager_elf[]; /* root_start.S */
extern char disk_image[], disk_image_end[];

#endif
