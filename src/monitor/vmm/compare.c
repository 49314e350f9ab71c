/* SPDX-License-Identifier: MIT */
/* The command line of `vitrine compare`. */
#include "monitor/vmm/compare.h"

#include "base/text.h"
#include "monitor/vmm/compare_int.h"
#include "monitor/vmm/vmm_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { STATUS_DIFFERENT = 123, STATUS_USAGE = 125, INPUT_MOST = 16 << 20 };

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SVG };

/* The command line, sorted. */
struct line {
    const char *techniques, *format, *output, *input, *idle;
    bool help;
    const char *kernel[COMPARE_GUESTS], *vm[COMPARE_GUESTS]; /* each guest has one of the two */
    unsigned nguests;
    const char *common[COMPARE_WORDS]; /* options of all guests */
    int ncommon;
};

static void help(FILE *f)
{
    fprintf(f, "Usage: vitrine compare GUEST... [OPTION...]\n"
               "Runs each guest natively and under each technique, one after the other, with the same input at the "
               "same instructions, and prints\n"
               "what it took: instructions, exits, steps of the VMM, page walks, and the time by a model.\n\n"
               "  GUEST                         a kernel, as for vitrine run -kernel\n"
               "  --vm \"OPTION...\"              a guest with options of its own\n"
               "  --techniques NAME,...         instead of all: ");
    for (unsigned i = 0; technique_at(i); i++)
        fprintf(f, "%s%s", i ? ", " : "", technique_at(i)->name);
    fprintf(
        f,
        "\n"
        "  --input FILE                  typed at the serial port, a line when the guest has taken the last one and is "
        "silent\n"
        "  --idle SECONDS                a guest that idles so long, of its own time, with nothing left to type has "
        "ended (default 1)\n"
        "  --max-insns N                 instructions after which a guest is stopped (default 1000000000)\n"
        "  --format text|json|svg        (default: by the suffix of -o FILE, else text)\n"
        "  -o FILE                       where to write it (default: standard output)\n"
        "  --costs FILE                  the model's costs, as in docs/costs.yaml\n"
        "  --check                       compare each guest with an interpreted one at every exit\n"
        "  --check-shadow                verify the tables that the real MMU walks before every entry\n"
        "  other options                 of the guest's machine, as for vitrine run: -m, -append, -drive, -cpu, ...\n\n"
        "No disk is written. Exit status: 0; 123 where a guest was not the same under each technique, or a check "
        "failed; 125 usage.\n");
}

/* An option of ours with its argument; NULL: not this one. *i moves on to the argument, which may stand behind a =. */
static const char *argument(int argc, char **argv, int *i, const char *name, struct err *e)
{
    const char *opt = argv[*i] + (argv[*i][1] == '-' ? 2 : 1);
    size_t n = strlen(name);
    if (strncmp(opt, name, n) || (opt[n] && opt[n] != '='))
        return NULL;
    if (opt[n] == '=')
        return opt + n + 1;
    if (*i + 1 < argc)
        return argv[++*i];
    err_set(e, -EINVAL, "--%s: needs an argument: see vitrine compare --help", name);
    return "";
}

static int add_guest(struct line *l, const char *kernel, const char *vm, struct err *e)
{
    if (l->nguests == COMPARE_GUESTS)
        return err_set(e, -EINVAL, "%s: more than %d guests", kernel ? kernel : vm, COMPARE_GUESTS);
    l->kernel[l->nguests] = kernel;
    l->vm[l->nguests++] = vm;
    return 0;
}

static int add_common(struct line *l, const char *word, struct err *e)
{
    if (l->ncommon == COMPARE_WORDS / 2)
        return err_set(e, -EINVAL, "%s: more than %d words of options", word, COMPARE_WORDS / 2);
    l->common[l->ncommon++] = word;
    return 0;
}

/* argv[*i] and what belongs to it. */
static int sort_one(struct line *l, struct compare *c, int argc, char **argv, int *i, struct err *e)
{
    const char *word = argv[*i], *arg;
    const struct {
        const char *name, **to;
    } ours[] = {{"techniques", &l->techniques}, {"format", &l->format}, {"o", &l->output},
                {"input", &l->input},           {"idle", &l->idle},     {"costs", &c->costs}};
    if (word[0] != '-' || !word[1])
        return add_guest(l, word, NULL, e);
    if (!strcmp(word, "--help") || !strcmp(word, "-help") || !strcmp(word, "-h"))
        return l->help = true, 0;
    for (size_t k = 0; k < ARRAY_LEN(ours); k++)
        if ((arg = argument(argc, argv, i, ours[k].name, e)))
            return *ours[k].to = arg, e->text[0] ? -EINVAL : 0;
    if ((arg = argument(argc, argv, i, "vm", e)))
        return e->text[0] ? -EINVAL : add_guest(l, NULL, arg, e);
    if ((arg = argument(argc, argv, i, "kernel", e)))
        return e->text[0] ? -EINVAL : add_guest(l, arg, NULL, e);
    int rc = add_common(l, word, e);
    if (!rc && options_takes_argument(word) && *i + 1 < argc)
        rc = add_common(l, argv[++*i], e);
    return rc;
}

static int choose_techniques(struct compare *c, const char *list, struct err *e)
{
    c->nruns = 1; /* [0]: natively */
    for (unsigned i = 0; !list && technique_at(i) && c->nruns < COMPARE_RUNS; i++)
        c->technique[c->nruns++] = technique_at(i);
    for (const char *p = list; p && *p;) {
        char name[32];
        size_t n = strcspn(p, ",");
        snprintf(name, sizeof name, "%.*s", (int)n, p);
        const struct technique *t = technique_find(name);
        if (!t && strcmp(name, "native"))
            return err_set(e, -EINVAL, "--techniques %s: no technique '%.*s': see vitrine run --vmm help", list, (int)n,
                           p);
        if (t && c->nruns == COMPARE_RUNS)
            return err_set(e, -EINVAL, "--techniques %s: more than %d", list, COMPARE_RUNS - 1);
        if (t)
            c->technique[c->nruns++] = t;
        p += n + (p[n] == ',');
    }
    return 0;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int make_guest(struct compare_guest *g, const struct line *l, unsigned i, struct err *e)
{
    for (int w = 0; w < l->ncommon; w++)
        g->words[g->nwords++] = l->common[w];
    if (l->kernel[i]) {
        g->words[g->nwords++] = "-kernel";
        g->words[g->nwords++] = l->kernel[i];
        g->name = base_name(l->kernel[i]);
        return 0;
    }
    g->text = strdup(l->vm[i]);
    int n = g->text ? vmm_split(g->text, g->words + g->nwords, COMPARE_WORDS - g->nwords) : -1;
    if (n < 0)
        return err_set(e, -EINVAL, "--vm \"%s\": a quote is not closed, or there are too many words", l->vm[i]);
    g->name = "guest";
    for (int w = g->nwords; w + 1 < g->nwords + n; w++)
        if (!strcmp(g->words[w], "-kernel") || !strcmp(g->words[w], "--kernel") || !strcmp(g->words[w], "-bios"))
            g->name = base_name(g->words[w + 1]);
    g->nwords += n;
    return 0;
}

static int read_input(struct compare *c, const char *file, struct err *e)
{
    FILE *f = fopen(file, "rb");
    char *text = f ? malloc(INPUT_MOST) : NULL;
    size_t n = text ? fread(text, 1, INPUT_MOST, f) : 0;
    int rc = !text || ferror(f)
                 ? err_set(e, -EINVAL, "--input %s: %s: give a file that can be read", file, strerror(errno))
             : n == INPUT_MOST
                 ? err_set(e, -EINVAL, "--input %s: larger than %d bytes: give a shorter script", file, INPUT_MOST)
                 : 0;
    if (f)
        fclose(f);
    c->input = text;
    c->input_size = rc ? 0 : n;
    return rc;
}

static int choose_format(const struct line *l, enum format *to, struct err *e)
{
    static const char *const names[] = {[FORMAT_TEXT] = "text", [FORMAT_JSON] = "json", [FORMAT_SVG] = "svg"};
    const char *dot = l->output ? strrchr(l->output, '.') : NULL;
    *to = FORMAT_TEXT;
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (l->format ? !strcmp(l->format, names[i]) : dot && !strcmp(dot + 1, names[i])) {
            *to = (enum format)i;
            return 0;
        }
    return l->format ? err_set(e, -EINVAL, "--format %s: give text, json or svg", l->format) : 0;
}

static int prepare(struct compare *c, const struct line *l, enum format *format, struct err *e)
{
    if (!l->nguests)
        return err_set(e, -EINVAL, "compare: no guest: give kernels, as in vitrine compare build/guests/mono.elf");
    int rc = choose_techniques(c, l->techniques, e);
    if (!rc)
        rc = choose_format(l, format, e);
    cost_default(&c->model);
    if (!rc && c->costs)
        rc = cost_load(&c->model, c->costs, e);
    c->idle = 1;
    if (!rc && l->idle && (!text_parse_u64(l->idle, &c->idle) || c->idle < 1 || c->idle > 1000000))
        rc = err_set(e, -EINVAL, "--idle %s: give seconds from 1 to 1000000", l->idle);
    if (!rc && l->input)
        rc = read_input(c, l->input, e);
    c->guest = rc ? NULL : calloc(l->nguests, sizeof *c->guest);
    if (!rc && !c->guest)
        rc = err_set(e, -ENOMEM, "out of memory");
    for (unsigned i = 0; !rc && i < l->nguests; i++) {
        c->nguests = i + 1;
        rc = make_guest(&c->guest[i], l, i, e);
    }
    return rc;
}

static int print(const struct compare *c, const struct line *l, enum format format, struct err *e)
{
    FILE *f = l->output ? fopen(l->output, "w") : stdout;
    if (!f)
        return err_set(e, -errno, "-o %s: %s: name a file that can be written", l->output, strerror(errno));
    switch (format) {
    case FORMAT_TEXT: compare_text(c, f); break;
    case FORMAT_JSON: compare_json(c, f); break;
    case FORMAT_SVG: compare_svg(c, f); break;
    }
    bool bad = fflush(f) || ferror(f);
    if (l->output && fclose(f))
        bad = true;
    return bad ? err_set(e, -EIO, "-o %s: not all could be written", l->output ? l->output : "(standard output)") : 0;
}

static void skip(const struct compare *c, struct compare_guest *g)
{
    for (unsigned k = 0; k < c->nruns; k++) {
        g->run[k].technique = c->technique[k];
        g->run[k].end = COMPARE_NOT_RUN;
    }
}

/* Runs everything. The exit status. */
static int run_all(struct compare *c)
{
    int status = 0;
    for (unsigned i = 0; i < c->nguests; i++)
        for (unsigned k = 0; k < c->nruns; k++) {
            struct compare_run *r = &c->guest[i].run[k];
            r->technique = c->technique[k];
            compare_one(c, &c->guest[i], r);
            if (r->end == COMPARE_CHECK || !compare_same(&c->guest[i].run[0], r))
                status = STATUS_DIFFERENT;
            if ((r->end == COMPARE_NOT_RUN && !k) || r->end == COMPARE_FAILED)
                status = STATUS_USAGE;
            if (r->end == COMPARE_NOT_RUN && !k) { /* what is wrong with the guest is wrong with it everywhere */
                fprintf(stderr, "vitrine: compare: %s\n", r->why ? r->why : "a guest cannot be started");
                skip(c, &c->guest[i]);
                break;
            }
        }
    return status;
}

static void free_all(struct compare *c)
{
    for (unsigned i = 0; i < c->nguests; i++) {
        for (unsigned k = 0; k < COMPARE_RUNS; k++)
            free(c->guest[i].run[k].why);
        free(c->guest[i].text);
    }
    free(c->guest);
    free((char *)c->input);
}

int compare_command(int argc, char **argv)
{
    struct line l = {0};
    struct compare c = {0};
    struct err e = {.text = ""};
    enum format format = FORMAT_TEXT;
    int rc = 0, status = 0;
    for (int i = 0; !rc && !l.help && i < argc; i++)
        rc = sort_one(&l, &c, argc, argv, &i, &e);
    if (l.help) {
        help(stdout);
        return 0;
    }
    if (!rc)
        rc = prepare(&c, &l, &format, &e);
    if (!rc) {
        status = run_all(&c);
        rc = print(&c, &l, format, &e);
    }
    free_all(&c);
    if (!rc)
        return status;
    fprintf(stderr, "vitrine: %s\n", e.text);
    return STATUS_USAGE;
}
