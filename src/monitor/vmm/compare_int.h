/* SPDX-License-Identifier: MIT */
/* What the files of `vitrine compare` share. */
#ifndef VITRINE_COMPARE_INT_H
#define VITRINE_COMPARE_INT_H

#include "monitor/vmm/cost.h"
#include "options.h"

enum {
    COMPARE_RUNS = 16, /* native, and the techniques */
    COMPARE_GUESTS = 64,
    COMPARE_WORDS = 256, /* of a guest's options */
};

enum compare_end {
    COMPARE_NOT_RUN, /* it could not be made: why */
    COMPARE_ENDED,   /* by itself: status */
    COMPARE_RESET,
    COMPARE_STUCK, /* why */
    COMPARE_WAITS, /* for input, and there is no more */
    COMPARE_LIMIT, /* --max-insns */
    COMPARE_CHECK, /* --check or --check-shadow found something: why */
    COMPARE_FAILED /* the host did: why */
};

/* How a guest fared one way. */
struct compare_run {
    const struct technique *technique; /* NULL: natively */
    enum compare_end end;
    int status;
    char *why; /* NULL: nothing to say */
    uint64_t insns, real_insns, interpreted, emulated;
    uint64_t entries, fills;
    uint64_t exits[VM_EXIT_REASONS];
    uint64_t steps[EV_KINDS]; /* of the VMM */
    uint64_t walks[2];        /* by hardware, of stage one and stage two */
    uint64_t reads, software_reads, tlb_fills, tlb_flushes, traps, mmio, firmware;
    uint64_t compared, verified; /* by --check and --check-shadow: how often */
    uint64_t written, digest;    /* bytes that the serial port wrote, and what stands for them */
    double part[COST_PARTS], cycles;
};

struct compare_guest {
    const char *name; /* the kernel's file name */
    char *text;       /* the words of a --vm; NULL: none */
    const char *words[COMPARE_WORDS];
    int nwords;
    struct compare_run run[COMPARE_RUNS];
};

struct compare {
    const struct technique *technique[COMPARE_RUNS]; /* [0]: NULL, natively */
    unsigned nruns;
    struct compare_guest *guest;
    unsigned nguests;
    const char *input; /* --input's text; NULL: none */
    size_t input_size;
    uint64_t idle;     /* --idle: seconds of its own time after which nothing more is expected of a guest that idles */
    const char *costs; /* --costs FILE; NULL: the built-in ones */
    struct cost_model model;
};

/* Runs one guest one way, from options parsed of its words. Fills r. */
void compare_one(const struct compare *c, const struct compare_guest *g, struct compare_run *r);
/* Did it come to the same end with the same output and count as natively? A run that was not made, or was cut off by a check, is not judged. */
bool compare_same(const struct compare_run *native, const struct compare_run *r);
/* Its time by native's. False: there is nothing to compare, since one of them did not run or they did not do the same. */
bool compare_ratio(const struct compare_run *native, const struct compare_run *r, double *ratio);
/* How it ended, for people. */
void compare_describe(const struct compare_run *r, char *buf, size_t size);
const char *compare_run_name(const struct compare_run *r);
uint64_t compare_exits(const struct compare_run *r);
uint64_t compare_steps(const struct compare_run *r);

void compare_text(const struct compare *c, FILE *f);
/* docs/compare.md describes it. */
void compare_json(const struct compare *c, FILE *f);
/* A bar for each run, stacked by what the time goes to. */
void compare_svg(const struct compare *c, FILE *f);

#endif
