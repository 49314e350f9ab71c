/* SPDX-License-Identifier: MIT */
#include "options.h"

#include "base/text.h"
#include "cpu/isa.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* ---- Strings ---- */

struct options_text {
    struct options_text *next;
    char s[];
};

/* A copy that lives as long as the options; NULL when out of memory. */
static char *keep(struct options *o, const char *s)
{
    struct options_text *t = malloc(sizeof *t + strlen(s) + 1);
    if (!t)
        return NULL;
    strcpy(t->s, s);
    t->next = o->texts;
    o->texts = t;
    return t->s;
}

void options_free(struct options *o)
{
    while (o->texts) {
        struct options_text *t = o->texts;
        o->texts = t->next;
        free(t);
    }
}

bool options_next(char **rest, char **key, char **value)
{
    char *from = *rest, *to = *rest;
    if (!from || !*from)
        return false;
    *key = to;
    *value = NULL;
    for (; *from; from++) {
        if (*from == ',') {
            if (from[1] != ',')
                break;
            from++;
        } else if (*from == '=' && !*value) {
            *to++ = 0;
            *value = to;
            continue;
        }
        *to++ = *from;
    }
    *rest = *from ? from + 1 : from;
    *to = 0;
    return true;
}

static void note(struct options *o, const char *text)
{
    for (size_t i = 0; i + 1 < ARRAY_LEN(o->notes); i++) {
        if (o->notes[i])
            continue;
        o->notes[i] = text;
        return;
    }
}

static int parse_onoff(const char *opt, const char *key, const char *value, bool *out, struct err *e)
{
    if (!value || !strcmp(value, "on") || !strcmp(value, "true") || !strcmp(value, "yes"))
        return *out = true, 0;
    if (!strcmp(value, "off") || !strcmp(value, "false") || !strcmp(value, "no"))
        return *out = false, 0;
    return err_set(e, -EINVAL, "%s: %s=%s: give on or off", opt, key, value);
}

/* ---- One function per option with more than a word to say. arg is a copy that may be cut up. ---- */

typedef int handler(struct options *o, const char *opt, char *arg, struct err *e);

static int ask_help(struct options *o, const char *what)
{
    o->action = OPTIONS_HELP;
    o->help = what;
    return 0;
}

static int opt_machine(struct options *o, const char *opt, char *arg, struct err *e)
{
    char *k, *v;
    for (bool first = true; options_next(&arg, &k, &v); first = false) {
        if (!strcmp(k, "help") || !strcmp(k, "?"))
            return ask_help(o, "machine");
        if ((first && !v) || !strcmp(k, "type")) {
            const char *type = v ? v : k;
            if (strcmp(type, "virt"))
                return err_set(e, -EINVAL, "%s: no machine '%s': there is virt only", opt, type);
        } else if (!strcmp(k, "dumpdtb") && v && *v) {
            o->action = OPTIONS_DUMP_DTB;
            o->dumpdtb = v;
        } else if (!strcmp(k, "aclint") || !strcmp(k, "acpi") || !strcmp(k, "usb") || !strcmp(k, "graphics") ||
                   !strcmp(k, "dump-guest-core")) {
            bool on = false;
            if (parse_onoff(opt, k, v, &on, e))
                return -EINVAL;
            if (on && (!strcmp(k, "aclint") || !strcmp(k, "usb")))
                return err_set(e, -EINVAL, "%s: %s=on: the board has no such part: leave it out", opt, k);
        } else if (!strcmp(k, "aia") && v && !strcmp(v, "none")) {
            continue;
        } else if (!strcmp(k, "accel") && v && !strcmp(v, "tcg")) {
            continue;
        } else {
            return err_set(e, -EINVAL, "%s: property '%s%s%s' is not supported: see -machine help", opt, k,
                           v ? "=" : "", v ? v : "");
        }
    }
    return 0;
}

static int opt_cpu(struct options *o, const char *opt, char *arg, struct err *e)
{
    (void)opt;
    if (!strcmp(arg, "help") || !strcmp(arg, "?"))
        return ask_help(o, "cpu");
    o->cpu = arg;
    return isa_parse(&o->machine.isa, arg, e);
}

static int opt_smp(struct options *o, const char *opt, char *arg, struct err *e)
{
    uint64_t n = 0, product = 1, one;
    char *k, *v;
    while (options_next(&arg, &k, &v)) {
        bool part = !strcmp(k, "sockets") || !strcmp(k, "cores") || !strcmp(k, "threads") || !strcmp(k, "dies") ||
                    !strcmp(k, "clusters");
        if (!v || !strcmp(k, "cpus") || !strcmp(k, "maxcpus") || part) {
            const char *number = v ? v : k;
            if (!text_parse_u64(number, &one) || one < 1 || one > MACHINE_MAX_HARTS)
                return err_set(e, -EINVAL, "%s %s: give a number of harts from 1 to %d", opt, number,
                               MACHINE_MAX_HARTS);
            if (part)
                product *= one;
            else if (!v || !strcmp(k, "cpus"))
                n = one;
        } else {
            return err_set(e, -EINVAL, "%s: no property '%s': give -smp N or -smp cpus=N", opt, k);
        }
    }
    o->machine.harts = (unsigned)(n ? n : product);
    if (o->machine.harts > MACHINE_MAX_HARTS)
        return err_set(e, -EINVAL, "%s: %u harts: give 1 to %d", opt, o->machine.harts, MACHINE_MAX_HARTS);
    return 0;
}

static int opt_memory(struct options *o, const char *opt, char *arg, struct err *e)
{
    char *k, *v;
    while (options_next(&arg, &k, &v)) {
        uint64_t size;
        if (v && strcmp(k, "size"))
            return err_set(e, -EINVAL, "%s: no property '%s': give -m SIZE, e.g. -m 512M", opt, k);
        const char *text = v ? v : k;
        if (!text_parse_size(text, 1 << 20, &size))
            return err_set(e, -EINVAL, "%s %s: not a size: give e.g. -m 512M or -m 4G", opt, text);
        size = (size + PAGE_SIZE - 1) & PAGE_MASK;
        if (size < UINT64_C(1) << 20 || size > MACHINE_RAM_MAX)
            return err_set(e, -EINVAL, "%s %s: RAM of %s: give 1M to 64G", opt, text, text_size(size).s);
        o->machine.ram_size = size;
        o->ram_given = true;
    }
    return 0;
}

static int opt_drive(struct options *o, const char *opt, char *arg, struct err *e)
{
    if (o->machine.ndrives == MACHINE_MAX_DRIVES)
        return err_set(e, -EINVAL, "%s: more than %d drives", opt, MACHINE_MAX_DRIVES);
    struct drive_options d = {.interface = DRIVE_VIRTIO, .unit = -1};
    char *k, *v;
    while (options_next(&arg, &k, &v)) {
        const char *value = v ? v : "";
        uint64_t unit;
        if (!strcmp(k, "file")) {
            d.file = value;
        } else if (!strcmp(k, "id")) {
            d.id = value;
        } else if (!strcmp(k, "if")) {
            if (!strcmp(value, "none"))
                d.interface = DRIVE_NONE;
            else if (!strcmp(value, "virtio"))
                d.interface = DRIVE_VIRTIO;
            else if (!strcmp(value, "pflash"))
                d.interface = DRIVE_PFLASH;
            else if (!strcmp(value, "xdisk"))
                d.interface = DRIVE_XDISK;
            else
                return err_set(e, -EINVAL, "%s: if=%s: give none, virtio, pflash or xdisk", opt, value);
        } else if (!strcmp(k, "format")) {
            if (strcmp(value, "raw"))
                return err_set(e, -EINVAL,
                               "%s: format=%s: only raw images are read: convert it (qemu-img convert -O raw)", opt,
                               value);
        } else if (!strcmp(k, "unit") || !strcmp(k, "index")) {
            if (!text_parse_u64(value, &unit) || unit > 15)
                return err_set(e, -EINVAL, "%s: %s=%s: give a number from 0", opt, k, value);
            d.unit = (int)unit;
        } else if (!strcmp(k, "readonly") || !strcmp(k, "read-only")) {
            if (parse_onoff(opt, k, v, &d.readonly, e))
                return -EINVAL;
        } else if (!strcmp(k, "snapshot")) {
            if (parse_onoff(opt, k, v, &d.snapshot, e))
                return -EINVAL;
        } else if (!strcmp(k, "media")) {
            if (!strcmp(value, "cdrom"))
                d.readonly = true;
            else if (strcmp(value, "disk"))
                return err_set(e, -EINVAL, "%s: media=%s: give disk or cdrom", opt, value);
        } else if (!strcmp(k, "cache") || !strcmp(k, "aio") || !strcmp(k, "discard") || !strcmp(k, "detect-zeroes") ||
                   !strcmp(k, "werror") || !strcmp(k, "rerror") || !strcmp(k, "copy-on-read") ||
                   !strcmp(k, "cache.direct") || !strcmp(k, "file.locking")) {
            continue; /* how the host caches an image changes nothing that a guest sees */
        } else {
            return err_set(e, -EINVAL,
                           "%s: no property '%s': there are file, if, format, id, unit, readonly and snapshot", opt, k);
        }
    }
    if (!d.file || !*d.file)
        return err_set(e, -EINVAL, "%s: no file: give file=PATH", opt);
    o->machine.drives[o->machine.ndrives++] = d;
    return 0;
}

/* -pflash FILE, -hda FILE, ...: a drive in short. */
static int short_drive(struct options *o, const char *opt, const char *file, enum drive_interface interface,
                       struct err *e)
{
    if (o->machine.ndrives == MACHINE_MAX_DRIVES)
        return err_set(e, -EINVAL, "%s: more than %d drives", opt, MACHINE_MAX_DRIVES);
    o->machine.drives[o->machine.ndrives++] = (struct drive_options){.file = file, .interface = interface, .unit = -1};
    return 0;
}

static int opt_pflash(struct options *o, const char *opt, char *arg, struct err *e)
{
    return short_drive(o, opt, arg, DRIVE_PFLASH, e);
}

static int opt_hd(struct options *o, const char *opt, char *arg, struct err *e)
{
    return short_drive(o, opt, arg, DRIVE_VIRTIO, e);
}

static int opt_device(struct options *o, const char *opt, char *arg, struct err *e)
{
    if (!strcmp(arg, "help") || !strcmp(arg, "?"))
        return ask_help(o, "device");
    if (o->machine.ndevices == MACHINE_MAX_DEVICES)
        return err_set(e, -EINVAL, "%s: more than %d devices", opt, MACHINE_MAX_DEVICES);
    struct device_options d = {.slot = -1};
    char *k, *v;
    for (bool first = true; options_next(&arg, &k, &v); first = false) {
        if (first && !v) {
            d.driver = k;
        } else if (!strcmp(k, "driver") && v) {
            d.driver = v;
        } else if (!strcmp(k, "id") && v) {
            d.id = v;
        } else if (!strcmp(k, "drive") && v) {
            d.drive = v;
        } else if (!strcmp(k, "netdev") && v) {
            d.netdev = v;
        } else if (!strcmp(k, "chardev") && v) {
            d.chardev = v;
        } else if (!strcmp(k, "mac") && v) {
            d.mac = v;
        } else if (!strcmp(k, "serial") && v) {
            d.serial = v;
        } else if (!strcmp(k, "bus") && v) {
            static const char prefix[] = "virtio-mmio-bus.";
            uint64_t n;
            if (strncmp(v, prefix, sizeof prefix - 1)) {
                if (strstr(v, ".0") && strncmp(v, "pci", 3))
                    continue; /* virtio-serial's own bus, which -device virtconsole names */
                return err_set(e, -EINVAL, "%s: bus=%s: there are virtio-mmio-bus.0 to virtio-mmio-bus.%d", opt, v,
                               MACHINE_VIRTIO_SLOTS - 1);
            }
            if (!text_parse_u64(v + sizeof prefix - 1, &n) || n >= MACHINE_VIRTIO_SLOTS)
                return err_set(e, -EINVAL, "%s: bus=%s: give virtio-mmio-bus.0 to virtio-mmio-bus.%d", opt, v,
                               MACHINE_VIRTIO_SLOTS - 1);
            d.slot = (int)n;
        } else if (!strcmp(k, "rng") || !strcmp(k, "max-bytes") || !strcmp(k, "period") || !strcmp(k, "bootindex") ||
                   !strcmp(k, "name") || !strcmp(k, "romfile") || !strcmp(k, "num-queues") ||
                   !strcmp(k, "queue-size") || !strcmp(k, "packed") || !strcmp(k, "event_idx") ||
                   !strcmp(k, "indirect_desc") || !strcmp(k, "write-cache") || !strcmp(k, "share-rw") ||
                   !strcmp(k, "logical_block_size") || !strcmp(k, "physical_block_size") || !strcmp(k, "nr")) {
            if (!v || (!strcmp(k, "packed") && strcmp(v, "off")) ||
                (!strcmp(k, "logical_block_size") && strcmp(v, "512")))
                return err_set(e, -EINVAL, "%s: %s%s%s is not supported: leave it out", opt, k, v ? "=" : "",
                               v ? v : "");
        } else {
            return err_set(e, -EINVAL, "%s: no property '%s': see -device help", opt, k);
        }
    }
    if (!d.driver)
        return err_set(e, -EINVAL, "%s: no driver: see -device help", opt);
    o->machine.devices[o->machine.ndevices++] = d;
    return 0;
}

/* "kind,id=X,rest" -> id and "kind,rest"; the rest keeps its ,, as whoever reads it wants them. */
static int backend(struct options *o, const char *opt, const char *arg, struct backend_options *list, unsigned *n,
                   struct err *e)
{
    if (*n == MACHINE_MAX_DEVICES)
        return err_set(e, -EINVAL, "%s: more than %d", opt, MACHINE_MAX_DEVICES);
    char *spec = keep(o, arg), *id = keep(o, arg);
    if (!spec || !id)
        return err_set(e, -ENOMEM, "%s: out of memory", opt);
    char *at = strstr(spec, ",id=");
    const char *found = strstr(id, ",id=");
    if (!at || !found)
        return err_set(e, -EINVAL, "%s %s: no id: give %s,id=NAME", opt, arg, arg);
    size_t name = strcspn(at + 4, ",");
    memmove(at, at + 4 + name, strlen(at + 4 + name) + 1);
    id[(size_t)(found - id) + 4 + name] = 0;
    list[(*n)++] = (struct backend_options){found + 4, spec};
    return 0;
}

static int opt_netdev(struct options *o, const char *opt, char *arg, struct err *e)
{
    if (strncmp(arg, "user", 4) || (arg[4] && arg[4] != ','))
        return err_set(e, -EINVAL, "%s %s: only user networking is supported: give user,id=NAME[,hostfwd=...]", opt,
                       arg);
    return backend(o, opt, arg, o->machine.netdevs, &o->machine.nnetdevs, e);
}

/* A -chardev says with properties what -serial says in one word: "file,path=x" is "file:x", "socket,path=x,server=on" is "unix:x,server=on". */
static int opt_chardev(struct options *o, const char *opt, char *arg, struct err *e)
{
    char tail[256] = "", text[1024];
    const char *kind = NULL, *id = NULL, *path = NULL, *host = "", *port = NULL;
    char *k, *v;
    if (o->machine.nchardevs == MACHINE_MAX_DEVICES)
        return err_set(e, -EINVAL, "%s: more than %d", opt, MACHINE_MAX_DEVICES);
    while (options_next(&arg, &k, &v)) {
        size_t n = strlen(tail);
        if (!kind && (!v || !strcmp(k, "backend")))
            kind = v ? v : k;
        else if (!strcmp(k, "id") && v)
            id = v;
        else if (!strcmp(k, "path") && v)
            path = v;
        else if (!strcmp(k, "host") && v)
            host = v;
        else if (!strcmp(k, "port") && v)
            port = v;
        else if (!strcmp(k, "server") || !strcmp(k, "wait") || !strcmp(k, "append") || !strcmp(k, "signal"))
            snprintf(tail + n, sizeof tail - n, ",%s=%s", k, v ? v : "on");
        else if (strcmp(k, "mux") && strcmp(k, "logfile") && strcmp(k, "nodelay"))
            return err_set(e, -EINVAL, "%s: no property '%s': give a backend, id, and path, host, port, server or wait",
                           opt, k);
    }
    if (!kind || !id)
        return err_set(e, -EINVAL, "%s: no %s: give e.g. stdio,id=NAME", opt, kind ? "id" : "backend");
    if (!strcmp(kind, "socket") && port)
        snprintf(text, sizeof text, "tcp:%s:%s%s", host, port, tail);
    else if (!strcmp(kind, "socket") && path)
        snprintf(text, sizeof text, "unix:%s%s", path, tail);
    else
        snprintf(text, sizeof text, "%s%s%s%s", kind, path ? ":" : "", path ? path : "", tail);
    const char *spec = keep(o, text);
    if (!spec)
        return err_set(e, -ENOMEM, "%s: out of memory", opt);
    o->machine.chardevs[o->machine.nchardevs++] = (struct backend_options){id, spec};
    return 0;
}

/* -nic user,...: a netdev and its virtio-net device in one. */
static int opt_nic(struct options *o, const char *opt, char *arg, struct err *e)
{
    if (!strcmp(arg, "none"))
        return 0;
    if (strncmp(arg, "user", 4) || (arg[4] && arg[4] != ','))
        return err_set(e, -EINVAL, "%s %s: only user networking is supported: give user[,hostfwd=...]", opt, arg);
    if (o->machine.ndevices == MACHINE_MAX_DEVICES || o->machine.nnetdevs == MACHINE_MAX_DEVICES)
        return err_set(e, -EINVAL, "%s: more than %d devices", opt, MACHINE_MAX_DEVICES);
    char id[32];
    snprintf(id, sizeof id, "nic%u", o->machine.nnetdevs);
    char *model = strstr(arg, ",model=");
    if (model) {
        size_t len = strcspn(model + 7, ",");
        if (strncmp(model + 7, "virtio", 6))
            return err_set(e, -EINVAL, "%s: model=%.*s: give virtio-net-device or leave it out", opt, (int)len,
                           model + 7);
        memmove(model, model + 7 + len, strlen(model + 7 + len) + 1);
    }
    const char *name = keep(o, id);
    if (!name)
        return err_set(e, -ENOMEM, "%s: out of memory", opt);
    o->machine.netdevs[o->machine.nnetdevs++] = (struct backend_options){name, arg};
    o->machine.devices[o->machine.ndevices++] =
        (struct device_options){.driver = "virtio-net-device", .netdev = name, .slot = -1};
    return 0;
}

static int opt_net(struct options *o, const char *opt, char *arg, struct err *e)
{
    (void)o;
    return strcmp(arg, "none")
               ? err_set(e, -EINVAL, "%s %s: give -netdev user,id=NAME and -device virtio-net-device,netdev=NAME", opt,
                         arg)
               : 0;
}

static int opt_serial(struct options *o, const char *opt, char *arg, struct err *e)
{
    (void)e, (void)opt;
    static const char *const nothing[] = {"none", "null"};
    if (o->machine.serial) {
        for (size_t i = 0; i < ARRAY_LEN(nothing); i++)
            if (!strcmp(arg, nothing[i]))
                return 0;
        return err_set(
            e, -EINVAL,
            "%s %s: the board has one serial port and it is taken: give a virtio-serial-device with a virtconsole", opt,
            arg);
    }
    o->machine.serial = arg;
    return 0;
}

static int opt_monitor(struct options *o, const char *opt, char *arg, struct err *e)
{
    if (!strcmp(arg, "none"))
        return 0;
    if (!strcmp(arg, "stdio") || !strcmp(arg, "vc")) {
        note(o, "-monitor: there is no monitor in this version; everything else goes on (give -monitor none)");
        return 0;
    }
    return err_set(e, -EINVAL, "%s %s: give none or stdio", opt, arg);
}

static int opt_display(struct options *o, const char *opt, char *arg, struct err *e)
{
    (void)o;
    return strcmp(arg, "none") && strcmp(arg, "default")
               ? err_set(e, -EINVAL, "%s %s: there is no display: give -display none or -nographic", opt, arg)
               : 0;
}

static int opt_global(struct options *o, const char *opt, char *arg, struct err *e)
{
    (void)e, (void)opt;
    static const char legacy[] = "virtio-mmio.force-legacy=";
    if (!strncmp(arg, legacy, sizeof legacy - 1)) {
        bool on = false;
        int rc = parse_onoff(opt, "virtio-mmio.force-legacy", arg + sizeof legacy - 1, &on, e);
        return rc    ? rc
               : !on ? 0
                     : err_set(e, -EINVAL, "%s %s: virtio-mmio is version 2 only: give virtio-mmio.force-legacy=false",
                               opt, arg);
    }
    note(o, "-global: only virtio-mmio.force-legacy is known; another one has no effect");
    return 0;
}

static int opt_icount(struct options *o, const char *opt, char *arg, struct err *e)
{
    char *k, *v;
    while (options_next(&arg, &k, &v)) {
        uint64_t shift;
        const char *value = v ? v : k;
        if (!v || !strcmp(k, "shift")) {
            if (!strcmp(value, "auto"))
                continue;
            if (!text_parse_u64(value, &shift) || shift > 6)
                return err_set(e, -EINVAL,
                               "%s: shift=%s: give 0 to 6 (2^N ns for each instruction), or --insns-per-tick", opt,
                               value);
            o->machine.insns_per_tick = 100 >> shift;
        } else if (!strcmp(k, "sleep") || !strcmp(k, "align")) {
            bool on = false;
            if (parse_onoff(opt, k, v, &on, e))
                return -EINVAL;
            if (on && !strcmp(k, "align"))
                o->machine.realtime = true;
        } else {
            return err_set(e, -EINVAL, "%s: %s is not supported: give shift=N", opt, k);
        }
    }
    return 0;
}

static int add_trace(struct options *o, const char *opt, const char *what, struct err *e)
{
    if (o->ntraces == OPTIONS_TRACES)
        return err_set(e, -EINVAL, "%s: more than %d traces", opt, OPTIONS_TRACES);
    o->traces[o->ntraces].what = what;
    o->traces[o->ntraces++].format = o->trace_format;
    return 0;
}

static int opt_log(struct options *o, const char *opt, char *arg, struct err *e)
{
    bool insn = false, trap = false;
    char *k, *v;
    while (options_next(&arg, &k, &v)) {
        if (!strcmp(k, "int"))
            trap = true;
        else if (!strcmp(k, "in_asm") || !strcmp(k, "exec") || !strcmp(k, "nochain") || !strcmp(k, "cpu"))
            insn = true;
        else if (strcmp(k, "guest_errors") && strcmp(k, "unimp") && strcmp(k, "mmu") && strcmp(k, "page"))
            return err_set(e, -EINVAL, "%s %s: give int (traps) or exec (instructions), or use --trace", opt, k);
    }
    return insn || trap ? add_trace(o, opt, insn && trap ? "insn,trap" : insn ? "insn" : "trap", e) : 0;
}

static int opt_rtc(struct options *o, const char *opt, char *arg, struct err *e)
{
    char *k, *v;
    while (options_next(&arg, &k, &v)) {
        if (!strcmp(k, "base") && v) {
            struct tm tm = {0};
            const char *end;
            if (!strcmp(v, "utc") || !strcmp(v, "localtime"))
                continue;
            end = strptime(v, "%Y-%m-%d", &tm);
            if (end && *end == 'T')
                end = strptime(end, "T%H:%M:%S", &tm);
            if (!end || *end)
                return err_set(e, -EINVAL, "%s: base=%s: give utc or a date as 2026-01-31T12:00:00", opt, v);
            o->machine.epoch_ns = (uint64_t)timegm(&tm) * 1000000000;
        } else if (!strcmp(k, "clock") && v && (!strcmp(v, "vm") || !strcmp(v, "host") || !strcmp(v, "rt"))) {
            continue; /* the clock is always the machine's: --realtime ties that to the host's */
        } else if (strcmp(k, "driftfix")) {
            return err_set(e, -EINVAL, "%s: no property '%s': give base=DATE", opt, k);
        }
    }
    return 0;
}

static int number(const char *opt, const char *arg, uint64_t min, uint64_t *to, struct err *e)
{
    if (!text_parse_u64(arg, to) || *to < min)
        return err_set(e, -EINVAL, "%s %s: give a number from %llu", opt, arg, (unsigned long long)min);
    return 0;
}

static int opt_seed(struct options *o, const char *opt, char *arg, struct err *e)
{
    return number(opt, arg, 0, &o->machine.seed, e);
}

static int opt_max_insns(struct options *o, const char *opt, char *arg, struct err *e)
{
    return number(opt, arg, 1, &o->max_insns, e);
}

static int opt_quantum(struct options *o, const char *opt, char *arg, struct err *e)
{
    return number(opt, arg, 1, &o->machine.quantum, e);
}

static int opt_insns_per_tick(struct options *o, const char *opt, char *arg, struct err *e)
{
    int rc = number(opt, arg, 1, &o->machine.insns_per_tick, e);
    return !rc && o->machine.insns_per_tick > 1000000 ? err_set(e, -EINVAL, "%s %s: give 1 to 1000000", opt, arg) : rc;
}

static int opt_vm(struct options *o, const char *opt, char *arg, struct err *e)
{
    if (o->nvms == ARRAY_LEN(o->vms))
        return err_set(e, -EINVAL, "%s: more than %zu guests", opt, ARRAY_LEN(o->vms));
    o->vms[o->nvms++] = arg;
    return 0;
}

static int opt_slice(struct options *o, const char *opt, char *arg, struct err *e)
{
    return number(opt, arg, 1, &o->slice, e);
}

static int opt_trace(struct options *o, const char *opt, char *arg, struct err *e)
{
    return *arg ? add_trace(o, opt, arg, e) : err_set(e, -EINVAL, "%s: no kinds: give e.g. insn, trap or all", opt);
}

/* Of the traces behind it, and of those before it that have none. */
static int opt_trace_format(struct options *o, const char *opt, char *arg, struct err *e)
{
    (void)opt, (void)e;
    o->trace_format = arg;
    for (unsigned i = 0; i < o->ntraces; i++)
        if (!o->traces[i].format)
            o->traces[i].format = arg;
    return 0;
}

static int opt_object(struct options *o, const char *opt, char *arg, struct err *e)
{
    (void)o;
    /* Where virtio-rng's bytes come from: always the machine's own seeded generator. */
    return strncmp(arg, "rng-", 4) ? err_set(e, -EINVAL, "%s %s: only rng-random and rng-builtin are known", opt, arg)
                                   : 0;
}

static int opt_accel(struct options *o, const char *opt, char *arg, struct err *e)
{
    (void)o;
    return strncmp(arg, "tcg", 3) ? err_set(e, -EINVAL, "%s %s: this is an interpreter: leave it out", opt, arg) : 0;
}

static int opt_gdb(struct options *o, const char *opt, char *arg, struct err *e)
{
    if (o->gdb && strcmp(o->gdb, arg) != 0)
        return err_set(e, -EINVAL, "%s %s: there is one already, at %s: leave one out", opt, arg, o->gdb);
    o->gdb = arg;
    return 0;
}

static int opt_s(struct options *o, const char *opt, char *arg, struct err *e)
{
    (void)arg;
    char *port = keep(o, "tcp::1234");
    return port ? opt_gdb(o, opt, port, e) : err_set(e, -ENOMEM, "%s: out of memory", opt);
}

/* gdb on standard input and output leaves the guest's console none. */
static int check_gdb(struct options *o, struct err *e)
{
    const char *serial = o->machine.serial;
    if (o->gdb && !strncmp(o->gdb, "stdio", 5)) {
        if (serial && (!strncmp(serial, "stdio", 5) || !strncmp(serial, "mon:stdio", 9)))
            return err_set(e, -EINVAL,
                           "-gdb stdio: the serial port is there too: give it another place, as -serial null");
        if (!serial)
            o->machine.serial = "null";
    }
    return 0;
}

/* ---- The table ---- */

enum kind {
    CALL,      /* call() with the argument */
    CALL_BARE, /* call(), without one */
    TEXT,      /* the argument goes to a const char * */
    MAYBE,     /* the same, with = only; "" without */
    FLAG,      /* a bool becomes true */
    ACCEPT,    /* no argument, no effect, nothing lost */
    ACCEPT_ARG,
    REFUSE, /* help says what to do instead */
    REFUSE_ARG,
    HELP,
    VERSION
};

static const struct option_row {
    const char *name;
    enum kind kind;
    const char *arg; /* NULL = takes none */
    const char *help;
    handler *call;
    size_t at; /* in struct options */
} table[] = {
#define AT(field) NULL, offsetof(struct options, field)
    {"machine", CALL, "virt[,dumpdtb=FILE]", "the board; dumpdtb writes its device tree and ends", opt_machine, 0},
    {"M", CALL, NULL, NULL, opt_machine, 0},
    {"cpu", CALL, "MODEL[,EXT=BOOL...]", "rv64 and its extensions, e.g. rv64,zba=false; `help` lists them", opt_cpu, 0},
    {"smp", CALL, "N", "harts, 1 to 16", opt_smp, 0},
    {"m", CALL, "SIZE", "RAM, e.g. 512M or 4G (default 128M, at most 64G)", opt_memory, 0},
    {"bios", TEXT, "default|none|FILE", "firmware: built-in SBI, none (M mode), or a file such as OpenSBI's fw_dynamic",
     AT(machine.bios)},
    {"kernel", TEXT, "FILE", "ELF, Linux Image (gzip'd too) or flat binary", AT(machine.kernel)},
    {"initrd", TEXT, "FILE", "initial RAM disk", AT(machine.initrd)},
    {"append", TEXT, "TEXT", "the kernel's command line", AT(machine.append)},
    {"dtb", TEXT, "FILE", "device tree to use instead of the machine's own", AT(machine.dtb)},
    {"drive", CALL, "file=FILE,if=none|virtio|pflash|xdisk,id=ID...",
     "a raw disk image or flash chip; also format=raw, unit=, readonly=, snapshot=", opt_drive, 0},
    {"pflash", CALL, "FILE", "the next flash chip's image", opt_pflash, 0},
    {"hda", CALL, "FILE", "a virtio disk (also -hdb, -hdc, -hdd)", opt_hd, 0},
    {"hdb", CALL, NULL, NULL, opt_hd, 0},
    {"hdc", CALL, NULL, NULL, opt_hd, 0},
    {"hdd", CALL, NULL, NULL, opt_hd, 0},
    {"device", CALL, "DRIVER[,PROP=VALUE...]", "a device on a virtio-mmio slot; `help` lists them", opt_device, 0},
    {"netdev", CALL, "user,id=ID[,hostfwd=...]", "user networking for a virtio-net-device", opt_netdev, 0},
    {"nic", CALL, "user[,hostfwd=...]", "the same and its virtio-net-device in one", opt_nic, 0},
    {"net", CALL, "none", NULL, opt_net, 0},
    {"chardev", CALL, "BACKEND,id=ID[,...]", "where a virtio console leads", opt_chardev, 0},
    {"object", CALL, "rng-random,id=ID", NULL, opt_object, 0},
    {"global", CALL, "virtio-mmio.force-legacy=false", "accepted: the transport is version 2 in any case", opt_global,
     0},
    {"nographic", ACCEPT, NULL, "accepted: there is no display", NULL, 0},
    {"display", CALL, "none", NULL, opt_display, 0},
    {"vga", ACCEPT_ARG, "none", NULL, NULL, 0},
    {"serial", CALL, "BACKEND",
     "the serial port: stdio (default), null, pty, file:PATH, pipe:PATH, unix:PATH, tcp:HOST:PORT", opt_serial, 0},
    {"monitor", CALL, "none|stdio", "accepted: there is no monitor yet", opt_monitor, 0},
    {"parallel", ACCEPT_ARG, "none", NULL, NULL, 0},
    {"snapshot", FLAG, NULL, "write to no disk image", AT(machine.snapshot)},
    {"no-reboot", FLAG, NULL, "a reset ends the run", AT(machine.no_reboot)},
    {"no-shutdown", REFUSE, NULL, "a guest that powers off ends the run: leave it out", NULL, 0},
    {"icount", CALL, "shift=N", "2^N ns for each instruction (N = 0 to 6)", opt_icount, 0},
    {"rtc", CALL, "base=DATE", "the real-time clock at power-on, e.g. 2026-01-31T12:00:00", opt_rtc, 0},
    {"seed", CALL, "N", "of the guest's random numbers (default 0: the same in every run)", opt_seed, 0},
    {"accel", CALL, "tcg", NULL, opt_accel, 0},
    {"d", CALL, "int,exec", "QEMU's names for --trace trap,insn", opt_log, 0},
    {"D", TEXT, "FILE", "where -d and --trace write", AT(trace_file)},
    {"name", ACCEPT_ARG, "TEXT", NULL, NULL, 0},
    {"uuid", ACCEPT_ARG, "UUID", NULL, NULL, 0},
    {"boot", ACCEPT_ARG, "...", NULL, NULL, 0},
    {"L", ACCEPT_ARG, "DIR", NULL, NULL, 0},
    {"nodefaults", ACCEPT, NULL, NULL, NULL, 0},
    {"no-user-config", ACCEPT, NULL, NULL, NULL, 0},
    {"singlestep", ACCEPT, NULL, NULL, NULL, 0},
    {"gdb", CALL, "tcp::PORT|unix:PATH|stdio",
     "gdb may come there (target remote), now or later; tcp:HOST:PORT for other hosts", opt_gdb, 0},
    {"s", CALL_BARE, NULL, "the same as -gdb tcp::1234", opt_s, 0},
    {"S", FLAG, NULL, "with -s or -gdb: wait until gdb lets the machine run", AT(hold)},
    {"qmp", REFUSE_ARG, "DEV", "there is no QMP: leave it out", NULL, 0},
    {"semihosting", REFUSE, NULL, "semihosting is not emulated; a guest can exit by the test device, SRST or tohost",
     NULL, 0},
    {"semihosting-config", REFUSE_ARG, "...",
     "semihosting is not emulated; a guest can exit by the test device, SRST or tohost", NULL, 0},
    {"blockdev", REFUSE_ARG, "...", "give -drive file=FILE,if=none,id=ID", NULL, 0},
    {"daemonize", REFUSE, NULL, "start it in the background with the shell's &", NULL, 0},
    {"enable-kvm", REFUSE, NULL, "this is an interpreter: leave it out", NULL, 0},
    {"max-insns", CALL, "N", "stop with status 124 after N instructions of all harts", opt_max_insns, 0},
    {"quantum", CALL, "N", "instructions in a hart's turn (default 100000)", opt_quantum, 0},
    {"insns-per-tick", CALL, "N", "instructions in 100 ns of the guest's time (default 100)", opt_insns_per_tick, 0},
    {"realtime", FLAG, NULL, "the guest's time follows the host's clock", AT(machine.realtime)},
    {"signature", TEXT, "FILE", "write begin_signature..end_signature there at the end, as 32-bit hex lines",
     AT(machine.signature)},
    {"vmm", TEXT, "TECHNIQUE", "run the guest in a virtual machine: `help` lists the ways to do that", AT(vmm)},
    {"vm", CALL, "\"OPTION...\"", "with --vmm: a guest and its own options, once for each guest", opt_vm, 0},
    {"slice", CALL, "N", "with --vmm: instructions in a guest's turn (default 100000)", opt_slice, 0},
    {"check", FLAG, NULL, "with --vmm: compare each guest with an interpreted one at every exit", AT(check)},
    {"check-shadow", FLAG, NULL, "with --vmm: verify the tables that the real MMU walks before every entry",
     AT(check_shadow)},
    {"vmstat", MAYBE, "[N]",
     "with --vmm: print at the end where the exits come from; N functions and instructions (default 10)", AT(vmstat)},
    {"stats", MAYBE, "[full,][json][:FILE]",
     "print counts at the end; full: by class of instruction too, which is slow", AT(stats)},
    {"profile", MAYBE, "[FILE]", "print which functions took the time; folded stacks to FILE", AT(profile)},
    {"trace", CALL, "KINDS[,if=EXPR][:FILE]",
     "write what happens: insn, trap, mmu, all, ... (vitrine help events); may be given several times", opt_trace, 0},
    {"trace-format", CALL, "FORMAT",
     "of traces: text, jsonl, spike, perfetto, chrome, ftrace, pack; else by FILE's suffix", opt_trace_format, 0},
    {"post-mortem", TEXT, "FILE",
     "write the last few thousand slow events when the run ends, in a format of FILE's suffix", AT(post_mortem)},
    {"quiet", FLAG, NULL, "no notes on standard error", AT(machine.quiet)},
    {"help", HELP, NULL, "this text", NULL, 0},
    {"h", HELP, NULL, NULL, NULL, 0},
    {"version", VERSION, NULL, "the version", NULL, 0},
#undef AT
};

static bool takes_argument(const struct option_row *r)
{
    return r->kind == CALL || r->kind == TEXT || r->kind == ACCEPT_ARG || r->kind == REFUSE_ARG;
}

static const struct option_row *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (!strcmp(table[i].name, name))
            return &table[i];
    return NULL;
}

bool options_takes_argument(const char *word)
{
    const struct option_row *r = word[0] == '-' && !strchr(word, '=') ? find(word + (word[1] == '-' ? 2 : 1)) : NULL;
    return r && takes_argument(r);
}

static int apply(struct options *o, const struct option_row *r, const char *opt, const char *arg, struct err *e)
{
    char *copy = arg ? keep(o, arg) : NULL;
    if (arg && !copy)
        return err_set(e, -ENOMEM, "%s: out of memory", opt);
    switch (r->kind) {
    case CALL:
    case CALL_BARE: return r->call(o, opt, copy, e);
    case TEXT: *(const char **)((char *)o + r->at) = copy; return 0;
    case MAYBE: *(const char **)((char *)o + r->at) = copy ? copy : ""; return 0;
    case FLAG: *(bool *)((char *)o + r->at) = true; return 0;
    case ACCEPT:
    case ACCEPT_ARG: return 0;
    case REFUSE:
    case REFUSE_ARG: return err_set(e, -EINVAL, "%s: %s", opt, r->help);
    case HELP: return ask_help(o, "run");
    case VERSION: o->action = OPTIONS_VERSION; return 0;
    }
    return 0;
}

int options_parse(struct options *o, int argc, const char *const *argv, struct err *e)
{
    memset(o, 0, sizeof *o);
    machine_options_default(&o->machine);
    o->max_insns = UINT64_MAX;
    for (int i = 0; i < argc && o->action != OPTIONS_HELP && o->action != OPTIONS_VERSION; i++) {
        const char *opt = argv[i];
        if (opt[0] != '-' || !opt[1])
            return err_set(e, -EINVAL,
                           "'%s' is not an option: give a guest as -kernel %s, a disk as -drive file=%s,format=raw",
                           opt, opt, opt);
        char name[64];
        const char *start = opt + (opt[1] == '-' ? 2 : 1), *equals = strchr(start, '=');
        snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - start) : (int)strlen(start), start);
        const struct option_row *r = find(name);
        if (!r)
            return err_set(e, -EINVAL, "%s: no such option: see vitrine run --help", opt);
        const char *arg = equals ? equals + 1 : NULL;
        if (!takes_argument(r) && arg && r->kind != MAYBE)
            return err_set(e, -EINVAL, "%s: -%s takes no argument", opt, name);
        if (takes_argument(r) && !arg) {
            if (i + 1 >= argc)
                return err_set(e, -EINVAL, "%s: needs an argument%s%s: see vitrine run --help", opt, r->arg ? ", " : "",
                               r->arg ? r->arg : "");
            arg = argv[++i];
        }
        char shown[80];
        snprintf(shown, sizeof shown, "%s%s", opt[1] == '-' ? "--" : "-", name);
        int rc = apply(o, r, shown, arg, e);
        if (rc)
            return rc;
    }
    if (check_gdb(o, e))
        return -EINVAL;
    if (!o->machine.serial)
        o->machine.serial = "mon:stdio";
    return 0;
}

/* ---- Help ---- */

void options_help(const char *what, FILE *out)
{
    if (!strcmp(what, "cpu")) {
        bool on;
        const char *name;
        fprintf(out,
                "Models: rv64 (also as max). Extensions, as in -cpu rv64,zba=false, and what they are by default:\n");
        for (unsigned n = 0; (name = isa_property(n, &on)); n++)
            fprintf(out, "  %-12s %s\n", name, on ? "true" : "false");
    } else if (!strcmp(what, "machine")) {
        fprintf(out, "Machines:\n  virt         QEMU's RISC-V virt board (default)\nProperties:\n  dumpdtb=FILE write "
                     "the device tree to FILE and end\n");
    } else if (!strcmp(what, "device")) {
        fprintf(
            out,
            "Devices, each on one of the virtio-mmio slots 0..7 (bus=virtio-mmio-bus.N, or the highest free one):\n");
        for (unsigned n = 0; machine_device_help(n); n++)
            fprintf(out, "  %s\n", machine_device_help(n));
    } else {
        fprintf(out, "Usage: vitrine run [OPTION...]\nStarts a RISC-V virt machine. Options have one dash or two; "
                     "`run` may be left out before them.\n\n");
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
            const struct option_row *r = &table[i];
            if (!r->help || r->kind == REFUSE || r->kind == REFUSE_ARG)
                continue;
            char left[64];
            snprintf(left, sizeof left, "-%s%s%s%s", r->name,
                     r->kind == MAYBE ? "[="
                     : r->arg         ? " "
                                      : "",
                     r->arg ? r->arg : "", r->kind == MAYBE ? "]" : "");
            fprintf(out, strlen(left) < 30 ? "  %-30s %s\n" : "  %s\n                                 %s\n", left,
                    r->help);
        }
        fprintf(
            out,
            "\nAt the terminal: Ctrl-A x ends, Ctrl-A h helps, Ctrl-A b sends a break, Ctrl-A Ctrl-A sends Ctrl-A.\n"
            "Exit status: the guest's own (0 = pass), 123 a failed --check, 124 past --max-insns, 125 usage or "
            "configuration,\n"
            "126 the guest can never move again.\n");
    }
}
