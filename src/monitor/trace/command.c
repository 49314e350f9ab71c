/* SPDX-License-Identifier: MIT */
#include "monitor/trace/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "monitor/trace/docs.h"
#include "monitor/trace/unpack.h"

enum { STATUS_USAGE = 125 };

static void print_usage(FILE *f)
{
    fprintf(f, "Usage: vitrine trace FILE.vtrace [OPTION...] [KINDS[,if=EXPR]]\n"
               "Turns a trace made by --trace KINDS:FILE.vtrace into another format.\n\n"
               "  -o FILE                        where to (standard output)\n"
               "  --trace-format FORMAT          text, jsonl, spike, perfetto, chrome, ftrace; else by FILE's suffix\n"
               "  KINDS[,if=EXPR]                only these, as with --trace; $registers are not known here\n");
}

static int fail(const char *word, const char *why)
{
    fprintf(stderr, "vitrine: trace: %s: %s: see vitrine trace --help\n", word, why);
    return STATUS_USAGE;
}

int trace_command(int argc, char **argv)
{
    struct unpack_options o = {.what = NULL};
    struct err e = {.text = ""};
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i], *name = word + (word[0] == '-') + (word[0] == '-' && word[1] == '-');
        bool option = word[0] == '-' && word[1];
        if (option && (!strcmp(name, "help") || !strcmp(name, "h"))) {
            print_usage(stdout);
            return 0;
        }
        if (option && (!strcmp(name, "o") || !strcmp(name, "trace-format") || !strcmp(name, "format"))) {
            if (++i == argc)
                return fail(word, "needs an argument");
            *(*name == 'o' ? &o.to : &o.format) = argv[i];
        } else if (option && !strncmp(name, "trace-format=", 13)) {
            o.format = name + 13;
        } else if (option) {
            return fail(word, "no such option");
        } else if (!o.from) {
            o.from = word;
        } else if (!o.what) {
            o.what = word;
        } else {
            return fail(word, "one file and one list of kinds is all that fits");
        }
    }
    if (!o.from) {
        print_usage(stderr);
        return STATUS_USAGE;
    }
    if (!o.what)
        o.what = "all";
    const bool to_file = o.to && strcmp(o.to, "-");
    o.progress = isatty(STDERR_FILENO) && (to_file || !isatty(STDOUT_FILENO));
    if (!unpack_convert(&o, &e))
        return 0;
    fprintf(stderr, "vitrine: %s\n", e.text);
    return STATUS_USAGE;
}

int trace_help(const char *topic)
{
    if (!strcmp(topic, "events"))
        events_print_help(stdout);
    else if (!strcmp(topic, "events.md"))
        events_print_markdown(stdout);
    else if (!strcmp(topic, "event.schema.json"))
        events_print_schema(stdout);
    else
        return -1;
    return 0;
}
