/* SPDX-License-Identifier: MIT */
/* Options for drives, devices and what these lead to on the host. */
#include "options_int.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Drives ---- */

/* What of a drive changes nothing that a guest sees: how the host caches and reads its image. */
static const char drive_words[] =
    "cache|cache.direct|cache.no-flush|cache.writeback|aio|discard|detect-zeroes|werror|rerror|copy-on-read|"
    "file.locking|locking|file.driver|auto-read-only|bps|iops|media|throttling.iops-total|throttling.bps-total";

static struct drive_options *new_drive(struct options *o, const char *opt, struct err *e)
{
    if (o->machine.ndrives == MACHINE_MAX_DRIVES) {
        err_set(e, -EINVAL, "%s: more than %d drives", opt, MACHINE_MAX_DRIVES);
        return NULL;
    }
    struct drive_options *d = &o->machine.drives[o->machine.ndrives++];
    *d = (struct drive_options){.interface = DRIVE_VIRTIO, .unit = -1};
    return d;
}

static int drive_format(const char *opt, const char *key, const char *format, struct err *e)
{
    if (option_is(format, "raw|file|host_device"))
        return 0;
    return err_set(e, -EINVAL, "%s: %s=%s: only raw images are read: convert it (qemu-img convert -O raw)", opt, key,
                   format);
}

static int drive_interface(struct drive_options *d, const char *opt, const char *value, struct err *e)
{
    static const struct {
        const char *name;
        enum drive_interface interface;
    } words[] = {{"none", DRIVE_NONE}, {"virtio", DRIVE_VIRTIO}, {"pflash", DRIVE_PFLASH}, {"xdisk", DRIVE_XDISK}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (!strcmp(value, words[i].name))
            return d->interface = words[i].interface, 0;
    return err_set(e, -EINVAL, "%s: if=%s: give none, virtio, pflash or xdisk", opt, value);
}

int option_drive(struct options *o, const char *opt, char *arg, struct err *e)
{
    struct drive_options *d = new_drive(o, opt, e);
    if (!d)
        return -EINVAL;
    bool *claimable = &o->drive_claimable[d - o->machine.drives];
    *claimable = true;
    char *k, *v;
    while (options_next(&arg, &k, &v)) {
        const char *value = v ? v : "";
        uint64_t unit;
        int rc = 0;
        if (option_is(k, "file|file.filename")) {
            d->file = value;
        } else if (option_is(k, "id|node-name")) {
            d->id = d->id && !strcmp(k, "node-name") ? d->id : value;
        } else if (!strcmp(k, "if")) {
            rc = drive_interface(d, opt, value, e);
            *claimable = false;
        } else if (option_is(k, "format|driver")) {
            rc = drive_format(opt, k, value, e);
        } else if (option_is(k, "unit|index")) {
            if (!text_parse_u64(value, &unit) || unit > 15)
                return err_set(e, -EINVAL, "%s: %s=%s: give a number from 0", opt, k, value);
            d->unit = (int)unit;
        } else if (option_is(k, "readonly|read-only")) {
            rc = option_onoff(opt, k, v, &d->readonly, e);
        } else if (!strcmp(k, "snapshot")) {
            rc = option_onoff(opt, k, v, &d->snapshot, e);
        } else if (!strcmp(k, "media") && !option_is(value, "disk|cdrom")) {
            return err_set(e, -EINVAL, "%s: media=%s: give disk or cdrom", opt, value);
        } else if (!strcmp(k, "media")) {
            d->readonly |= !strcmp(value, "cdrom");
        } else if (!option_is(k, drive_words)) {
            return err_set(e, -EINVAL,
                           "%s: no property '%s': there are file, if, format, id, unit, readonly and snapshot", opt, k);
        }
        if (rc)
            return rc;
    }
    return d->file && *d->file ? 0 : err_set(e, -EINVAL, "%s: no file: give file=PATH", opt);
}

/* The newer spelling: driver=file,filename=F,node-name=N, and perhaps driver=raw,file=N,node-name=M upon it. */
int option_blockdev(struct options *o, const char *opt, char *arg, struct err *e)
{
    struct drive_options *d = new_drive(o, opt, e);
    if (!d)
        return -EINVAL;
    d->interface = DRIVE_NONE;
    if (*arg == '{')
        return err_set(e, -EINVAL, "%s: not as JSON: give driver=file,filename=FILE,node-name=ID", opt);
    char *k, *v;
    while (options_next(&arg, &k, &v)) {
        const char *value = v ? v : "";
        int rc = 0;
        if (option_is(k, "filename|file.filename")) {
            d->file = value;
        } else if (!strcmp(k, "file")) {
            for (unsigned i = 0; i + 1 < o->machine.ndrives; i++)
                if (o->machine.drives[i].id && !strcmp(o->machine.drives[i].id, value))
                    d->file = o->machine.drives[i].file;
            if (!d->file)
                return err_set(e, -EINVAL, "%s: file=%s: no -blockdev before it has that node-name", opt, value);
        } else if (!strcmp(k, "node-name")) {
            d->id = value;
        } else if (!strcmp(k, "driver")) {
            rc = drive_format(opt, k, value, e);
        } else if (!strcmp(k, "read-only")) {
            rc = option_onoff(opt, k, v, &d->readonly, e);
        } else if (!option_is(k, drive_words)) {
            return err_set(e, -EINVAL, "%s: no property '%s': there are driver, filename, node-name and read-only", opt,
                           k);
        }
        if (rc)
            return rc;
    }
    return d->file && *d->file && d->id
               ? 0
               : err_set(e, -EINVAL, "%s: no %s", opt, d->id ? "file: give filename=PATH" : "node-name: give one");
}

/* -pflash FILE, -hda FILE, ...: a drive in short. */
static int short_drive(struct options *o, const char *opt, const char *file, enum drive_interface interface,
                       struct err *e)
{
    struct drive_options *d = new_drive(o, opt, e);
    if (!d)
        return -EINVAL;
    d->file = file;
    d->interface = interface;
    d->readonly = strstr(opt, "cdrom") != NULL;
    return 0;
}

int option_pflash(struct options *o, const char *opt, char *arg, struct err *e)
{
    return short_drive(o, opt, arg, DRIVE_PFLASH, e);
}

int option_hd(struct options *o, const char *opt, char *arg, struct err *e)
{
    return short_drive(o, opt, arg, DRIVE_VIRTIO, e);
}

/* ---- Devices ---- */

/* -device loader: bytes or a file in memory before the machine starts. */
static int loader_property(struct loader_options *l, const char *opt, const char *k, const char *v, struct err *e)
{
    uint64_t n = 0;
    if (!strcmp(k, "file"))
        return l->file = v, 0;
    if (!strcmp(k, "force-raw"))
        return option_onoff(opt, k, v, &l->raw, e);
    if (!strcmp(k, "data-be"))
        return option_onoff(opt, k, v, &l->big_endian, e);
    if (!option_is(k, "addr|data|data-len|cpu-num"))
        return err_set(e, -EINVAL, "%s loader: no property '%s': there are file, addr, data, data-len, cpu-num", opt,
                       k);
    if (!text_parse_u64(v, &n) || (!strcmp(k, "data-len") && (n < 1 || n > 8)) ||
        (!strcmp(k, "cpu-num") && n >= MACHINE_MAX_HARTS))
        return err_set(e, -EINVAL, "%s loader: %s=%s: give a number%s", opt, k, v,
                       !strcmp(k, "data-len")  ? " of bytes, 1 to 8"
                       : !strcmp(k, "cpu-num") ? " of a hart"
                                               : "");
    if (!strcmp(k, "addr"))
        l->addr = n, l->has_addr = true;
    else if (!strcmp(k, "data"))
        l->data = n;
    else if (!strcmp(k, "data-len"))
        l->data_len = (unsigned)n;
    else
        l->hart = (int)n;
    return 0;
}

static int add_loader(struct options *o, const char *opt, char *arg, struct err *e)
{
    if (o->machine.nloaders == MACHINE_MAX_LOADERS)
        return err_set(e, -EINVAL, "%s loader: more than %d", opt, MACHINE_MAX_LOADERS);
    struct loader_options *l = &o->machine.loaders[o->machine.nloaders++];
    *l = (struct loader_options){.hart = -1};
    char *k, *v;
    while (options_next(&arg, &k, &v)) {
        int rc = loader_property(l, opt, k, v ? v : "on", e);
        if (rc)
            return rc;
    }
    if (l->file && l->data_len)
        return err_set(e, -EINVAL, "%s loader: file and data: give one of them", opt);
    if (!l->file && !l->has_addr)
        return err_set(e, -EINVAL, "%s loader: no addr: give file=FILE, or addr=ADDRESS,data=VALUE,data-len=BYTES",
                       opt);
    if (!l->file && !l->data_len && l->hart < 0)
        return err_set(e, -EINVAL, "%s loader: no data-len: give the number of bytes of data, 1 to 8", opt);
    return 0;
}

/* Properties that ask for nothing that a guest sees, or for what there is in any case. */
static const char device_words[] =
    "rng|max-bytes|period|bootindex|name|romfile|queue-size|rx_queue_size|tx_queue_size|write-cache|config-wce|share-"
    "rw|"
    "physical_block_size|nr|iothread|request-merging|seg-max-adjust|use-started|any_layout|notify_on_empty|"
    "werror|rerror|cyls|heads|secs|use-disabled-flag|x-disable-legacy-check";
/* What no device of the board can do. Off: there it is; on: it is not. */
static const char device_absent[] =
    "packed|iommu_platform|queue_reset|mq|gso|csum|guest_csum|guest_tso4|guest_tso6|guest_ecn|guest_ufo|"
    "host_tso4|host_tso6|host_ecn|host_ufo|guest_announce|scsi|ctrl_rx_extra|rss|hash";

/* The slot that bus= names; -1: virtio-serial's own bus, which -device virtconsole names. */
static int device_slot(const char *opt, const char *bus, int *slot, struct err *e)
{
    static const char prefix[] = "virtio-mmio-bus.";
    uint64_t n;
    bool named = !strncmp(bus, prefix, sizeof prefix - 1);
    if (!named && strstr(bus, ".0") && strncmp(bus, "pci", 3))
        return 0;
    if (!named || !text_parse_u64(bus + sizeof prefix - 1, &n) || n >= MACHINE_VIRTIO_SLOTS)
        return err_set(e, -EINVAL, "%s: bus=%s: give virtio-mmio-bus.0 to virtio-mmio-bus.%d", opt, bus,
                       MACHINE_VIRTIO_SLOTS - 1);
    *slot = (int)n;
    return 0;
}

static int device_property(struct device_options *d, const char *opt, const char *k, const char *v, struct err *e)
{
    const struct {
        const char *key, **to;
    } texts[] = {{"driver", &d->driver},   {"id", &d->id},   {"drive", &d->drive},  {"netdev", &d->netdev},
                 {"chardev", &d->chardev}, {"mac", &d->mac}, {"serial", &d->serial}};
    const char *value = v ? v : "on";
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (v && !strcmp(k, texts[i].key))
            return *texts[i].to = v, 0;
    if (v && !strcmp(k, "bus"))
        return device_slot(opt, v, &d->slot, e);
    if (option_is(k, "event_idx|indirect_desc")) {
        bool on = true;
        int rc = option_onoff(opt, k, v, &on, e);
        *(!strcmp(k, "event_idx") ? &d->no_event_idx : &d->no_indirect) = !on;
        return rc;
    }
    if (option_is(k, device_words))
        return 0;
    bool fine = option_is(k, device_absent)                 ? option_is(value, "off|false|no")
                : !strcmp(k, "logical_block_size")          ? !strcmp(value, "512")
                : option_is(k, "num-queues|queues|vectors") ? option_is(value, "0|1|auto")
                                                            : false;
    if (fine)
        return 0;
    if (option_is(k, device_absent) || option_is(k, "logical_block_size|num-queues|queues|vectors"))
        return err_set(e, -EINVAL, "%s: %s=%s is not supported: leave it out", opt, k, value);
    return err_set(e, -EINVAL, "%s: no property '%s': see -device help", opt, k);
}

int option_device(struct options *o, const char *opt, char *arg, struct err *e)
{
    if (option_is(arg, "help|?"))
        return option_ask_help(o, "device");
    if (*arg == '{')
        return err_set(e, -EINVAL, "%s: not as JSON: give DRIVER,PROP=VALUE", opt);
    if (!strncmp(arg, "loader", 6) && (!arg[6] || arg[6] == ','))
        return add_loader(o, opt, arg + 6 + (arg[6] == ','), e);
    if (o->machine.ndevices == MACHINE_MAX_DEVICES)
        return err_set(e, -EINVAL, "%s: more than %d devices", opt, MACHINE_MAX_DEVICES);
    struct device_options d = {.slot = -1};
    char *k, *v;
    for (bool first = true; options_next(&arg, &k, &v); first = false) {
        if (first && !v) {
            d.driver = k;
            continue;
        }
        if (option_is(k, "help|?"))
            return option_ask_help(o, "device");
        int rc = device_property(&d, opt, k, v, e);
        if (rc)
            return rc;
    }
    if (!d.driver)
        return err_set(e, -EINVAL, "%s: no driver: see -device help", opt);
    o->machine.devices[o->machine.ndevices++] = d;
    return 0;
}

/* ---- Networks ---- */

/* "kind,id=X,rest" -> id and "kind,rest"; the rest keeps its ,, as whoever reads it wants them. */
static int backend(struct options *o, const char *opt, const char *arg, struct backend_options *list, unsigned *n,
                   struct err *e)
{
    if (*n == MACHINE_MAX_DEVICES)
        return err_set(e, -EINVAL, "%s: more than %d", opt, MACHINE_MAX_DEVICES);
    char *spec = option_keep(o, arg), *id = option_keep(o, arg);
    if (!spec || !id)
        return err_set(e, -ENOMEM, "%s: out of memory", opt);
    char *at = strstr(spec, ",id=");
    const char *found = strstr(id, ",id=");
    if (!at || !found)
        return err_set(e, -EINVAL, "%s %s: no id: give %s,id=NAME", opt, arg, arg);
    size_t name = strcspn(at + 4, ",");
    memmove(at, at + 4 + name, strlen(at + 4 + name) + 1);
    id[(size_t)(found - id) + 4 + name] = 0;
    for (unsigned i = 0; i < *n; i++)
        if (!strcmp(list[i].id, found + 4))
            return err_set(e, -EINVAL, "%s %s: id=%s is taken: give each its own", opt, arg, found + 4);
    list[(*n)++] = (struct backend_options){found + 4, spec};
    return 0;
}

static bool is_user_network(const char *arg)
{
    return !strncmp(arg, "user", 4) && (!arg[4] || arg[4] == ',');
}

int option_netdev(struct options *o, const char *opt, char *arg, struct err *e)
{
    if (!is_user_network(arg))
        return err_set(e, -EINVAL, "%s %s: only user networking is supported: give user,id=NAME[,hostfwd=...]", opt,
                       arg);
    return backend(o, opt, arg, o->machine.netdevs, &o->machine.nnetdevs, e);
}

/* Takes ",key=VALUE" out of a list; NULL: it has no such key. The value is a copy. */
static const char *take_word(struct options *o, char *list, const char *key)
{
    char *at = strstr(list, key);
    if (!at)
        return NULL;
    size_t head = strlen(key), len = strcspn(at + head, ",");
    char *value = option_keep(o, at + head);
    if (value)
        value[len] = 0;
    memmove(at, at + head + len, strlen(at + head + len) + 1);
    return value;
}

/* -nic user,...: a netdev and its virtio-net device in one. */
int option_nic(struct options *o, const char *opt, char *arg, struct err *e)
{
    if (!strcmp(arg, "none"))
        return 0;
    if (!is_user_network(arg))
        return err_set(e, -EINVAL, "%s %s: only user networking is supported: give user[,hostfwd=...]", opt, arg);
    if (o->machine.ndevices == MACHINE_MAX_DEVICES || o->machine.nnetdevs == MACHINE_MAX_DEVICES)
        return err_set(e, -EINVAL, "%s: more than %d devices", opt, MACHINE_MAX_DEVICES);
    char id[32];
    snprintf(id, sizeof id, "nic%u", o->machine.nnetdevs);
    const char *model = take_word(o, arg, ",model="), *mac = take_word(o, arg, ",mac="), *name = option_keep(o, id);
    if (model && (strncmp(model, "virtio", 6) || strstr(model, "-pci")))
        return err_set(e, -EINVAL, "%s: model=%s: give virtio-net-device or leave it out", opt, model);
    if (!name)
        return err_set(e, -ENOMEM, "%s: out of memory", opt);
    o->machine.netdevs[o->machine.nnetdevs++] = (struct backend_options){name, arg};
    o->machine.devices[o->machine.ndevices++] =
        (struct device_options){.driver = "virtio-net-device", .netdev = name, .mac = mac, .slot = -1};
    return 0;
}

int option_net(struct options *o, const char *opt, char *arg, struct err *e)
{
    (void)o;
    return strcmp(arg, "none")
               ? err_set(e, -EINVAL, "%s %s: give -netdev user,id=NAME and -device virtio-net-device,netdev=NAME", opt,
                         arg)
               : 0;
}

/* ---- Consoles ---- */

/* A -chardev says with properties what -serial says in one word: "file,path=x" is "file:x", "socket,path=x,server=on" is "unix:x,server=on". */
int option_chardev(struct options *o, const char *opt, char *arg, struct err *e)
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
        else if (option_is(k, "server|wait|append|signal|noserver|nowait"))
            snprintf(tail + n, sizeof tail - n, ",%s%s%s", k, v ? "=" : "", v ? v : "");
        else if (!option_is(k, "mux|nodelay|delay|ipv4|ipv6|reconnect|cols|rows|width|height|size"))
            return err_set(e, -EINVAL, "%s: no property '%s': give a backend, id, and path, host, port, server or wait",
                           opt, k);
    }
    if (!kind || !id)
        return err_set(e, -EINVAL, "%s: no %s: give e.g. stdio,id=NAME", opt, kind ? "id" : "backend");
    for (unsigned i = 0; i < o->machine.nchardevs; i++)
        if (!strcmp(o->machine.chardevs[i].id, id))
            return err_set(e, -EINVAL, "%s: id=%s is taken: give each its own", opt, id);
    if (!strcmp(kind, "socket") && port)
        snprintf(text, sizeof text, "tcp:%s:%s%s", host, port, tail);
    else if (!strcmp(kind, "socket") && path)
        snprintf(text, sizeof text, "unix:%s%s", path, tail);
    else
        snprintf(text, sizeof text, "%s%s%s%s", kind, path ? ":" : "", path ? path : "", tail);
    const char *spec = option_keep(o, text);
    if (!spec)
        return err_set(e, -ENOMEM, "%s: out of memory", opt);
    o->machine.chardevs[o->machine.nchardevs++] = (struct backend_options){id, spec};
    return 0;
}

int option_serial(struct options *o, const char *opt, char *arg, struct err *e)
{
    if (!o->machine.serial) {
        o->machine.serial = arg;
        return 0;
    }
    return option_is(arg, "none|null")
               ? 0
               : err_set(e, -EINVAL,
                         "%s %s: the board has one serial port and it is taken: give a virtio-serial-device with a "
                         "virtconsole",
                         opt, arg);
}

int option_monitor(struct options *o, const char *opt, char *arg, struct err *e)
{
    if (option_is(arg, "none|null|/dev/null"))
        return 0;
    if (!option_is(arg, "stdio|vc"))
        return err_set(e, -EINVAL, "%s %s: give none or stdio", opt, arg);
    option_note(o, "-monitor: there is no monitor of QEMU's kind: Ctrl-A c leads to the debugger");
    return 0;
}

/* -mon chardev=ID,mode=readline: Ctrl-A c on that console in any case. */
int option_mon(struct options *o, const char *opt, char *arg, struct err *e)
{
    (void)o;
    char *k, *v;
    while (options_next(&arg, &k, &v))
        if (v && !strcmp(k, "mode") && strcmp(v, "readline"))
            return err_set(e, -EINVAL, "%s: mode=%s: there is no QMP: give mode=readline or leave it out", opt, v);
    return 0;
}

/* ---- When all is known ---- */

static bool on_stdio(const char *spec)
{
    return spec && (!strncmp(spec, "stdio", 5) || !strncmp(spec, "mon:stdio", 9));
}

/* A console that nobody gave a place is on standard input and output, unless something else is there. */
static int settle_serial(struct options *o, struct err *e)
{
    bool taken = on_stdio(o->gdb);
    if (taken && on_stdio(o->machine.serial))
        return err_set(e, -EINVAL, "-gdb stdio: the serial port is there too: give it another place, as -serial null");
    for (unsigned i = 0; i < o->machine.nchardevs; i++)
        taken |= on_stdio(o->machine.chardevs[i].spec);
    if (!o->machine.serial)
        o->machine.serial = taken ? "null" : "mon:stdio";
    return 0;
}

/* The flash chips of -machine pflash0=ID are drives that were given before or after. */
static int settle_flash(struct options *o, struct err *e)
{
    for (unsigned chip = 0; chip < ARRAY_LEN(o->machine_flash); chip++) {
        const char *id = o->machine_flash[chip];
        struct drive_options *d = NULL;
        for (unsigned i = 0; id && i < o->machine.ndrives; i++)
            if (o->machine.drives[i].id && !strcmp(o->machine.drives[i].id, id))
                d = &o->machine.drives[i];
        if (id && !d)
            return err_set(e, -EINVAL, "-machine pflash%u=%s: no -blockdev or -drive has that name", chip, id);
        if (!id)
            continue;
        d->interface = DRIVE_PFLASH;
        d->unit = (int)chip;
    }
    return 0;
}

int option_settle_devices(struct options *o, struct err *e)
{
    /* A drive without if= is a virtio disk of its own, unless a device names it: both are common on QEMU's command lines. */
    for (unsigned i = 0; i < o->machine.ndrives; i++) {
        struct drive_options *d = &o->machine.drives[i];
        for (unsigned j = 0; j < i && d->id; j++)
            if (o->machine.drives[j].id && !strcmp(o->machine.drives[j].id, d->id))
                return err_set(e, -EINVAL, "-drive file=%s: id=%s is taken: give each its own", d->file, d->id);
        for (unsigned j = 0; j < o->machine.ndevices && d->id && o->drive_claimable[i]; j++)
            if (o->machine.devices[j].drive && !strcmp(o->machine.devices[j].drive, d->id))
                d->interface = DRIVE_NONE;
    }
    return settle_flash(o, e) ? -EINVAL : settle_serial(o, e);
}
