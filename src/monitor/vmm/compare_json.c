/* SPDX-License-Identifier: MIT */
/* The comparison as JSON; docs/compare.md tells what stands where. */
#include "monitor/vmm/compare_int.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

static void string(FILE *f, const char *s)
{
    putc('"', f);
    for (; *s; s++) {
        unsigned char ch = (unsigned char)*s;
        if (ch == '"' || ch == '\\')
            fprintf(f, "\\%c", ch);
        else if (ch < 0x20 || ch >= 0x7f)
            fprintf(f, "\\u%04x", ch); /* what is no ASCII reads as Latin-1 */
        else
            putc(ch, f);
    }
    putc('"', f);
}

static void number(FILE *f, const char **comma, const char *name, uint64_t v)
{
    fprintf(f, "%s\n          \"%s\": %" PRIu64, *comma, name, v);
    *comma = ",";
}

static const char *end_word(enum compare_end e)
{
    switch (e) {
    case COMPARE_NOT_RUN: return "not run";
    case COMPARE_ENDED: return "ended";
    case COMPARE_RESET: return "reset";
    case COMPARE_STUCK: return "stuck";
    case COMPARE_WAITS: return "waits";
    case COMPARE_LIMIT: return "limit";
    case COMPARE_CHECK: return "check";
    case COMPARE_FAILED: break;
    }
    return "failed";
}

static void counts(const struct compare_run *r, FILE *f)
{
    const char *comma = "";
    fprintf(f, ",\n        \"counts\": {");
    number(f, &comma, "instructions", r->insns);
    number(f, &comma, "real", r->real_insns);
    number(f, &comma, "interpreted", r->interpreted);
    number(f, &comma, "emulated", r->emulated);
    number(f, &comma, "entries", r->entries);
    number(f, &comma, "exits", compare_exits(r));
    number(f, &comma, "steps", compare_steps(r));
    number(f, &comma, "filled", r->fills);
    number(f, &comma, "walks", r->walks[0]);
    number(f, &comma, "walks_second_stage", r->walks[1]);
    number(f, &comma, "pte_reads", r->reads);
    number(f, &comma, "pte_reads_software", r->software_reads);
    number(f, &comma, "tlb_fills", r->tlb_fills);
    number(f, &comma, "tlb_flushes", r->tlb_flushes);
    number(f, &comma, "traps", r->traps);
    number(f, &comma, "mmio", r->mmio);
    number(f, &comma, "firmware_calls", r->firmware);
    number(f, &comma, "written", r->written);
    fprintf(f, "\n        }");
}

static void by_table(const struct compare_run *r, FILE *f)
{
    const char *comma = "";
    fprintf(f, ",\n        \"exits\": {");
    for (unsigned i = 0; i < VM_EXIT_REASONS; i++)
        number(f, &comma, vm_exit_name((enum vm_exit_reason)i), r->exits[i]);
    fprintf(f, "\n        },\n        \"steps\": {");
    comma = "";
    for (unsigned k = 0; k < EV_KINDS; k++)
        if (cost_is_step((enum event_kind)k))
            number(f, &comma, event_rows[k].name, r->steps[k]);
    fprintf(f, "\n        },\n        \"cycles\": {");
    comma = "";
    for (unsigned p = 0; p < COST_PARTS; p++) {
        fprintf(f, "%s\n          \"%s\": %.12g", comma, cost_part_name((enum cost_part)p), r->part[p]);
        comma = ",";
    }
    fprintf(f, ",\n          \"total\": %.12g\n        }", r->cycles);
}

static void one(const struct compare_guest *g, const struct compare_run *r, FILE *f)
{
    const struct compare_run *native = &g->run[0];
    fprintf(f, "{\n        \"technique\": ");
    string(f, compare_run_name(r));
    fprintf(f, ",\n        \"end\": \"%s\"", end_word(r->end));
    if (r->end == COMPARE_ENDED)
        fprintf(f, ",\n        \"status\": %d", r->status);
    if (r->why) {
        fprintf(f, ",\n        \"why\": ");
        string(f, r->why);
    }
    if (r->end != COMPARE_NOT_RUN) {
        fprintf(f, ",\n        \"same_as_native\": %s", compare_same(native, r) ? "true" : "false");
        counts(r, f);
        by_table(r, f);
        double ratio;
        if (compare_ratio(native, r, &ratio))
            fprintf(f, ",\n        \"ratio\": %.6g", ratio);
        if (r->compared)
            fprintf(f, ",\n        \"compared\": %" PRIu64, r->compared);
        if (r->verified)
            fprintf(f, ",\n        \"verified\": %" PRIu64, r->verified);
    }
    fprintf(f, "\n      }");
}

static void model(const struct compare *c, FILE *f)
{
    const char *section, *key, *help, *last = "", *comma = "";
    fprintf(f, "  \"model\": {\n    \"file\": ");
    if (c->costs)
        string(f, c->costs);
    else
        fprintf(f, "null");
    for (unsigned i = 0; cost_row((enum cost_id)i, &section, &key, &help); i++) {
        if (strcmp(section, last))
            fprintf(f, "%s,\n    \"%s\": {", *last ? "\n    }" : "", section);
        fprintf(f, "%s\n      \"%s\": %.12g", strcmp(section, last) ? "" : ",", key, c->model.unit[i]);
        last = section;
    }
    fprintf(f, "\n    },\n    \"exits\": {");
    for (unsigned i = 0; i < VM_EXIT_REASONS; i++, comma = ",")
        fprintf(f, "%s\n      \"%s\": %.12g", comma, vm_exit_name((enum vm_exit_reason)i), c->model.exit[i]);
    fprintf(f, "\n    },\n    \"steps\": {");
    comma = "";
    for (unsigned k = 0; k < EV_KINDS; k++)
        if (cost_is_step((enum event_kind)k)) {
            fprintf(f, "%s\n      \"%s\": %.12g", comma, event_rows[k].name, c->model.step[k]);
            comma = ",";
        }
    fprintf(f, "\n    }\n  }");
}

void compare_json(const struct compare *c, FILE *f)
{
    fprintf(f, "{\n  \"format\": \"vitrine compare 1\",\n");
    model(c, f);
    fprintf(f, ",\n  \"guests\": [");
    for (unsigned i = 0; i < c->nguests; i++) {
        const struct compare_guest *g = &c->guest[i];
        fprintf(f, "%s{\n    \"guest\": ", i ? ", " : "");
        string(f, g->name);
        fprintf(f, ",\n    \"options\": [");
        for (int w = 0; w < g->nwords; w++) {
            fprintf(f, "%s", w ? ", " : "");
            string(f, g->words[w]);
        }
        fprintf(f, "],\n    \"runs\": [");
        for (unsigned k = 0; k < c->nruns; k++) {
            fprintf(f, "%s", k ? ", " : "");
            one(g, &g->run[k], f);
        }
        fprintf(f, "]\n  }");
    }
    fprintf(f, "]\n}\n");
}
