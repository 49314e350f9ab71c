/* SPDX-License-Identifier: MIT */
/* `vitrine compare GUEST...`: the same guest natively and under each technique, one after the other, and what each of them cost. */
#ifndef VITRINE_COMPARE_H
#define VITRINE_COMPARE_H

/* argv: what stands behind `compare`. Returns the process's exit status: 0; 123: a guest was not the same under each, or a check failed;
 * 125: usage, or something could not be made. */
int compare_command(int argc, char **argv);

#endif
