/* SPDX-License-Identifier: MIT */
/* Host-side errors: a negative errno and one message that names the thing, the value and the way out. */
#ifndef VITRINE_ERR_H
#define VITRINE_ERR_H

#include "base/base.h"

struct err {
    char text[1024]; /* without a final newline; "" = none */
};

/* Formats into e (which may be NULL) and returns code (a negative errno), so that `return err_set(e, -EINVAL, ...)` reads well. */
int err_set(struct err *e, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Puts what the message is about before it: the option that named a file. Returns code. */
int err_about(struct err *e, int code, const char *what);

#endif
