/* SPDX-License-Identifier: MIT */
/* The console server: the serial port's only owner. */
#include "../../common/console.h"
#include "../stub.h"
#include "api.h"
#include "riscv.h"

#define READERS 8

static struct console console = {.reg = (volatile uint8_t *)BOARD_UART};
static struct {
    uint64_t thread, room;
} readers[READERS]; /* those who wait, in order */
static unsigned waiting;

static void answer(uint64_t to, int64_t result, const char *string, uint64_t size)
{
    struct ipc m = {.to = to, .label = IPC_NOWAIT, .word = {(uint64_t)result}, .send = string, .send_size = size};
    ipc(&m); /* if it does not wait any more, the line is lost, as it was lost on its screen */
}

/* Lines for those who wait. */
static void serve_readers(void)
{
    char line[CONSOLE_LINE];
    int64_t n;
    while (waiting &&
           (n = console_take(&console, line, readers[0].room < sizeof line ? readers[0].room : sizeof line)) >= 0) {
        answer(readers[0].thread, n, line, (uint64_t)n);
        waiting--;
        for (unsigned i = 0; i < waiting; i++)
            readers[i] = readers[i + 1];
    }
}

_Noreturn void start(void);
_Noreturn void start(void)
{
    static char string[STRING_MAX];
    struct ipc m = {.to = TID_NONE};
    console_start(&console);
    for (;;) {
        m.from = TID_ANY;
        m.receive = string;
        m.room = sizeof string;
        m.send_size = 0;
        if (ipc(&m)) {
            m.to = TID_NONE;
            continue;
        }
        m.to = m.from;
        switch (m.label) {
        case LABEL_INTERRUPT: /* to: the interrupt, so the next call acknowledges it */
            console_interrupt(&console);
            serve_readers();
            break;
        case CONSOLE_WRITE:
            for (uint64_t i = 0; i < m.received; i++)
                console_put(&console, string[i]);
            m.word[0] = m.received;
            break;
        case CONSOLE_READ:
            m.to = TID_NONE;
            if (waiting == READERS) {
                answer(m.from, ERR_NO_SPACE, NULL, 0);
                break;
            }
            readers[waiting].thread = m.from;
            readers[waiting++].room = m.word[0];
            serve_readers();
            break;
        default: m.word[0] = (uint64_t)ERR_BAD; break;
        }
        m.label = IPC_NOWAIT;
    }
}
