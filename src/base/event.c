/* SPDX-License-Identifier: MIT */
#include "base/event.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define ARG(name, type) {#name, ARG_##type}
/* clang-format on */
#define COUNT_ARGS(...) (sizeof((const struct event_arg[]){__VA_ARGS__}) / sizeof(struct event_arg))
const struct event_row event_rows[EV_KINDS] = {
#define EVENT(id, nm, grp, hlp, ...)                                                                                   \
    [EV_##id] = {.name = nm, .group = #grp, .help = hlp, .arg = {__VA_ARGS__}, .nargs = COUNT_ARGS(__VA_ARGS__)},
#include "base/event.def"
#undef EVENT
};

bool event_hub_init(struct event_hub *h, void (*stamp)(void *ctx, struct event *e), void *ctx)
{
    *h = (struct event_hub){.stamp = stamp, .ctx = ctx};
    h->ring = calloc(EVENT_RING + 1, sizeof *h->ring);
    return h->ring != NULL;
}

void event_hub_free(struct event_hub *h)
{
    free(h->ring);
    h->ring = NULL;
}

void event_hub_update(struct event_hub *h)
{
    unsigned insns = h->recorded >> EV_INSN & 1;
    h->heard = 0;
    h->stream = NULL;
    for (const struct event_sink *s = h->sinks; s; s = s->next) {
        h->heard |= s->kinds;
        if (s->kinds & BIT(EV_INSN)) {
            h->stream = s->stream;
            insns++;
        }
    }
    if (insns > 1)
        h->stream = NULL;
    h->wanted = h->heard | h->recorded;
}

void event_hub_add(struct event_hub *h, struct event_sink *s)
{
    struct event_sink **at = &h->sinks;
    while (*at)
        at = &(*at)->next;
    *at = s;
    s->next = NULL;
    event_hub_update(h);
}

void event_hub_remove(struct event_hub *h, struct event_sink *s)
{
    for (struct event_sink **at = &h->sinks; *at; at = &(*at)->next)
        if (*at == s) {
            *at = s->next;
            break;
        }
    event_hub_update(h);
}

void event_tell(struct event_hub *h, const struct event *e)
{
    for (struct event_sink *s = h->sinks, *next; s; s = next) {
        next = s->next;
        if (s->kinds >> e->kind & 1)
            s->emit(s, e);
    }
}

/* The kinds that one word names. */
static uint64_t kinds_of(const char *word)
{
    uint64_t kinds = 0;
    /* The names that Linux's KVM has for them. */
    if (!strcmp(word, "kvm_exit"))
        return BIT(EV_VM_EXIT);
    if (!strcmp(word, "kvm_entry"))
        return BIT(EV_VM_ENTRY);
    if (!strcmp(word, "all"))
        return MASK(EV_KINDS - 1, 0);
    for (unsigned k = 0; k < EV_KINDS; k++)
        if (!fnmatch(word, event_rows[k].name, 0) || !strcmp(word, event_rows[k].group))
            kinds |= BIT(k);
    return kinds;
}

bool event_parse_kinds(const char *list, uint64_t *kinds, char *bad, size_t size)
{
    *kinds = 0;
    for (const char *p = list; *p;) {
        char word[64];
        size_t n = strcspn(p, ",");
        bool away = *p == '-';
        snprintf(word, sizeof word, "%.*s", (int)(n - away), p + away);
        uint64_t k = n - away < sizeof word ? kinds_of(word) : 0;
        if (!k) {
            snprintf(bad, size, "%.*s", (int)(n - away), p + away);
            return false;
        }
        *kinds = away ? *kinds & ~k : *kinds | k;
        p += n + (p[n] == ',');
    }
    return true;
}
