/* SPDX-License-Identifier: MIT */
#include "monitor/trace/docs.h"

#include <string.h>

#include "base/event.h"
#include "monitor/trace/format.h"
#include "monitor/trace/json.h"

/* What an argument of a type holds: in words, and what JSON Lines show of it. */
static const struct type {
    const char *words, *json;
    bool symbol, named; /* a member NAME_symbol or NAME_name may stand beside it */
} types[] = {
    [ARG_NONE] = {"", "hex", false, false},
    [ARG_HEX] = {"number", "hex", false, false},
    [ARG_DEC] = {"number", "count", false, false},
    [ARG_SIGNED] = {"signed number", "integer", false, false},
    [ARG_BOOL] = {"true or false", "boolean", false, false},
    [ARG_VA] = {"virtual address", "hex", true, false},
    [ARG_PA] = {"physical address", "hex", false, false},
    [ARG_INSN] = {"the instruction's 2 or 4 bytes", "hex", false, false},
    [ARG_REG] = {"register", "string", false, false},
    [ARG_CSR] = {"CSR", "hex", false, true},
    [ARG_CAUSE] = {"cause, as in mcause", "hex", false, true},
    [ARG_IRQ] = {"interrupt, a bit of mip", "hex", false, true},
    [ARG_MODE] = {"mode", "mode", false, false},
    [ARG_ACCESS] = {"read, write or execute", "string", false, false},
    [ARG_VERDICT] = {"what the entry means", "string", false, false},
    [ARG_FLUSH] = {"instruction", "string", false, false},
    [ARG_DEVICE] = {"device", "string", false, false},
    [ARG_SBI] = {"SBI extension", "hex", false, true},
    [ARG_VMEXIT] = {"why", "string", false, false},
    [ARG_TEXT] = {"text", "string", false, false},
};

static const struct {
    const char *name, *title;
} groups[] = {
    {"insn", "Instructions"},
    {"cpu", "The processor"},
    {"mmu", "The MMU"},
    {"dev", "The board"},
    {"sbi", "Firmware"},
    {"guest", "The guest"},
    {"vmm", "The virtual-machine monitor"},
};

void events_print_help(FILE *f)
{
    fprintf(
        f,
        "Kinds of events, for --trace and catch; a group's name stands for all of its kinds, `all` for every one.\n");
    for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
        fprintf(f, "\n%s: %s\n", groups[g].name, groups[g].title);
        for (unsigned k = 0; k < EV_KINDS; k++) {
            const struct event_row *r = &event_rows[k];
            if (strcmp(r->group, groups[g].name))
                continue;
            fprintf(f, "  %-14s %s\n                ", r->name, r->help);
            for (unsigned i = 0; i < r->nargs; i++)
                fprintf(f, " %s", r->arg[i].name);
            fprintf(f, "\n");
        }
    }
    fprintf(f, "\nFormats:\n");
    for (unsigned i = 0; trace_format(i); i++)
        fprintf(f, "  %-9s %s (%s)\n", trace_format(i)->name, trace_format(i)->help, trace_format(i)->suffixes);
}

void events_print_markdown(FILE *f)
{
    fprintf(f, "# Events\n\n"
               "What a machine tells of itself: the kinds of `src/base/event.def`, which is all that there is to a "
               "kind. This page is what\n"
               "`vitrine help events.md` prints.\n\n"
               "Every event has `clock` (instruction slots of the machine: nanoseconds at the default speed), `insn` "
               "(instructions that the\n"
               "hart had retired), `pc` (of the instruction in whose course it happened), `hart`, `vm` (0: the real "
               "machine), `mode` (before\n"
               "what the event tells of: M, S, U, VS, VU) and its kind's own arguments. In JSON an argument of one of "
               "these names is\n"
               "`arg_insn`, `arg_pc`, `arg_mode`.\n");
    for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
        fprintf(f, "\n## %s: group `%s`\n\n| kind | what | arguments |\n|---|---|---|\n", groups[g].title,
                groups[g].name);
        for (unsigned k = 0; k < EV_KINDS; k++) {
            const struct event_row *r = &event_rows[k];
            if (strcmp(r->group, groups[g].name))
                continue;
            fprintf(f, "| `%s` | %s | ", r->name, r->help);
            for (unsigned i = 0; i < r->nargs; i++)
                fprintf(f, "%s`%s` %s", i ? ", " : "", r->arg[i].name, types[r->arg[i].type].words);
            fprintf(f, " |\n");
        }
    }
}

/* Arguments that may be missing: see trace_arg_shown(). */
static bool may_be_missing(unsigned kind, unsigned i)
{
    return (kind == EV_INSN || kind == EV_TLB_FLUSH || kind == EV_VM_EXIT) && i > 0;
}

static void print_kind(FILE *f, unsigned kind)
{
    const struct event_row *r = &event_rows[kind];
    fprintf(f, "    {\n      \"description\": \"%s\",\n      \"properties\": {\n        \"kind\": {\"const\": \"%s\"}",
            r->help, r->name);
    for (unsigned i = 0; i < r->nargs; i++) {
        const struct type *t = &types[r->arg[i].type];
        const char *name = json_arg_name(&r->arg[i]);
        fprintf(f, ",\n        \"%s\": {\"$ref\": \"#/definitions/%s\", \"description\": \"%s\"}", name, t->json,
                t->words);
        if (t->symbol)
            fprintf(f, ",\n        \"%s_symbol\": {\"$ref\": \"#/definitions/symbol\"}", name);
        if (t->named)
            fprintf(f, ",\n        \"%s_name\": {\"$ref\": \"#/definitions/string\"}", name);
    }
    if (kind == EV_INSN)
        fprintf(f, ",\n        \"disasm\": {\"$ref\": \"#/definitions/string\", \"description\": \"the instruction in "
                   "words\"}");
    for (size_t n = 0; n < 2; n++)
        fprintf(f, ",\n        \"%s\": true", n ? "pc_symbol" : "pc");
    fprintf(f, ",\n        \"clock\": true, \"insn\": true, \"hart\": true, \"vm\": true, \"mode\": true\n      },\n"
               "      \"required\": [");
    bool any = false;
    for (unsigned i = 0; i < r->nargs; i++)
        if (!may_be_missing(kind, i)) {
            fprintf(f, "%s\"%s\"", any ? ", " : "", json_arg_name(&r->arg[i]));
            any = true;
        }
    fprintf(f, "],\n      \"additionalProperties\": false\n    }");
}

void events_print_schema(FILE *f)
{
    fprintf(
        f,
        "{\n  \"$schema\": \"http://json-schema.org/draft-07/schema#\",\n"
        "  \"title\": \"A line of a Vitrine trace in format jsonl\",\n  \"type\": \"object\",\n  \"definitions\": {\n"
        "    \"hex\": {\"type\": \"string\", \"pattern\": \"^0x[0-9a-f]{1,16}$\"},\n"
        "    \"count\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 18446744073709551615},\n"
        "    \"integer\": {\"type\": \"integer\"},\n    \"boolean\": {\"type\": \"boolean\"},\n    \"string\": "
        "{\"type\": \"string\"},\n"
        "    \"symbol\": {\"type\": \"string\", \"pattern\": \"\\\\+0x[0-9a-f]{1,16}$\", \"description\": "
        "\"name+offset\"},\n"
        "    \"mode\": {\"enum\": [\"M\", \"S\", \"U\", \"VS\", \"VU\"]}\n  },\n  \"properties\": {\n"
        "    \"clock\": {\"$ref\": \"#/definitions/count\", \"description\": \"instruction slots of the machine\"},\n"
        "    \"insn\": {\"$ref\": \"#/definitions/count\", \"description\": \"instructions that the hart had "
        "retired\"},\n"
        "    \"hart\": {\"$ref\": \"#/definitions/count\"},\n"
        "    \"vm\": {\"$ref\": \"#/definitions/count\", \"description\": \"0: the real machine\"},\n"
        "    \"mode\": {\"$ref\": \"#/definitions/mode\", \"description\": \"before what the event tells of\"},\n"
        "    \"pc\": {\"$ref\": \"#/definitions/hex\", \"description\": \"of the instruction in whose course it "
        "happened\"},\n"
        "    \"pc_symbol\": {\"$ref\": \"#/definitions/symbol\"},\n    \"kind\": {\"type\": \"string\"}\n  },\n"
        "  \"required\": [\"clock\", \"insn\", \"hart\", \"vm\", \"mode\", \"pc\", \"kind\"],\n  \"oneOf\": [\n");
    for (unsigned k = 0; k < EV_KINDS; k++) {
        print_kind(f, k);
        fprintf(f, "%s\n", k + 1 < EV_KINDS ? "," : "");
    }
    fprintf(f, "  ]\n}\n");
}
