/* SPDX-License-Identifier: MIT */
#include "monitor/trace/json.h"

#include <string.h>

#include "monitor/trace/put.h"
#include "monitor/trace/render.h"

enum { NAME_MAX_SHOWN = 200 };

char *put_json(char *p, const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') {
            *p++ = '\\';
            *p++ = (char)c;
        } else if (c < 0x20 || c >= 0x7f) { /* bytes beyond ASCII may be no UTF-8 */
            p = PUT_LITERAL(p, "\\u00");
            *p++ = "0123456789abcdef"[c >> 4];
            *p++ = "0123456789abcdef"[c & 15];
        } else {
            *p++ = (char)c;
        }
    }
    return p;
}

char *put_json_name(char *p, const char *s)
{
    char cut[NAME_MAX_SHOWN + 1];
    size_t n = strnlen(s, NAME_MAX_SHOWN);
    memcpy(cut, s, n);
    cut[n] = 0;
    return put_json(p, cut);
}

char *put_json_hex(char *p, uint64_t v)
{
    *p++ = '"';
    p = put_hex(p, v);
    *p++ = '"';
    return p;
}

static char *put_member(char *p, const char *name)
{
    p = PUT_LITERAL(p, ",\"");
    p = put_string(p, name);
    return PUT_LITERAL(p, "\":");
}

static char *put_word(char *p, const char *name, const char *suffix, const char *word)
{
    p = PUT_LITERAL(p, ",\"");
    p = put_string(p, name);
    p = put_string(p, suffix);
    p = PUT_LITERAL(p, "\":\"");
    p = put_json_name(p, word);
    *p++ = '"';
    return p;
}

char *put_json_symbol(char *p, const char *name, const char *symbol, uint64_t offset)
{
    p = put_word(p, name, "_symbol", symbol) - 1;
    *p++ = '+';
    p = put_hex(p, offset);
    *p++ = '"';
    return p;
}

const char *json_arg_name(const struct event_arg *arg)
{
    static const char prefix[] = "arg_", *const every[] = {"arg_clock", "arg_insn", "arg_hart", "arg_vm",
                                                           "arg_mode",  "arg_pc",   "arg_kind"};
    for (size_t i = 0; i < ARRAY_LEN(every); i++)
        if (!strcmp(every[i] + sizeof prefix - 1, arg->name))
            return every[i];
    return arg->name;
}

static char *put_arg(char *p, const struct trace_source *s, const struct event *e, unsigned i)
{
    const struct event_arg *arg = &event_rows[e->kind].arg[i];
    const char *word = trace_arg_word(e, i), *symbol;
    const char *name = json_arg_name(arg);
    uint64_t v = e->a[i], offset;
    switch (arg->type) {
    case ARG_DEC: return put_dec(put_member(p, name), v);
    case ARG_SIGNED: return put_signed(put_member(p, name), (int64_t)v);
    case ARG_BOOL: return put_string(put_member(p, name), word);
    case ARG_NONE:
    case ARG_HEX:
    case ARG_PA:
    case ARG_INSN: return put_json_hex(put_member(p, name), v);
    case ARG_VA:
        p = put_json_hex(put_member(p, name), v);
        symbol = trace_arg_symbol(s, e, i, &offset);
        return symbol ? put_json_symbol(p, name, symbol, offset) : p;
    case ARG_CSR:
    case ARG_CAUSE:
    case ARG_IRQ:
    case ARG_SBI:
        p = put_json_hex(put_member(p, name), v);
        return word && *word != '?' ? put_word(p, name, "_name", word) : p;
    case ARG_REG:
    case ARG_MODE:
    case ARG_ACCESS:
    case ARG_VERDICT:
    case ARG_FLUSH:
    case ARG_DEVICE:
    case ARG_VMEXIT:
    case ARG_TEXT: break;
    }
    return put_word(p, name, "", word ? word : "?");
}

char *put_json_args(char *p, const struct trace_source *s, const struct event *e, unsigned i)
{
    for (; i < event_rows[e->kind].nargs; i++)
        if (trace_arg_shown(e, i))
            p = put_arg(p, s, e, i);
    return p;
}
