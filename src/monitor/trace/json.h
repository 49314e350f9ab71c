/* SPDX-License-Identifier: MIT */
/* Events' arguments as members of a JSON object: what the two JSON formats share. */
#ifndef VITRINE_TRACE_JSON_H
#define VITRINE_TRACE_JSON_H

#include "monitor/trace/format.h"

enum { JSON_ARGS_ROOM = 3072 };

/* s as it stands inside a JSON string; at most 6 bytes for each of s's. */
char *put_json(char *p, const char *s);
/* The same of a name that may be long: at most 200 bytes of it. */
char *put_json_name(char *p, const char *s);
/* An argument's name as a member: its own, or arg_NAME where each event has a member of that name. */
const char *json_arg_name(const struct event_arg *arg);
/* ,"NAME":"0x.." and so on for the arguments from number i on; at most JSON_ARGS_ROOM bytes. */
char *put_json_args(char *p, const struct trace_source *s, const struct event *e, unsigned i);
/* ,"NAME_symbol":"symbol+0x.." */
char *put_json_symbol(char *p, const char *name, const char *symbol, uint64_t offset);
/* "0x.." */
char *put_json_hex(char *p, uint64_t v);

#endif
