/* SPDX-License-Identifier: MIT */
/* The shell: PROGRAM ARGUMENTS [> FILE] [&], and a few words of its own. */
#include "lib.h"

#define WORDS 16

struct command {
    const char *word[WORDS + 1];
    int words;
    const char *out; /* NULL: the console */
    bool background;
};

static void split(char *line, struct command *c)
{
    memset(c, 0, sizeof *c);
    while (*line) {
        char *word;
        while (*line == ' ' || *line == '\n')
            *line++ = 0;
        if (!*line)
            break;
        for (word = line; *line && *line != ' ' && *line != '\n';)
            line++;
        if (*line)
            *line++ = 0;
        if (strcmp(word, "&") == 0)
            c->background = true;
        else if (c->words && strcmp(c->word[c->words - 1], ">") == 0)
            c->out = word, c->word[--c->words] = NULL;
        else if (c->words < WORDS)
            c->word[c->words++] = word;
    }
}

static void help(void)
{
    printf("Programs: ls cat FILE, echo WORDS [> FILE], rm FILE, ps, kill PID, sleep MS, spin &, date, stat,\n"
           "  crash [read|write|jump|illegal|stack|kernel], poke clock|disk [N], bench [N], primes [N], tests\n"
           "The shell's own: help, exec PROGRAM, exit [STATUS]\n");
}

static void tell_status(const char *name, int pid, int status)
{
    if (status == STATUS_KILLED)
        printf("%s (process %d) was killed\n", name, pid);
    else if (status >= STATUS_FAULT)
        printf("%s (process %d) ended by exception %d\n", name, pid, status - STATUS_FAULT);
    else if (status)
        printf("%s: status %d\n", name, status);
}

static void run(const struct command *c)
{
    int out = 1, pid, ended, status;
    if (c->out && (out = open(c->out, OPEN_CREATE)) < 0) {
        printf("%s: %s\n", c->out, error_text(out));
        return;
    }
    pid = spawn(c->word[0], c->word, out);
    if (c->out)
        close(out);
    if (pid < 0) {
        printf("%s: %s\n", c->word[0], error_text(pid));
        return;
    }
    if (c->background) {
        printf("process %d\n", pid);
        return;
    }
    do {
        ended = wait(&status);
        if (ended > 0)
            tell_status(ended == pid ? c->word[0] : "background", ended, status);
    } while (ended > 0 && ended != pid);
}

int main(int argc, char **argv)
{
    static char line[160];
    struct command c;
    (void)argc, (void)argv;
    printf("The shell of %s. Try help.\n", kernel_name());
    for (;;) {
        int64_t n;
        uint64_t status = 0;
        printf("%s$ ", kernel_name());
        n = read(0, line, sizeof line - 1);
        if (n <= 0)
            power_off(0);
        line[n] = 0;
        split(line, &c);
        if (!c.words)
            continue;
        if (strcmp(c.word[0], "exit") == 0) {
            if (c.word[1])
                str_number(c.word[1], &status);
            power_off((int)status);
        } else if (strcmp(c.word[0], "help") == 0) {
            help();
        } else if (strcmp(c.word[0], "exec") == 0 && c.words > 1) {
            printf("%s: %s\n", c.word[1], error_text(exec(c.word[1], c.word + 1)));
        } else {
            run(&c);
        }
    }
}
