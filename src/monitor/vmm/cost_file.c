/* SPDX-License-Identifier: MIT */
/* The model of time as a YAML file: four mappings of keys to cycles, each optional. */
#include "monitor/vmm/cost.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SECTIONS = 4, KEYS_MAX = COSTS + VM_EXIT_REASONS + EV_KINDS };
static const char *const section_names[SECTIONS] = {"hardware", "software", "exits", "steps"};

/* What cyaml fills: a pointer per key, NULL where the file does not have it. */
struct file {
    double *value[KEYS_MAX];
};

/* The keys in their sections, and where each one's cycles are in a model. */
struct keys {
    unsigned n;
    struct key {
        unsigned section;
        const char *name;
        size_t at; /* of the double in struct cost_model */
    } key[KEYS_MAX];
    cyaml_schema_field_t field[SECTIONS][KEYS_MAX + 1];
    cyaml_schema_field_t top[SECTIONS + 1];
    cyaml_schema_value_t schema;
};

static void add_key(struct keys *k, unsigned section, const char *name, size_t at)
{
    unsigned used = 0;
    while (k->field[section][used].key)
        used++;
    k->field[section][used] = (cyaml_schema_field_t){
        .key = name,
        .value = {.type = CYAML_FLOAT, .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, .data_size = sizeof(double)},
        .data_offset = (uint32_t)(offsetof(struct file, value) + k->n * sizeof(double *)),
    };
    k->key[k->n++] = (struct key){section, name, at};
}

static struct keys *make_keys(void)
{
    const char *section, *name, *help;
    struct keys *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    for (unsigned i = 0; cost_row((enum cost_id)i, &section, &name, &help); i++)
        add_key(k, strcmp(section, section_names[0]) != 0, name,
                offsetof(struct cost_model, unit) + i * sizeof(double));
    for (unsigned i = 0; i < VM_EXIT_REASONS; i++)
        add_key(k, 2, vm_exit_name((enum vm_exit_reason)i), offsetof(struct cost_model, exit) + i * sizeof(double));
    for (unsigned i = 0; i < EV_KINDS; i++)
        if (cost_is_step((enum event_kind)i))
            add_key(k, 3, event_rows[i].name, offsetof(struct cost_model, step) + i * sizeof(double));
    for (unsigned s = 0; s < SECTIONS; s++)
        k->top[s] = (cyaml_schema_field_t){
            .key = section_names[s],
            .value = {.type = CYAML_MAPPING,
                      .flags = CYAML_FLAG_OPTIONAL,
                      .data_size = sizeof(struct file),
                      .mapping = {k->field[s]}},
        };
    k->schema = (cyaml_schema_value_t){
        .type = CYAML_MAPPING, .flags = CYAML_FLAG_POINTER, .data_size = sizeof(struct file), .mapping = {k->top}};
    return k;
}

/* ---- Errors ---- */

/* What cyaml says: first what is wrong, then from the inside out where. */
struct complaint {
    char what[256], where[3][256];
    unsigned lines;
};

static PRINTF_LIKE(3, 0) void complain(cyaml_log_t level, void *ctx, const char *fmt, va_list ap)
{
    struct complaint *c = ctx;
    char text[256];
    (void)level;
    vsnprintf(text, sizeof text, fmt, ap);
    text[strcspn(text, "\n")] = 0;
    const char *p = !strncmp(text, "Load: ", 6) ? text + 6 : text;
    if (!c->what[0])
        snprintf(c->what, sizeof c->what, "%s", p);
    else if (strncmp(p, "Backtrace", 9) && c->lines < ARRAY_LEN(c->where))
        snprintf(c->where[c->lines++], sizeof c->where[0], "%s", p);
}

/* The section that a complaint lies in; SECTIONS: none. */
static unsigned section_of(const struct complaint *c)
{
    for (unsigned i = 0; i < c->lines; i++)
        for (unsigned s = 0; s < SECTIONS; s++) {
            char quoted[32];
            snprintf(quoted, sizeof quoted, "'%s'", section_names[s]);
            if (strstr(c->where[i], quoted))
                return s;
        }
    return SECTIONS;
}

static void list_keys(const struct keys *k, unsigned section, char *buf, size_t size)
{
    size_t n = 0;
    buf[0] = 0;
    for (unsigned i = 0; section == SECTIONS && i < SECTIONS && n < size; i++)
        n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? ", " : "", section_names[i]);
    for (const cyaml_schema_field_t *f = section < SECTIONS ? k->field[section] : NULL; f && f->key && n < size; f++)
        n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "", f->key);
}

/* The line of a key, by the look of it; the last one, if there are several. section NULL: of a section. 0: not found (it stands in {}). */
static int line_of(const char *text, const char *section, const char *key)
{
    int line = 0, found = 0;
    bool inside = !section;
    size_t ns = section ? strlen(section) : 0, nk = strlen(key);
    for (const char *p = text; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
        const char *word = p + strspn(p, " \"'");
        bool top = word == p;
        line++;
        if (top && section && *word && *word != '#' && *word != '\n')
            inside = !strncmp(word, section, ns) && word[ns] == ':';
        if (inside && top == !section && !strncmp(word, key, nk) && word[nk] && strchr(": \"'", word[nk]))
            found = line;
    }
    return found;
}

static int refuse(const struct keys *k, const char *file, const char *text, const struct complaint *c, struct err *e)
{
    static const char unexpected[] = "Unexpected key: ", again[] = "Mapping field already seen: ";
    char known[1024], field[64] = "";
    unsigned section = section_of(c);
    const char *name = section < SECTIONS ? section_names[section] : NULL, *key = strstr(c->what, ": ");
    const char *at = c->lines ? strstr(c->where[0], "line: ") : NULL,
               *quote = c->lines ? strchr(c->where[0], '\'') : NULL;
    int line = at ? atoi(at + 6) : 1;
    key = key ? key + 2 : "";
    list_keys(k, section, known, sizeof known);
    bool twice = !strncmp(c->what, again, sizeof again - 1),
         unknown = !strncmp(c->what, unexpected, sizeof unexpected - 1);
    if (twice && !strcmp(key, name ? name : "")) /* the section itself */
        name = NULL;
    if ((twice || unknown) && line_of(text, name, key)) /* cyaml tells where the mapping stands */
        line = line_of(text, name, key);
    if (unknown && !name)
        return err_set(e, -EINVAL, "%s: line %d: no section '%s': there are %s", file, line, key, known);
    if (unknown)
        return err_set(e, -EINVAL, "%s: line %d: %s has no key '%s': there are %s", file, line, name, key, known);
    if (twice)
        return err_set(e, -EINVAL, "%s: line %d: %s stands there twice: leave one out", file, line, key);
    if (quote)
        snprintf(field, sizeof field, "%.*s: ", (int)strcspn(quote + 1, "'"), quote + 1);
    if (!strncmp(c->what, "libyaml", 7))
        return err_set(e, -EINVAL,
                       "%s: line %d: %sthis is no YAML (%s): write `section:` and below it, indented, `key: cycles`",
                       file, line, field, c->what + 9);
    return err_set(e, -EINVAL, "%s: line %d: %s%s: %s", file, line, field, c->what,
                   name ? "give a number of cycles" : "give sections (hardware, software, exits, steps) of keys");
}

/* ---- Reading ---- */

static char *read_all(const char *file, size_t *size, struct err *e)
{
    enum { MOST = 1 << 20 };
    FILE *f = fopen(file, "rb");
    char *text = f ? malloc(MOST + 1) : NULL;
    *size = text ? fread(text, 1, MOST, f) : 0;
    bool bad = !text || ferror(f) || *size == MOST;
    if (bad)
        err_set(e, -EINVAL, "%s: %s: give --costs a YAML file, such as docs/costs.yaml", file,
                text && *size == MOST ? "this is no file of costs, but too large for one" : strerror(errno));
    if (f)
        fclose(f);
    if (!bad) {
        text[*size] = 0;
        return text;
    }
    free(text);
    return NULL;
}

static int take(struct cost_model *m, const struct keys *k, const struct file *f, const char *name, const char *text,
                struct err *e)
{
    for (unsigned i = 0; i < k->n; i++) {
        const struct key *key = &k->key[i];
        if (!f->value[i])
            continue;
        double v = *f->value[i];
        const char *section = section_names[key->section];
        int line = line_of(text, section, key->name);
        if (!isfinite(v) || v < 0)
            return err_set(e, -EINVAL, "%s: line %d: %s: %s: %g is no number of cycles: give one from 0 up", name,
                           line ? line : line_of(text, NULL, section), section, key->name, v);
        memcpy((char *)m + key->at, &v, sizeof v);
    }
    return 0;
}

int cost_load(struct cost_model *m, const char *file, struct err *e)
{
    size_t size;
    struct complaint c = {.what = ""};
    struct file *f = NULL;
    const cyaml_config_t config = {.log_fn = complain,
                                   .log_ctx = &c,
                                   .mem_fn = cyaml_mem,
                                   .log_level = CYAML_LOG_ERROR,
                                   .flags = CYAML_CFG_NO_ALIAS};
    char *text = read_all(file, &size, e);
    struct keys *k = text ? make_keys() : NULL;
    int rc = k ? 0 : text ? err_set(e, -ENOMEM, "%s: out of memory", file) : -EINVAL;
    if (!rc && cyaml_load_data((const uint8_t *)text, size, &config, &k->schema, (cyaml_data_t **)&f, NULL) != CYAML_OK)
        rc = refuse(k, file, text, &c, e);
    if (!rc && f) /* NULL: there is nothing in it */
        rc = take(m, k, f, file, text, e);
    if (k && f)
        cyaml_free(&config, &k->schema, f, 0);
    free(k);
    free(text);
    return rc;
}

void cost_write(const struct cost_model *m, FILE *f)
{
    struct keys *k = make_keys();
    for (unsigned i = 0; k && i < k->n; i++) {
        double v;
        if (!i || k->key[i].section != k->key[i - 1].section)
            fprintf(f, "%s:\n", section_names[k->key[i].section]);
        memcpy(&v, (const char *)m + k->key[i].at, sizeof v);
        fprintf(f, "  %s: %.12g\n", k->key[i].name, v);
    }
    free(k);
}
