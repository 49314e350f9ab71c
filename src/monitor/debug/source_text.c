/* SPDX-License-Identifier: MIT */
/* Lines of source files, each file read once. */
#include "monitor/debug/source_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void text_release(struct text_file *t)
{
    file_release(&t->data);
    free(t->starts);
    free(t->name);
    free(t->problem);
    *t = (struct text_file){0};
}

void source_free_texts(struct source *s)
{
    for (size_t i = 0; i < s->ntexts; i++)
        text_release(&s->texts[i]);
    for (size_t i = 0; i < s->nsubst; i++) {
        free(s->subst[i].from);
        free(s->subst[i].to);
    }
    free(s->texts);
    free(s->subst);
}

bool source_substitute(struct source *s, const char *from, const char *to)
{
    struct substitution *grown = realloc(s->subst, (s->nsubst + 1) * sizeof *grown);
    if (!grown)
        return false;
    s->subst = grown;
    struct substitution n = {strdup(from), strdup(to)};
    if (!n.from || !n.to) {
        free(n.from);
        free(n.to);
        return false;
    }
    s->subst[s->nsubst++] = n;
    /* What could not be read may be found now. */
    for (size_t i = 0; i < s->ntexts; i++)
        text_release(&s->texts[i]);
    s->ntexts = 0;
    return true;
}

/* Where each line begins. */
static int find_lines(struct text_file *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->data.size; i++)
        n += t->data.data[i] == '\n';
    t->starts = malloc((n + 3) * sizeof *t->starts);
    if (!t->starts)
        return -ENOMEM;
    t->nlines = 0;
    for (size_t at = 0; at < t->data.size;) {
        t->starts[t->nlines++] = at;
        const uint8_t *end = memchr(t->data.data + at, '\n', t->data.size - at);
        at = end ? (size_t)(end - t->data.data) + 1 : t->data.size;
    }
    t->starts[t->nlines] = t->data.size;
    return 0;
}

/* Reads path, which debug information names: anything could be behind that name, so only a file is opened. */
static int read_source(const char *path, struct file_data *data, struct err *e)
{
    enum { LARGEST = 64 << 20 };
    struct stat st;
    if (stat(path, &st))
        return err_set(e, -errno, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(e, -EINVAL, "%s: is no regular file", path);
    if (st.st_size > LARGEST)
        return err_set(e, -EFBIG, "%s: too large for a source file", path);
    return file_read(path, data, e);
}

/* The file by its name and by each substitution that fits, the latest first. */
static int text_read(const struct source *s, struct text_file *t, struct err *e)
{
    struct err other;
    for (size_t i = s->nsubst; i-- > 0;) {
        size_t n = strlen(s->subst[i].from);
        char *path = NULL;
        if (strncmp(t->name, s->subst[i].from, n) || asprintf(&path, "%s%s", s->subst[i].to, t->name + n) < 0)
            continue;
        int rc = read_source(path, &t->data, &other);
        free(path);
        if (!rc)
            break;
    }
    if (!t->data.data) {
        int rc = read_source(t->name, &t->data, e);
        if (rc)
            return rc;
    }
    return find_lines(t) ? err_set(e, -ENOMEM, "%s: no memory to read it", t->name) : 0;
}

static struct text_file *text_of(struct source *s, const char *file, struct err *e)
{
    for (size_t i = 0; i < s->ntexts; i++)
        if (!strcmp(s->texts[i].name, file))
            return &s->texts[i];
    struct text_file *grown = realloc(s->texts, (s->ntexts + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    s->texts = grown;
    struct text_file t = {.name = strdup(file)};
    struct err problem = {""};
    if (!t.name)
        return NULL;
    if (text_read(s, &t, &problem)) {
        file_release(&t.data);
        t.problem = strdup(problem.text);
        if (!t.problem) {
            err_set(e, -ENOMEM, "%s: no memory to read it", file);
            free(t.name);
            return NULL;
        }
    }
    s->texts[s->ntexts] = t;
    return &s->texts[s->ntexts++];
}

const char *source_text(struct source *s, const char *file, unsigned line, size_t *length, struct err *e)
{
    struct text_file *t;
    *length = 0;
    err_set(e, 0, "%s", "");
    if (!s || !file || !(t = text_of(s, file, e)))
        return NULL;
    if (t->problem) {
        err_set(e, -ENOENT, "%s", t->problem);
        return NULL;
    }
    if (!line || line > t->nlines)
        return NULL;
    size_t at = t->starts[line - 1], end = t->starts[line];
    while (end > at && (t->data.data[end - 1] == '\n' || t->data.data[end - 1] == '\r'))
        end--;
    *length = end - at;
    return (const char *)t->data.data + at;
}
