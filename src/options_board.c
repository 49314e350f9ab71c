/* SPDX-License-Identifier: MIT */
/* Options for the board itself: the machine, its harts, its memory and its time. */
#include "options_int.h"

#include "base/text.h"
#include "cpu/isa.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Properties of QEMU's board that this one has in one way only: value is one that changes nothing here. */
static bool machine_word(const char *key, const char *value)
{
    if (option_is(key, "acpi|graphics|dump-guest-core|mem-merge|suppress-vmdesc|hmat|nvdimm|highmem"))
        return true;
    if (!strcmp(key, "usb"))
        return option_is(value, "off|false|no");
    if (!strcmp(key, "aia") || !strcmp(key, "iommu-sys"))
        return option_is(value, "none|off|auto");
    return !strcmp(key, "accel") && option_is(value, "tcg|tcg:kvm|kvm:tcg");
}

/* A property that is an option too: machine_text("kernel") is where -kernel goes. NULL: none of these. */
static const char **machine_text(struct options *o, const char *key)
{
    const struct {
        const char *key, **to;
    } texts[] = {{"kernel", &o->machine.kernel},    {"initrd", &o->machine.initrd},   {"append", &o->machine.append},
                 {"dtb", &o->machine.dtb},          {"firmware", &o->machine.bios},   {"dumpdtb", &o->dumpdtb},
                 {"pflash0", &o->machine_flash[0]}, {"pflash1", &o->machine_flash[1]}};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (!strcmp(texts[i].key, key))
            return texts[i].to;
    return NULL;
}

int option_machine(struct options *o, const char *opt, char *arg, struct err *e)
{
    char *k, *v;
    for (bool first = true; options_next(&arg, &k, &v); first = false) {
        const char **text = machine_text(o, k);
        if (option_is(k, "help|?"))
            return option_ask_help(o, "machine");
        if ((first && !v) || !strcmp(k, "type")) {
            const char *type = v ? v : k;
            if (strcmp(type, "virt"))
                return err_set(e, -EINVAL, "%s: no machine '%s': there is virt only", opt, type);
        } else if (text && v && *v) {
            *text = v;
            if (text == &o->dumpdtb)
                o->action = OPTIONS_DUMP_DTB;
        } else if (!strcmp(k, "aclint")) {
            if (option_onoff(opt, k, v, &o->machine.aclint, e))
                return -EINVAL;
        } else if (!machine_word(k, v ? v : "on")) {
            return err_set(e, -EINVAL, "%s: property '%s%s%s' is not supported: see -machine help", opt, k,
                           v ? "=" : "", v ? v : "");
        }
    }
    return 0;
}

int option_cpu(struct options *o, const char *opt, char *arg, struct err *e)
{
    (void)opt;
    if (option_is(arg, "help|?"))
        return option_ask_help(o, "cpu");
    o->cpu = arg;
    return isa_parse(&o->machine.isa, arg, e);
}

/* N, cpus=N and maxcpus=N; sockets, dies, clusters, cores and threads must multiply to a part of the most there can be. */
int option_smp(struct options *o, const char *opt, char *arg, struct err *e)
{
    uint64_t n = 0, max = 0, product = 1, one;
    char *k, *v;
    while (options_next(&arg, &k, &v)) {
        bool part = option_is(k, "sockets|cores|threads|dies|clusters|drawers|books|modules");
        const char *number = v ? v : k;
        if (v && !part && !option_is(k, "cpus|maxcpus"))
            return err_set(e, -EINVAL, "%s: no property '%s': give -smp N or -smp cpus=N", opt, k);
        if (!text_parse_u64(number, &one) || one < 1 || one > MACHINE_MAX_HARTS)
            return err_set(e, -EINVAL, "%s %s: give a number of harts from 1 to %d", opt, number, MACHINE_MAX_HARTS);
        if (part)
            product *= one;
        else if (v && !strcmp(k, "maxcpus"))
            max = one;
        else
            n = one;
    }
    if (!n)
        n = max ? max : product;
    if (!max)
        max = n;
    if (n > max || max % product)
        return err_set(e, -EINVAL, "%s: %llu harts of at most %llu in parts that multiply to %llu: give -smp %llu", opt,
                       (unsigned long long)n, (unsigned long long)max, (unsigned long long)product,
                       (unsigned long long)n);
    if (n > MACHINE_MAX_HARTS)
        return err_set(e, -EINVAL, "%s: %llu harts: give 1 to %d", opt, (unsigned long long)n, MACHINE_MAX_HARTS);
    o->machine.harts = (unsigned)n;
    return 0;
}

int option_memory(struct options *o, const char *opt, char *arg, struct err *e)
{
    char *k, *v;
    while (options_next(&arg, &k, &v)) {
        uint64_t size;
        if (v && option_is(k, "slots|maxmem"))
            return err_set(e, -EINVAL, "%s: %s=%s: the board has one piece of memory: give -m SIZE", opt, k, v);
        if (v && strcmp(k, "size"))
            return err_set(e, -EINVAL, "%s: no property '%s': give -m SIZE, e.g. -m 512M", opt, k);
        const char *text = v ? v : k;
        if (!text_parse_size(text, 1 << 20, &size))
            return err_set(e, -EINVAL, "%s %s: not a size: give e.g. -m 512M or -m 4G", opt, text);
        if (size < UINT64_C(1) << 20 || size > MACHINE_RAM_MAX)
            return err_set(e, -EINVAL, "%s %s: RAM of %s: give 1M to 64G", opt, text, text_size(size).s);
        o->machine.ram_size = (size + PAGE_SIZE - 1) & PAGE_MASK;
        o->ram_given = true;
    }
    return 0;
}

int option_global(struct options *o, const char *opt, char *arg, struct err *e)
{
    static const char legacy[] = "virtio-mmio.force-legacy=";
    if (!strncmp(arg, legacy, sizeof legacy - 1)) {
        bool on = false;
        int rc = option_onoff(opt, "virtio-mmio.force-legacy", arg + sizeof legacy - 1, &on, e);
        return rc    ? rc
               : !on ? 0
                     : err_set(e, -EINVAL, "%s %s: virtio-mmio is version 2 only: give virtio-mmio.force-legacy=false",
                               opt, arg);
    }
    option_note(o, "-global: only virtio-mmio.force-legacy is known; another one has no effect");
    return 0;
}

int option_icount(struct options *o, const char *opt, char *arg, struct err *e)
{
    char *k, *v;
    while (options_next(&arg, &k, &v)) {
        uint64_t shift;
        const char *value = v ? v : k;
        if (!v || !strcmp(k, "shift")) {
            if (!strcmp(value, "auto"))
                continue;
            if (!text_parse_u64(value, &shift) || shift > 10)
                return err_set(e, -EINVAL,
                               "%s: shift=%s: give 0 to 6 (2^N ns for each instruction), or --insns-per-tick", opt,
                               value);
            if (shift > 6)
                option_note(o, "-icount: time passes by at most 100 ns for each instruction: shift is taken as 6");
            o->machine.insns_per_tick = 100 >> min_u64(shift, 6);
        } else if (option_is(k, "sleep|align")) {
            bool on = false;
            if (option_onoff(opt, k, v, &on, e))
                return -EINVAL;
            if (on && !strcmp(k, "align"))
                o->machine.realtime = true;
        } else {
            return err_set(e, -EINVAL, "%s: %s is not supported: give shift=N", opt, k);
        }
    }
    return 0;
}

/* Where the real-time clock starts: what the user calls utc or localtime is the host's present time. */
static int rtc_base(struct options *o, const char *opt, const char *base, struct err *e)
{
    struct tm tm = {0};
    if (!strcmp(base, "utc") || !strcmp(base, "localtime")) {
        time_t now = time(NULL);
        if (!strcmp(base, "localtime") && localtime_r(&now, &tm))
            now = timegm(&tm);
        o->machine.epoch_ns = (uint64_t)now * 1000000000;
        return 0;
    }
    const char *end = strptime(base, "%Y-%m-%d", &tm);
    if (end && *end == 'T')
        end = strptime(end, "T%H:%M:%S", &tm);
    time_t t = end && !*end ? timegm(&tm) : -1;
    if (t < 0 || (uint64_t)t > UINT64_MAX / 1000000000)
        return err_set(e, -EINVAL, "%s: base=%s: give utc or a date as 2026-01-31T12:00:00", opt, base);
    o->machine.epoch_ns = (uint64_t)t * 1000000000;
    return 0;
}

int option_rtc(struct options *o, const char *opt, char *arg, struct err *e)
{
    char *k, *v;
    while (options_next(&arg, &k, &v)) {
        if (!strcmp(k, "base") && v) {
            if (rtc_base(o, opt, v, e))
                return -EINVAL;
        } else if (!strcmp(k, "clock") && v && option_is(v, "vm|host|rt")) {
            continue; /* the clock is always the machine's: --realtime ties that to the host's */
        } else if (strcmp(k, "driftfix") || !v) {
            return err_set(e, -EINVAL, "%s: no property '%s': give base=DATE", opt, k);
        }
    }
    return 0;
}

int option_seed(struct options *o, const char *opt, char *arg, struct err *e)
{
    return option_number(opt, arg, 0, &o->machine.seed, e);
}

int option_quantum(struct options *o, const char *opt, char *arg, struct err *e)
{
    return option_number(opt, arg, 1, &o->machine.quantum, e);
}

int option_insns_per_tick(struct options *o, const char *opt, char *arg, struct err *e)
{
    int rc = option_number(opt, arg, 1, &o->machine.insns_per_tick, e);
    return !rc && o->machine.insns_per_tick > 1000000 ? err_set(e, -EINVAL, "%s %s: give 1 to 1000000", opt, arg) : rc;
}

int option_object(struct options *o, const char *opt, char *arg, struct err *e)
{
    (void)o;
    /* Where virtio-rng's bytes come from: always the machine's own seeded generator. */
    return strncmp(arg, "rng-", 4) ? err_set(e, -EINVAL, "%s %s: only rng-random and rng-builtin are known", opt, arg)
                                   : 0;
}

int option_accel(struct options *o, const char *opt, char *arg, struct err *e)
{
    (void)o;
    bool tcg = !strncmp(arg, "tcg", 3) && (!arg[3] || arg[3] == ',');
    return tcg ? 0 : err_set(e, -EINVAL, "%s %s: this is an interpreter: leave it out", opt, arg);
}

int option_display(struct options *o, const char *opt, char *arg, struct err *e)
{
    (void)o;
    return option_is(arg, "none|default")
               ? 0
               : err_set(e, -EINVAL, "%s %s: there is no display: give -display none or -nographic", opt, arg);
}

/* What follows an event: -no-reboot in another spelling. A guest that powers off always ends the run, and none has a watchdog. */
int option_action(struct options *o, const char *opt, char *arg, struct err *e)
{
    char *k, *v;
    while (options_next(&arg, &k, &v)) {
        if (v && !strcmp(k, "reboot") && option_is(v, "reset|shutdown"))
            o->machine.no_reboot = !strcmp(v, "shutdown");
        else if (!v ||
                 (strcmp(k, "panic") && strcmp(k, "watchdog") && (strcmp(k, "shutdown") || strcmp(v, "poweroff"))))
            return err_set(e, -EINVAL, "%s: %s%s%s is not supported: give reboot=reset or reboot=shutdown", opt, k,
                           v ? "=" : "", v ? v : "");
    }
    return 0;
}

/* Systems that can be built to use it are started with it throughout, and most never call. */
int option_semihosting(struct options *o, const char *opt, char *arg, struct err *e)
{
    bool on = true;
    char *k, *v;
    while (arg && options_next(&arg, &k, &v))
        if (!strcmp(k, "enable") && option_onoff(opt, k, v, &on, e))
            return -EINVAL;
    if (on)
        option_note(o, "-semihosting: its calls are not emulated: the ebreak in them traps as any other");
    return 0;
}
