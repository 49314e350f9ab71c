/* SPDX-License-Identifier: MIT */
/* Frames: backtrace, frame, up, down. */
#include "monitor/debug/repl_int.h"

#include <errno.h>

uint64_t frame_pc(struct repl *r)
{
    return debugger_hart(r->d)->pc;
}

bool frame_return(struct repl *r, uint64_t *ra, uint64_t *sp)
{
    const struct hart *h = debugger_hart(r->d);
    *ra = h->x[1];
    *sp = h->x[2];
    return *ra != 0;
}

int cmd_backtrace(struct repl *r, const char *args, struct err *e)
{
    (void)r, (void)args;
    return err_set(e, -ENOSYS, "backtrace: not there yet");
}

int cmd_frame(struct repl *r, const char *args, struct err *e)
{
    return cmd_backtrace(r, args, e);
}

int cmd_up(struct repl *r, const char *args, struct err *e)
{
    return cmd_backtrace(r, args, e);
}

int cmd_down(struct repl *r, const char *args, struct err *e)
{
    return cmd_backtrace(r, args, e);
}
