/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

int err_set(struct err *e, int code, const char *fmt, ...)
{
    if (e) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(e->text, sizeof e->text, fmt, ap);
        va_end(ap);
    }
    return code;
}

int err_about(struct err *e, int code, const char *what)
{
    struct err was;
    if (!e)
        return code;
    was = *e;
    return err_set(e, code, "%s%s", what, was.text);
}
