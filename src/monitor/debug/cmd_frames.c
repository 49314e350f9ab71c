/* SPDX-License-Identifier: MIT */
/* Frames: backtrace, frame, up, down. */
#include "monitor/debug/repl_int.h"

#include "machine_int.h"
#include "monitor/debug/source.h"
#include "monitor/debug/unwind.h"
#include "symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The chain of the selected hart, for as long as nothing runs. */
struct call_frames {
    uint64_t epoch;
    unsigned hart, n;
    char why[160]; /* the chain ends */
    struct unwind_frame v[UNWIND_FRAMES];
};

void call_frames_free(struct repl *r)
{
    free(r->frames);
    r->frames = NULL;
}

static bool read_memory(void *ctx, uint64_t addr, unsigned size, uint64_t *value)
{
    struct repl *r = ctx;
    *value = 0;
    return debugger_read(r->d, debugger_hart(r->d), SPACE_GVA, addr, value, size) == size;
}

/* NULL: no memory. */
static struct call_frames *frames(struct repl *r)
{
    struct hart *h = debugger_hart(r->d);
    struct call_frames *f = r->frames;
    if (f && f->epoch == debugger_epoch(r->d) && f->hart == h->id)
        return f;
    r->frame = 0;
    if (!f && !(f = r->frames = calloc(1, sizeof *f)))
        return NULL;
    struct unwind_env env = {
        .ctx = r, .read = read_memory, .source = r->source, .symbols = machine_symbols(debugger_machine(r->d))};
    unwind_env_hart(&env, h);
    f->epoch = debugger_epoch(r->d);
    f->hart = h->id;
    f->n = unwind(&env, f->v, UNWIND_FRAMES, f->why, sizeof f->why);
    return f;
}

void frame_now(struct repl *r, struct unwind_env *env, struct unwind_frame *f)
{
    struct hart *h = debugger_hart(r->d);
    const struct call_frames *known = r->frames;
    *env = (struct unwind_env){
        .ctx = r, .read = read_memory, .source = r->source, .symbols = machine_symbols(debugger_machine(r->d))};
    unwind_env_hart(env, h);
    if (debugger_shows_frame(r->d) && known && known->hart == h->id && r->frame < known->n) {
        *f = known->v[r->frame];
        return;
    }
    *f = (struct unwind_frame){.pc = env->pc, .lookup = env->pc, .known = UINT32_MAX};
    memcpy(f->x, env->x, sizeof f->x);
}

uint64_t frame_pc(struct repl *r)
{
    const struct call_frames *f = frames(r);
    return f && r->frame ? f->v[r->frame].lookup : debugger_hart(r->d)->pc;
}

bool frame_return(struct repl *r, uint64_t *ra, uint64_t *sp)
{
    const struct call_frames *f = frames(r);
    if (!f || r->frame + 1 >= f->n)
        return false;
    *ra = f->v[r->frame + 1].pc;
    *sp = f->v[r->frame].trap_entry ? 0 : f->v[r->frame].cfa;
    return true;
}

bool frame_holds(struct repl *r, uint64_t addr, struct stop_frame *until)
{
    const struct call_frames *f = frames(r);
    const struct hart *h = debugger_hart(r->d);
    *until = (struct stop_frame){.pc = 0};
    if (!f || r->frame + 1 >= f->n)
        return false;
    const struct unwind_frame *v = &f->v[r->frame];
    if (!v->cfa || v->trap_entry || !(v->known >> 2 & 1) || addr < v->x[2] || addr >= v->cfa)
        return false;
    *until = (struct stop_frame){.pc = f->v[r->frame + 1].pc,
                                 .sp = v->cfa,
                                 .satp = h->virt ? h->csr.vsatp : h->csr.satp,
                                 .hart = (uint8_t)h->id,
                                 .mode = EVENT_MODE(h->priv, h->virt)};
    return true;
}

static void show_frame(struct repl *r, const struct call_frames *f, unsigned n)
{
    char line[512];
    struct unwind_env env;
    struct unwind_frame ignored;
    /* #1  0x80001234 in trap+0x10 (frame=0x8000ff00) at kern/trap.c:12, by cfi */
    unwind_line(&f->v[n], n, line, sizeof line);
    char *at = f->v[n].file ? strstr(line, " at ") : NULL;
    out_printf(r->out, "%.*s", at ? (int)(at - line) : (int)sizeof line, line);
    if (at) {
        frame_now(r, &env, &ignored);
        show_arguments(r, &env, &f->v[n]);
        out_puts(r->out, at);
    }
    out_puts(r->out, "\n");
    struct source_inline in[SOURCE_INLINES];
    unsigned inlined = source_inlines_at(r->source, f->v[n].lookup, in);
    for (unsigned i = 0; i < inlined; i++) { /* the innermost first: it is that line's */
        out_printf(r->out, "    in %s, inlined", in[i].name);
        if (in[i].call_file)
            out_printf(r->out, " at %s:%u", in[i].call_file, in[i].call_line);
        out_puts(r->out, "\n");
    }
}

/* The selected frame with its source line. */
static void show_selected(struct repl *r, const struct call_frames *f)
{
    show_frame(r, f, r->frame);
    if (!show_source_line(r, f->v[r->frame].lookup))
        show_instruction(r, SPACE_GVA, f->v[r->frame].pc);
}

/* [N]: the innermost N, or all. */
int cmd_backtrace(struct repl *r, const char *args, struct err *e)
{
    uint64_t n = UNWIND_FRAMES;
    if (eval_count(r, args, &n, e))
        return -EINVAL;
    const struct call_frames *f = frames(r);
    if (!f)
        return err_set(e, -ENOMEM, "out of memory");
    for (unsigned i = 0; i < f->n && i < n; i++)
        show_frame(r, f, i);
    if (f->n > n)
        out_printf(r->out, "(%u more)\n", f->n - (unsigned)n);
    else if (f->why[0])
        out_printf(r->out, "(%s)\n", f->why);
    if (debugger_machine(r->d)->state[f->hart] == HART_STUCK)
        out_puts(r->out, "(this is a trap handler that traps itself: why tells what led there)\n");
    return 0;
}

static int select_frame(struct repl *r, uint64_t n, struct err *e)
{
    const struct call_frames *f = frames(r);
    if (!f)
        return err_set(e, -ENOMEM, "out of memory");
    if (n >= f->n)
        return err_set(e, -EINVAL, "no frame %" PRIu64 ": there are %u (backtrace lists them)", n, f->n);
    const struct unwind_frame *v = &f->v[n];
    r->frame = (unsigned)n;
    r->list_file[0] = 0; /* list begins there */
    debugger_show_frame(r->d, n ? v->x : NULL, v->known, v->pc);
    show_selected(r, f);
    return 0;
}

int cmd_frame(struct repl *r, const char *args, struct err *e)
{
    uint64_t n = frames(r) ? r->frame : 0;
    if (*args && eval_u64(r, args, &n, e))
        return -EINVAL;
    return select_frame(r, n, e);
}

int cmd_up(struct repl *r, const char *args, struct err *e)
{
    uint64_t n = 1;
    const struct call_frames *f = frames(r);
    if (!f || eval_count(r, args, &n, e))
        return -EINVAL;
    if (r->frame + 1 >= f->n)
        return err_set(e, -EINVAL, "this is the outermost frame");
    return select_frame(r, min_u64(r->frame + n, f->n - 1), e);
}

int cmd_down(struct repl *r, const char *args, struct err *e)
{
    uint64_t n = 1;
    if (!frames(r) || eval_count(r, args, &n, e))
        return -EINVAL;
    if (!r->frame)
        return err_set(e, -EINVAL, "this is the innermost frame");
    return select_frame(r, r->frame - min_u64(n, r->frame), e);
}

/* What is known of the selected frame. */
int cmd_info_frame(struct repl *r, const char *args, struct err *e)
{
    uint64_t ra, sp;
    const struct call_frames *f = frames(r);
    if (no_arguments(args, e))
        return -EINVAL;
    if (!f)
        return err_set(e, -ENOMEM, "out of memory");
    const struct unwind_frame *v = &f->v[r->frame];
    bool called = frame_return(r, &ra, &sp); /* tells the frame's place too */
    out_printf(r->out, "Frame %u, ", r->frame);
    if (v->cfa)
        out_printf(r->out, "whose function was entered with sp = 0x%" PRIx64 "\n", v->cfa);
    else
        out_puts(r->out, "of which nothing tells where it begins\n");
    out_puts(r->out, " pc = ");
    show_address(r, v->pc);
    show_source_place(r, v->lookup);
    out_printf(r->out, v->how == UNWIND_PC ? "\n" : ", found by %s\n", unwind_how_name(v->how));
    out_puts(r->out, v->trap_entry ? " interrupted " : called ? " called from " : "");
    if (called)
        show_address(r, ra);
    else
        out_printf(r->out, " %s", f->why);
    out_puts(r->out, "\n");
    return 0;
}
