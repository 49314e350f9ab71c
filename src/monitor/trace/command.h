/* SPDX-License-Identifier: MIT */
/* vitrine trace: turns a packed trace into another format. */
#ifndef VITRINE_TRACE_COMMAND_H
#define VITRINE_TRACE_COMMAND_H

/* argv: what follows `vitrine trace`. Returns the command's status, 0 or 125. */
int trace_command(int argc, char **argv);
/* vitrine help TOPIC of the traces' topics: events, events.md, event.schema.json. -1: none of them. */
int trace_help(const char *topic);

#endif
