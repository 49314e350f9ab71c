/* SPDX-License-Identifier: MIT */
#include "monitor/debug/out.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool out_cancelled(const struct out *o)
{
    return o->cancel && *o->cancel;
}

void out_puts(struct out *o, const char *s)
{
    if (out_cancelled(o))
        return;
    o->write(o, s, strlen(s));
}

void out_vprintf(struct out *o, const char *fmt, va_list ap)
{
    char buf[512];
    va_list again;
    if (out_cancelled(o))
        return;
    va_copy(again, ap);
    int n = vsnprintf(buf, sizeof buf, fmt, ap);
    if (n >= 0 && (size_t)n < sizeof buf) {
        o->write(o, buf, (size_t)n);
    } else if (n >= 0) {
        char *long_one = malloc((size_t)n + 1);
        if (long_one) {
            vsnprintf(long_one, (size_t)n + 1, fmt, again);
            o->write(o, long_one, (size_t)n);
            free(long_one);
        } else {
            o->write(o, buf, sizeof buf - 1);
        }
    }
    va_end(again);
}

void out_printf(struct out *o, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    out_vprintf(o, fmt, ap);
    va_end(ap);
}

void out_style(struct out *o, enum out_style s)
{
    static const char *const codes[] = {
        [OUT_PLAIN] = "\033[0m",  [OUT_ADDR] = "\033[36m", [OUT_NAME] = "\033[33m", [OUT_GOOD] = "\033[32m",
        [OUT_BAD] = "\033[1;31m", [OUT_DIM] = "\033[2m",   [OUT_HEAD] = "\033[1m",
    };
    if (o->colour)
        out_puts(o, codes[s]);
}

void out_styled(struct out *o, enum out_style s, const char *fmt, ...)
{
    va_list ap;
    out_style(o, s);
    va_start(ap, fmt);
    out_vprintf(o, fmt, ap);
    va_end(ap);
    out_style(o, OUT_PLAIN);
}

static void file_write(struct out *o, const char *s, size_t n)
{
    fwrite(s, 1, n, ((struct out_file *)o)->file);
}

void out_file_init(struct out_file *o, FILE *f, bool colour)
{
    *o = (struct out_file){.out = {.write = file_write, .colour = colour}, .file = f};
}

bool out_wants_colour(FILE *f)
{
    const char *term = getenv("TERM"), *no = getenv("NO_COLOR");
    return isatty(fileno(f)) && !(no && *no) && term && *term && strcmp(term, "dumb");
}

static void text_write(struct out *o, const char *s, size_t n)
{
    struct out_text *t = (struct out_text *)o;
    size_t room = t->text ? t->size + 1 : 0, need = t->size + n + 1;
    /* The room is a power of two: it grows when the size passes one. */
    size_t had = 256, want = 256;
    while (had < room)
        had *= 2;
    while (want < need)
        want *= 2;
    if (!t->text || want > had) {
        char *more = realloc(t->text, want);
        if (!more)
            return;
        t->text = more;
    }
    memcpy(t->text + t->size, s, n);
    t->size += n;
    t->text[t->size] = 0;
}

void out_text_init(struct out_text *o)
{
    *o = (struct out_text){.out = {.write = text_write}};
}

void out_text_free(struct out_text *o)
{
    free(o->text);
    o->text = NULL;
    o->size = 0;
}
