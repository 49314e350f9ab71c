/* SPDX-License-Identifier: MIT */
/* The comparison as a drawing: a bar for each run, stacked by what its time goes to. One file, which needs nothing else. */
#include "monitor/vmm/compare_int.h"

#include <inttypes.h>

/* In pixels. A guest's group: a title, a bar for each run, a gap. */
enum {
    WIDTH = 1000,
    LEFT = 110,   /* of the bars: techniques' names stand before it */
    LENGTH = 640, /* of the longest bar */
    BAR = 26,
    STRIDE = 36,
    TOP = 118, /* title and legend */
    GROUP = 34,
    GAP = 26,
    FOOT = 44,
    LABEL_FITS = 44, /* a piece at least this wide says how much of the whole it is */
};
/* A bar more than so many times as long as native is drawn to a scale of its own, and says so. */
static const double LONG = 12;

/* Colours that people with any kind of sight can tell apart (Okabe and Ito's). */
static const char *const colour[COST_PARTS] = {
    [PART_GUEST] = "#009e73",    [PART_TRAPS] = "#56b4e9", [PART_WALKS] = "#0072b2", [PART_DEVICES] = "#999999",
    [PART_SWITCHES] = "#e69f00", [PART_EXITS] = "#d55e00", [PART_STEPS] = "#cc79a7", [PART_EMULATION] = "#f0e442",
};

static void escaped(FILE *f, const char *s)
{
    for (; *s; s++)
        switch (*s) {
        case '<': fputs("&lt;", f); break;
        case '>': fputs("&gt;", f); break;
        case '&': fputs("&amp;", f); break;
        case '"': fputs("&quot;", f); break;
        default:
            if ((unsigned char)*s >= 0x20)
                putc(*s, f);
        }
}

/* 12.3 million */
static void print_cycles(FILE *f, double v)
{
    static const char *const unit[] = {"", " thousand", " million", " billion", " trillion"};
    unsigned u = 0;
    for (; v >= 1000 && u + 1 < ARRAY_LEN(unit); u++)
        v /= 1000;
    fprintf(f, u ? "%.1f%s" : "%.0f%s", v, unit[u]);
}

static void legend(FILE *f)
{
    for (unsigned p = 0; p < COST_PARTS; p++) {
        unsigned x = LEFT + (p % 4) * 160, y = 62 + (p / 4) * 22;
        fprintf(f,
                "<rect x=\"%u\" y=\"%u\" width=\"14\" height=\"14\" fill=\"%s\"/><text x=\"%u\" y=\"%u\">%s</text>\n",
                x, y, colour[p], x + 20, y + 12, cost_part_name((enum cost_part)p));
    }
}

static void bar(FILE *f, const struct compare_run *r, const struct compare_run *native, double longest, unsigned y)
{
    bool apart = r->cycles > longest;
    double scale = LENGTH / (apart ? r->cycles : longest), x = LEFT;
    fprintf(f, "<text x=\"%d\" y=\"%u\" class=\"name\">%s</text>\n", LEFT - 10, y + 18, compare_run_name(r));
    if (r->end == COMPARE_NOT_RUN) {
        fprintf(f, "<text x=\"%d\" y=\"%u\" class=\"dim\">not run", LEFT, y + 18);
        if (r->why)
            fprintf(f, "<title>");
        if (r->why)
            escaped(f, r->why);
        fprintf(f, "%s</text>\n", r->why ? "</title>" : "");
        return;
    }
    for (unsigned p = 0; p < COST_PARTS; p++) {
        double w = r->part[p] * scale;
        if (w <= 0)
            continue;
        fprintf(f, "<rect x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"%d\" fill=\"%s\"><title>%s: ", x, y, w, BAR,
                colour[p], cost_part_name((enum cost_part)p));
        print_cycles(f, r->part[p]);
        fprintf(f, " cycles, %.1f%%</title></rect>\n", r->part[p] / r->cycles * 100);
        if (w >= LABEL_FITS)
            fprintf(f, "<text x=\"%.2f\" y=\"%u\" class=\"%s\">%.0f%%</text>\n", x + w / 2, y + 18,
                    p == PART_EMULATION || p == PART_SWITCHES || p == PART_TRAPS ? "in dark" : "in",
                    r->part[p] / r->cycles * 100);
        x += w;
    }
    if (apart) /* a break across its end */
        fprintf(f, "<path d=\"M%.1f %u l8 %d l-8 %d l8 %d\" class=\"cut\"/>\n", x - 30, y - 2, BAR / 3 + 1, BAR / 3 + 1,
                BAR / 3 + 1);
    fprintf(f, "<text x=\"%.2f\" y=\"%u\">", x + 8, y + 12);
    double ratio;
    if (compare_ratio(native, r, &ratio))
        fprintf(f, "<tspan class=\"ratio\">%.2f&#215;</tspan>", ratio);
    else
        fprintf(f, "<tspan class=\"ratio\">%s</tspan>",
                r->end == COMPARE_CHECK ? "stopped by a check" : "not the same");
    fprintf(f, "%s</text>\n<text x=\"%.2f\" y=\"%u\" class=\"dim\">", apart ? " (own scale)" : "", x + 8, y + 25);
    print_cycles(f, r->cycles);
    fprintf(f, " cycles</text>\n");
}

/* Of the bars that are drawn to the same scale: cycles of the longest. */
static double longest_of(const struct compare *c, const struct compare_guest *g)
{
    double longest = 0;
    for (unsigned k = 0; k < c->nruns; k++) {
        const struct compare_run *r = &g->run[k];
        bool fits = g->run[0].cycles <= 0 || r->cycles <= LONG * g->run[0].cycles;
        if (r->end != COMPARE_NOT_RUN && fits && r->cycles > longest)
            longest = r->cycles;
    }
    return longest > 0 ? longest : 1;
}

void compare_svg(const struct compare *c, FILE *f)
{
    char how[256];
    unsigned group = GROUP + c->nruns * STRIDE + GAP, height = TOP + c->nguests * group + FOOT;
    fprintf(
        f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" viewBox=\"0 0 %d %u\" role=\"img\">\n",
        WIDTH, height, WIDTH, height);
    fprintf(f, "<title>vitrine compare</title>\n<style>text{font:13px "
               "sans-serif;fill:#222}.head{font-size:19px;font-weight:bold}"
               ".guest{font-size:15px;font-weight:bold}.name{text-anchor:end}.dim{fill:#666;font-size:11px;font-weight:"
               "normal}.ratio{font-"
               "weight:bold}"
               ".in{text-anchor:middle;fill:#fff;font-size:12px}.dark{fill:#222}.cut{stroke:#fff;stroke-width:4;fill:"
               "none}</style>\n");
    fprintf(f,
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n<text x=\"%d\" y=\"34\" class=\"head\">One guest, "
            "each way to run it: where "
            "the time goes</text>\n",
            LEFT);
    legend(f);
    for (unsigned i = 0; i < c->nguests; i++) {
        const struct compare_guest *g = &c->guest[i];
        unsigned y = TOP + i * group;
        double longest = longest_of(c, g);
        compare_describe(&g->run[0], how, sizeof how);
        fprintf(f, "<text x=\"%d\" y=\"%u\" class=\"guest\">", LEFT, y + 18);
        escaped(f, g->name);
        fprintf(f, "<tspan class=\"dim\" dx=\"10\">%s</tspan></text>\n", how);
        for (unsigned k = 0; k < c->nruns; k++)
            bar(f, &g->run[k], &g->run[0], longest, y + GROUP + k * STRIDE);
    }
    fprintf(f, "<text x=\"%d\" y=\"%u\" class=\"dim\">Cycles are a model's (", LEFT, height - 20);
    escaped(f, c->costs ? c->costs : "the built-in one: docs/costs.yaml");
    fprintf(f, "), not measured. A bar on a scale of its own is more than %.0f times native.</text>\n</svg>\n", LONG);
}
