/* SPDX-License-Identifier: MIT */
#include "cpu/isa.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct row {
    const char *name, *dt;
    size_t at; /* of its bool in struct isa */
    bool on;
};

static const struct row rows[] = {
#define ISA(field, name, on, dt) {name, dt, offsetof(struct isa, field), on},
#include "cpu/isa.def"
#undef ISA
};

/* The first needs the second. Ordered so that one pass settles chains: what is needed stands before what needs it. */
static const struct {
    const char *what, *needs;
} dependencies[] = {
    {"f", "zicsr"},    {"d", "f"},         {"u", "zicsr"},      {"s", "u"},          {"mmu", "s"},
    {"sv39", "mmu"},   {"mmu", "sv39"},    {"sv48", "sv39"},    {"sv57", "sv48"},    {"h", "mmu"},
    {"sstc", "s"},     {"svadu", "mmu"},   {"svade", "mmu"},    {"svinval", "mmu"},  {"svnapot", "mmu"},
    {"svpbmt", "mmu"}, {"debug", "zicsr"}, {"zicntr", "zicsr"}, {"zihpm", "zicntr"}, {"xuk", "s"},
    {"xdisk", "s"},
};

/* What QEMU spells as a property and this hart does not have: false is fine, true is an error. */
static const char *const absent[] = {"e",      "v",     "j",     "zfh",       "zfhmin",   "zve32f",  "zve64f",
                                     "zfinx",  "zdinx", "zhinx", "zhinxmin",  "zbkb",     "zbkc",    "zbkx",
                                     "zknd",   "zkne",  "zknh",  "zkr",       "zksed",    "zksh",    "zkt",
                                     "zk",     "zkn",   "zks",   "zmmul",     "zawrs",    "zfa",     "zca",
                                     "zcb",    "zcd",   "zcf",   "zcmp",      "zcmt",     "zacas",   "epmp",
                                     "smepmp", "smaia", "ssaia", "smstateen", "sscofpmf", "zicfilp", "xventanacondops"};

static bool *flag(struct isa *isa, const struct row *r)
{
    return (bool *)((char *)isa + r->at);
}

static bool get(const struct isa *isa, const struct row *r)
{
    return *(const bool *)((const char *)isa + r->at);
}

static int find_row(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!strcasecmp(rows[i].name, name))
            return (int)i;
    return -1;
}

void isa_default(struct isa *isa)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        *flag(isa, &rows[i]) = rows[i].on;
}

const char *isa_property(unsigned n, bool *on)
{
    if (n >= ARRAY_LEN(rows))
        return NULL;
    *on = rows[n].on;
    return rows[n].name;
}

static bool is_absent(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(absent); i++)
        if (!strcasecmp(absent[i], name))
            return true;
    return false;
}

static int parse_bool(const char *v, bool *out)
{
    static const char *const yes[] = {"true", "on", "yes", "1"};
    static const char *const no[] = {"false", "off", "no", "0"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (!strcasecmp(v, yes[i]))
            return *out = true, 0;
        if (!strcasecmp(v, no[i]))
            return *out = false, 0;
    }
    return -EINVAL;
}

/* What the argument said of each row. */
enum asked { UNSAID, OFF, ON };

/* One property; asked[] remembers it. */
static int set_property(enum asked *asked, char *prop, struct err *e)
{
    char *value = strchr(prop, '=');
    bool on = true;
    const char *name = prop;
    if (value) {
        *value++ = 0;
    } else if (*name == '+' || *name == '-') {
        on = *name++ == '+';
        value = on ? "on" : "off";
    } else {
        value = "on";
    }
    if (!strncasecmp(name, "x-", 2))
        name += 2; /* how QEMU spells what it calls experimental */

    if (!strcmp(name, "cbom_blocksize") || !strcmp(name, "cboz_blocksize") || !strcmp(name, "cbop_blocksize"))
        return strcmp(value, "64")
                   ? err_set(e, -EINVAL, "-cpu: %s=%s: cache blocks have 64 bytes: leave it out", name, value)
                   : 0;
    if (!strcmp(name, "priv_spec"))
        return strcmp(value, "v1.12.0") && strcmp(value, "v1.13.0")
                   ? err_set(e, -EINVAL, "-cpu: priv_spec=%s: harts follow v1.13.0 only", value)
                   : 0;
    if (!strcmp(name, "pmu-num"))
        return 0; /* the event counters read zero, however many they are */
    if (parse_bool(value, &on))
        return err_set(e, -EINVAL, "-cpu: %s=%s: give true or false", name, value);
    if (!strcasecmp(name, "i"))
        return on ? 0 : err_set(e, -EINVAL, "-cpu: i=%s: RV64I cannot be switched off", value);
    if (!strcasecmp(name, "g")) {
        static const char *const general[] = {"m", "a", "f", "d", "zicsr", "zifencei"};
        for (size_t i = 0; on && i < ARRAY_LEN(general); i++)
            asked[find_row(general[i])] = ON;
        return 0;
    }
    if (!strcasecmp(name, "Counters"))
        name = "zicntr";
    int i = find_row(name);
    if (i >= 0) {
        asked[i] = on ? ON : OFF;
        return 0;
    }
    if (is_absent(name))
        return on ? err_set(e, -EINVAL, "-cpu: %s=%s: this extension is not emulated: leave it out", name, value) : 0;
    return err_set(e, -EINVAL, "-cpu: no property '%s': see -cpu help", name);
}

/* What a hart of the model has before its properties are looked at. False: no such model. */
static bool set_model(struct isa *isa, const char *name)
{
    static const struct {
        const char *name, *only; /* NULL: all that is on by default */
    } models[] = {{"rv64", NULL},
                  {"max", NULL},
                  {"any", NULL},
                  {"host", NULL},
                  {"sifive-u54", " m a f d c zicsr zifencei zicntr zihpm pmp u s mmu sv39 "},
                  {"shakti-c", " m a f d c zicsr zifencei zicntr zihpm pmp u s mmu sv39 "},
                  {"sifive-e51", " m a c zicsr zifencei zicntr zihpm pmp u "}};
    for (size_t i = 0; i < ARRAY_LEN(models); i++) {
        if (strcmp(name, models[i].name))
            continue;
        isa_default(isa);
        for (size_t r = 0; models[i].only && r < ARRAY_LEN(rows); r++) {
            char word[32];
            snprintf(word, sizeof word, " %s ", rows[r].name);
            *flag(isa, &rows[r]) = strstr(models[i].only, word) != NULL;
        }
        return true;
    }
    return false;
}

int isa_parse(struct isa *isa, const char *cpu, struct err *e)
{
    enum asked asked[ARRAY_LEN(rows)] = {UNSAID};
    char text[1024];
    if (strlen(cpu) >= sizeof text)
        return err_set(e, -EINVAL, "-cpu: longer than %zu characters", sizeof text - 1);
    memcpy(text, cpu, strlen(cpu) + 1);

    char *rest = text, *model = strsep(&rest, ",");
    struct isa chosen;
    if (!set_model(&chosen, model))
        return err_set(e, -EINVAL,
                       "-cpu: no model '%s': give rv64 (or max, sifive-u54), and extensions as in rv64,zba=false",
                       model);
    for (char *prop; (prop = strsep(&rest, ","));) {
        int rc = *prop ? set_property(asked, prop, e) : 0;
        if (rc)
            return rc;
    }

    *isa = chosen;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (asked[i] != UNSAID)
            *flag(isa, &rows[i]) = asked[i] == ON;
    for (size_t i = 0; i < ARRAY_LEN(dependencies); i++) {
        int what = find_row(dependencies[i].what), needs = find_row(dependencies[i].needs);
        if (!get(isa, &rows[what]) || get(isa, &rows[needs]))
            continue;
        if (asked[what] == ON)
            return err_set(e, -EINVAL, "-cpu: %s=true needs %s, which is off: give %s=true or leave %s out",
                           rows[what].name, rows[needs].name, rows[needs].name, rows[what].name);
        *flag(isa, &rows[what]) = false;
    }
    return 0;
}

uint64_t isa_misa(const struct isa *isa)
{
    static const char letters[] = "imafdcsuh";
    uint64_t misa = UINT64_C(2) << 62; /* MXL: 64 bits */
    for (const char *l = letters; *l; l++) {
        const char name[] = {*l, 0};
        int i = find_row(name);
        if (*l == 'i' || (i >= 0 && get(isa, &rows[i])))
            misa |= BIT(*l - 'a');
    }
    return misa;
}

bool isa_string(const struct isa *isa, char *buf, size_t size)
{
    size_t n = (size_t)snprintf(buf, size, "rv64i");
    for (size_t i = 0; i < ARRAY_LEN(rows) && n < size; i++)
        if (rows[i].dt && get(isa, &rows[i]))
            n += (size_t)snprintf(buf + n, size - n, "%s%s", rows[i].dt[1] ? "_" : "", rows[i].dt);
    return n < size;
}

size_t isa_extensions(const struct isa *isa, char *buf, size_t size)
{
    size_t n = 0;
    if (size < 2)
        return 0;
    memcpy(buf, "i", 2);
    n = 2;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!rows[i].dt || !get(isa, &rows[i]))
            continue;
        size_t len = strlen(rows[i].dt) + 1;
        if (len > size - n)
            return 0;
        memcpy(buf + n, rows[i].dt, len);
        n += len;
    }
    return n;
}

const char *isa_mmu_type(const struct isa *isa)
{
    return isa->sv57 ? "riscv,sv57" : isa->sv48 ? "riscv,sv48" : isa->sv39 ? "riscv,sv39" : "riscv,none";
}
