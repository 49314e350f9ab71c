/* SPDX-License-Identifier: MIT */
/* The board's virtio slots: one row per driver, and which device goes where. */
#include "machine_int.h"

#include "dev/blockfile.h"
#include "dev/plic.h"
#include "dev/virtio.h"
#include "dev/virtio_blk.h"
#include "dev/virtio_console.h"
#include "dev/virtio_net.h"
#include "dev/virtio_rng.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct drive_options *find_drive(struct machine *m, const char *id)
{
    for (unsigned i = 0; i < m->opt.ndrives; i++)
        if (m->opt.drives[i].id && !strcmp(m->opt.drives[i].id, id))
            return &m->opt.drives[i];
    return NULL;
}

static struct virtio *make_disk(struct machine *m, const struct drive_options *d, const char *serial, struct err *e)
{
    struct blockfile_config file = {
        .path = d->file, .format = "raw", .readonly = d->readonly, .snapshot = d->snapshot || m->opt.snapshot};
    struct virtio_blk_config cfg = {blockfile_open(&file, e), serial};
    if (cfg.disk)
        return virtio_blk_create(&m->env, &cfg, e);
    err_about(e, -EINVAL, "-drive file=");
    return NULL;
}

static struct virtio *make_blk(struct machine *m, const struct device_options *o, unsigned at, struct err *e)
{
    (void)at;
    if (!o->drive) {
        err_set(e, -EINVAL, "-device %s: no drive: give drive=ID of a -drive file=FILE,if=none,id=ID", o->driver);
        return NULL;
    }
    const struct drive_options *d = find_drive(m, o->drive);
    if (!d) {
        err_set(e, -EINVAL, "-device %s: drive=%s: no -drive has that id: give -drive file=FILE,if=none,id=%s",
                o->driver, o->drive, o->drive);
        return NULL;
    }
    if (d->interface != DRIVE_NONE) {
        err_set(e, -EINVAL, "-device %s: drive=%s has a device already: give that -drive if=none", o->driver, o->drive);
        return NULL;
    }
    return make_disk(m, d, o->serial, e);
}

/* A console port, named by the -device virtconsole that follows its virtio-serial-device. */
static struct virtio *make_console(struct machine *m, const struct device_options *o, unsigned at, struct err *e)
{
    struct virtio_console_config cfg = {0};
    const char *id = o->chardev, *spec = NULL;
    for (unsigned i = at + 1; !id && i < m->opt.ndevices && strncmp(m->opt.devices[i].driver, "virtio-serial", 13); i++)
        if (!strcmp(m->opt.devices[i].driver, "virtconsole"))
            id = m->opt.devices[i].chardev;
    if (id)
        spec = machine_find_chardev(m, id);
    if (id && !spec) {
        err_set(e, -EINVAL, "-device %s: chardev=%s: no -chardev has that id: give e.g. -chardev stdio,id=%s",
                o->driver, id, id);
        return NULL;
    }
    if (spec && machine_open_chardev(m, spec, &m->chardev[m->nchardevs], e))
        return NULL;
    if (spec)
        cfg.chr = m->chardev[m->nchardevs++];
    return virtio_console_create(&m->env, &cfg, e);
}

static struct virtio *make_rng(struct machine *m, const struct device_options *o, unsigned at, struct err *e)
{
    (void)o;
    struct virtio_rng_config cfg = {.seed = m->opt.seed + at};
    return virtio_rng_create(&m->env, &cfg, e);
}

static struct virtio *make_net(struct machine *m, const struct device_options *o, unsigned at, struct err *e)
{
    struct virtio_net_config cfg = {.mac = {0x52, 0x54, 0x00, 0x12, 0x34, (uint8_t)(0x56 + at)}};
    unsigned char mac[6];
    char end;
    if (o->mac) {
        if (sscanf(o->mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%c", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5],
                   &end) != 6 ||
            mac[0] & 1) {
            err_set(e, -EINVAL, "-device %s: mac=%s: give a station's address as 52:54:00:12:34:56", o->driver, o->mac);
            return NULL;
        }
        memcpy(cfg.mac, mac, sizeof mac);
    }
    for (unsigned i = 0; o->netdev && i < m->opt.nnetdevs && !cfg.net; i++) {
        if (strcmp(m->opt.netdevs[i].id, o->netdev))
            continue;
        if (m->netdev[i]) {
            err_set(e, -EINVAL, "-device %s: netdev=%s has a device already: give each its own -netdev", o->driver,
                    o->netdev);
            return NULL;
        }
        cfg.net = m->netdev[i] = netdev_open(m->opt.netdevs[i].spec, &m->env, e);
        if (!cfg.net)
            return NULL;
    }
    if (o->netdev && !cfg.net) {
        err_set(e, -EINVAL, "-device %s: netdev=%s: no -netdev has that id: give -netdev user,id=%s", o->driver,
                o->netdev, o->netdev);
        return NULL;
    }
    return virtio_net_create(&m->env, &cfg, e);
}

static const struct driver {
    const char *name, *help;
    struct virtio *(*make)(struct machine *m, const struct device_options *o, unsigned at,
                           struct err *e); /* NULL: part of another */
} drivers[] = {
    {"virtio-blk-device", "virtio-blk-device,drive=ID[,serial=TEXT]     a disk", make_blk},
    {"virtio-net-device", "virtio-net-device[,netdev=ID][,mac=ADDRESS]  a network card", make_net},
    {"virtio-rng-device", "virtio-rng-device                            random numbers (from --seed)", make_rng},
    {"virtio-serial-device", "virtio-serial-device                         a console, with the next row's chardev",
     make_console},
    {"virtconsole", "virtconsole,chardev=ID                       the port of the virtio-serial-device before it",
     NULL},
};

const char *machine_device_help(unsigned n)
{
    return n < ARRAY_LEN(drivers) ? drivers[n].help : NULL;
}

static const struct driver *find_driver(const char *name, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
        if (!strcmp(drivers[i].name, name))
            return &drivers[i];
    size_t n = strlen(name);
    if (n > 4 && !strcmp(name + n - 4, "-pci"))
        err_set(e, -EINVAL, "-device %s: the board has no PCI: give %.*s-device", name, (int)(n - 4), name);
    else
        err_set(e, -EINVAL, "-device %s: no such device: see -device help", name);
    return NULL;
}

int machine_make_virtio(struct machine *m, struct err *e)
{
    struct virtio *slot[MACHINE_VIRTIO_SLOTS] = {NULL};
    bool taken[MACHINE_VIRTIO_SLOTS] = {false};
    int rc = 0;
    for (unsigned i = 0; i < m->opt.ndevices; i++)
        if (m->opt.devices[i].slot >= 0)
            taken[m->opt.devices[i].slot] = true;
    /* Devices first, in their order, then the disks of -drive if=virtio, all from the highest free slot down, as on QEMU. */
    for (unsigned i = 0; !rc && i < m->opt.ndevices + m->opt.ndrives; i++) {
        const struct device_options *o = i < m->opt.ndevices ? &m->opt.devices[i] : NULL;
        const struct drive_options *d = o ? NULL : &m->opt.drives[i - m->opt.ndevices];
        const struct driver *drv = o ? find_driver(o->driver, e) : NULL;
        if (o && !drv)
            rc = -EINVAL;
        if (rc || (o && !drv->make) || (d && d->interface != DRIVE_VIRTIO))
            continue;
        int s = o && o->slot >= 0 ? o->slot : MACHINE_VIRTIO_SLOTS - 1;
        while (s >= 0 && (o && o->slot >= 0 ? slot[s] != NULL : taken[s]))
            s = o && o->slot >= 0 ? -1 : s - 1;
        if (s < 0) {
            rc = err_set(e, -EINVAL, "%s %s: %s: the board has %d virtio-mmio slots", o ? "-device" : "-drive",
                         o ? o->driver : d->file, o && o->slot >= 0 ? "its slot is taken" : "no slot is free",
                         MACHINE_VIRTIO_SLOTS);
            continue;
        }
        taken[s] = true;
        slot[s] = o ? drv->make(m, o, i, e) : make_disk(m, d, NULL, e);
        if (!slot[s])
            rc = -EINVAL;
        else if (o)
            slot[s]->withheld =
                (o->no_event_idx ? VIRTIO_F_EVENT_IDX : 0) | (o->no_indirect ? VIRTIO_F_INDIRECT_DESC : 0);
    }
    for (unsigned s = 0; s < MACHINE_VIRTIO_SLOTS; s++) {
        if (rc) { /* the slots that were not made own nothing yet */
            virtio_free(slot[s]);
            continue;
        }
        struct virtio_mmio_config cfg = {slot[s], plic_source(m->plic, BOARD_IRQ_VIRTIO + s)};
        rc = machine_attach(m, &virtio_mmio_class, virtio_mmio_create(&m->env, &cfg, e),
                            BOARD_VIRTIO + (uint64_t)s * BOARD_VIRTIO_STEP, BOARD_PAGE, BOARD_IRQ_VIRTIO + s, e);
    }
    return rc;
}
