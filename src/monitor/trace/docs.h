/* SPDX-License-Identifier: MIT */
/* The events' documentation, made from event.def: docs/events.md and docs/event.schema.json are what these print. */
#ifndef VITRINE_TRACE_DOCS_H
#define VITRINE_TRACE_DOCS_H

#include <stdio.h>

/* For the terminal. */
void events_print_help(FILE *f);
/* docs/events.md */
void events_print_markdown(FILE *f);
/* docs/event.schema.json: JSON Schema of one line of format jsonl. */
void events_print_schema(FILE *f);

#endif
