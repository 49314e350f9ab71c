/* SPDX-License-Identifier: MIT */
/* The clock server. */
#include "../../common/clock.h"
#include "../stub.h"
#include "api.h"
#include "riscv.h"

_Noreturn void start(void);
_Noreturn void start(void)
{
    static struct clock clock = {.reg = (volatile uint32_t *)BOARD_RTC};
    struct ipc m = {.to = TID_NONE};
    for (;;) {
        m.from = TID_ANY;
        if (ipc(&m)) {
            m.to = TID_NONE;
            continue;
        }
        m.to = m.from;
        if (m.label == DRIVER_CONTROL) {
            m.word[1] = (uint64_t)clock_control(&clock, (int64_t)m.word[0], (int64_t)m.word[1]);
            m.word[0] = 0;
        } else {
            m.word[0] = (uint64_t)ERR_BAD;
        }
        m.label = IPC_NOWAIT;
    }
}
