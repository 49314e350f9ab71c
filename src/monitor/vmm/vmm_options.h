/* SPDX-License-Identifier: MIT */
/* From `vitrine run --vmm TECHNIQUE [OPTION...] [--vm "OPTION..."]...` to what vmm_new() takes. */
#ifndef VITRINE_VMM_OPTIONS_H
#define VITRINE_VMM_OPTIONS_H

#include "monitor/vmm/vmm.h"
#include "options.h"

struct vmm_setup {
    struct vmm_config config;
    struct options *guests; /* parsed, one for each --vm */
    char **texts;           /* the words of each --vm */
};

/*
 * Without --vm the options are the one guest's, and the real machine is made to fit. With --vm they are the real machine's. A guest's hart has
 * no H extension unless its -cpu asks for it. o must outlive the setup. 0, or -EINVAL with e set; vmm_setup_free() in either case.
 */
MUST_USE int vmm_setup(struct vmm_setup *s, struct options *o, struct err *e);
void vmm_setup_free(struct vmm_setup *s);
/* What `--vmm help` prints. */
void vmm_help(FILE *out);

/* Splits text into words in place as a shell does: blanks, '...', "...", and a backslash before a character. Returns how many; -1: a quote is
 * not closed, or there are more than max. */
int vmm_split(char *text, const char **words, int max);

#endif
