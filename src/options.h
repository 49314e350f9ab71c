/* SPDX-License-Identifier: MIT */
/* The command line of `vitrine run`, in QEMU's spellings: one row per option in options.c. */
#ifndef VITRINE_OPTIONS_H
#define VITRINE_OPTIONS_H

#include "machine.h"

#include <stdio.h>

enum { OPTIONS_TRACES = 16 };

enum options_action {
    OPTIONS_RUN,
    OPTIONS_HELP, /* --help, or `help` as an argument: options_help() prints what */
    OPTIONS_VERSION,
    OPTIONS_DUMP_DTB /* -machine dumpdtb=FILE */
};

struct options {
    struct machine_options machine;
    enum options_action action;
    const char *help; /* OPTIONS_HELP: "run", "cpu", "machine", "device" or "log" */
    const char *dumpdtb;
    const char *machine_flash[2];             /* -machine pflash0=ID, pflash1=ID */
    bool drive_claimable[MACHINE_MAX_DRIVES]; /* given without if=: a -device may name it */
    const char *pidfile;                      /* where the process's number goes while it runs; NULL = nowhere */
    uint64_t max_insns;                       /* UINT64_MAX = no limit */
    const char *stats;                        /* [WORD,...][:FILE], "" when nothing was said; NULL = none */
    const char *profile;                      /* the same */
    const char *post_mortem;                  /* file for the flight recorder's events; NULL = none */
    struct {
        const char *what;   /* KINDS[,if=EXPR][:FILE] */
        const char *format; /* NULL = by the file's name */
    } traces[OPTIONS_TRACES];
    unsigned ntraces;
    const char *trace_format; /* the last one given; NULL = none */
    const char *trace_file;   /* for traces that name no file; NULL = stderr */
    bool ram_given;           /* -m */
    const char *gdb;          /* -gdb DEV: where gdb may come; NULL = nowhere */
    bool hold;                /* -S: the machine waits to be let run */
    const char *cpu;          /* -cpu as given; NULL = not */
    const char *vmm;          /* --vmm TECHNIQUE; NULL = no VMM */
    const char *vms[64];      /* --vm: a guest's options, one text each */
    unsigned nvms;
    uint64_t slice; /* --slice: instructions in a VM's turn; 0 = the default */
    bool check, check_shadow;
    const char *vmstat;         /* --vmstat[=N]: "" when nothing was said; NULL = none */
    const char *notes[16];      /* what was accepted without effect, for people; NULL-terminated */
    struct options_text *texts; /* strings that the options point at */
};

/* Reads argv[0..argc) (without the program's name and `run`). 0, or -EINVAL with e set. options_free() in either case. */
MUST_USE int options_parse(struct options *o, int argc, const char *const *argv, struct err *e);
void options_free(struct options *o);
/* Is the next word the argument of this one? True for a known option without = that needs one. */
bool options_takes_argument(const char *word);
/* what: as in struct options. */
void options_help(const char *what, FILE *out);

/* Splits one piece off a list "key=value,key=value" in place: `,,` stands for a comma. *value is NULL for a bare word. False at the end. */
bool options_next(char **rest, char **key, char **value);

#endif
