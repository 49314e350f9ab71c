/* SPDX-License-Identifier: MIT */
/* A prompt: `program arguments`, `poweroff [status]`, `info`. */
#include "u.h"

#define WORDS 12

static int split(char *line, const char **word)
{
    int n = 0;
    while (*line && n < WORDS) {
        while (*line == ' ' || *line == '\n')
            *line++ = 0;
        if (!*line)
            break;
        word[n++] = line;
        while (*line && *line != ' ' && *line != '\n')
            line++;
    }
    if (*line)
        *line = 0;
    word[n] = NULL;
    return n;
}

static void show_info(void)
{
    struct info i;
    info(&i);
    printf("harts %lu, free pages %lu, disk sectors %lu, ticks %lu\n", i.harts, i.free_pages, i.disk_sectors, i.ticks);
    printf("faults repaired %lu, interrupts: uart %lu, disk %lu, calls between harts %lu\n", i.faults, i.uart_irqs,
           i.disk_irqs, i.ipis);
}

int main(void)
{
    static char line[160];
    const char *word[WORDS + 1];
    for (;;) {
        long n;
        int status = 0, pid;
        write(1, "ukern$ ", 7);
        n = read(0, line, sizeof line - 1);
        if (n <= 0)
            return 0;
        line[n] = 0;
        if (split(line, word) == 0)
            continue;
        if (strcmp(word[0], "poweroff") == 0)
            return word[1] ? (int)number(word[1]) : 0;
        if (strcmp(word[0], "info") == 0) {
            show_info();
            continue;
        }
        pid = fork();
        if (pid == 0) {
            exec(word[0], word);
            printf("%s: no such program (hello, utests, bench; info, poweroff)\n", word[0]);
            exit(127);
        }
        if (pid < 0 || wait(&status) != pid)
            printf("sh: no process left\n");
        else if (status)
            printf("sh: status %d\n", status);
    }
}
