/* SPDX-License-Identifier: MIT */
/* The table of options, how it is read, and its help. */
#include "options_int.h"

#include "base/text.h"
#include "cpu/isa.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Strings ---- */

struct options_text {
    struct options_text *next;
    char s[];
};

char *option_keep(struct options *o, const char *s)
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

void option_note(struct options *o, const char *text)
{
    for (size_t i = 0; i + 1 < ARRAY_LEN(o->notes); i++) {
        if (o->notes[i])
            continue;
        o->notes[i] = text;
        return;
    }
}

bool option_is(const char *word, const char *names)
{
    size_t n = strlen(word);
    for (const char *at = names; at; at = strchr(at, '|')) {
        at += *at == '|';
        if (!strncmp(at, word, n) && (!at[n] || at[n] == '|'))
            return true;
    }
    return false;
}

int option_onoff(const char *opt, const char *key, const char *value, bool *out, struct err *e)
{
    if (!value || option_is(value, "on|true|yes|y"))
        return *out = true, 0;
    if (option_is(value, "off|false|no|n"))
        return *out = false, 0;
    return err_set(e, -EINVAL, "%s: %s=%s: give on or off", opt, key, value);
}

int option_number(const char *opt, const char *arg, uint64_t min, uint64_t *to, struct err *e)
{
    if (!text_parse_u64(arg, to) || *to < min)
        return err_set(e, -EINVAL, "%s %s: give a number from %llu", opt, arg, (unsigned long long)min);
    return 0;
}

int option_ask_help(struct options *o, const char *what)
{
    o->action = OPTIONS_HELP;
    o->help = what;
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
    option_handler *call;
    size_t at; /* in struct options */
} table[] = {
#define AT(field) NULL, offsetof(struct options, field)
    {"machine", CALL, "virt[,dumpdtb=FILE]", "the board; dumpdtb writes its device tree and ends", option_machine, 0},
    {"M", CALL, NULL, NULL, option_machine, 0},
    {"cpu", CALL, "MODEL[,EXT=BOOL...]", "rv64 and its extensions, e.g. rv64,zba=false; `help` lists them", option_cpu,
     0},
    {"smp", CALL, "N", "harts, 1 to 16", option_smp, 0},
    {"m", CALL, "SIZE", "RAM, e.g. 512M or 4G (default 128M, at most 64G)", option_memory, 0},
    {"bios", TEXT, "default|none|FILE", "firmware: built-in SBI, none (M mode), or a file such as OpenSBI's fw_dynamic",
     AT(machine.bios)},
    {"kernel", TEXT, "FILE", "ELF, Linux Image (gzip'd too) or flat binary", AT(machine.kernel)},
    {"initrd", TEXT, "FILE", "initial RAM disk", AT(machine.initrd)},
    {"append", TEXT, "TEXT", "the kernel's command line", AT(machine.append)},
    {"dtb", TEXT, "FILE", "device tree to use instead of the machine's own", AT(machine.dtb)},
    {"drive", CALL, "file=FILE,if=none|virtio|pflash|xdisk,id=ID...",
     "a raw disk image or flash chip; also format=raw, unit=, readonly=, snapshot=", option_drive, 0},
    {"pflash", CALL, "FILE", "the next flash chip's image", option_pflash, 0},
    {"hda", CALL, "FILE", "a virtio disk (also -hdb, -hdc, -hdd)", option_hd, 0},
    {"hdb", CALL, NULL, NULL, option_hd, 0},
    {"hdc", CALL, NULL, NULL, option_hd, 0},
    {"hdd", CALL, NULL, NULL, option_hd, 0},
    {"cdrom", CALL, "FILE", NULL, option_hd, 0},
    {"blockdev", CALL, "driver=file,filename=FILE,node-name=ID",
     "a raw image for a -device, or for -machine pflash0=ID", option_blockdev, 0},
    {"device", CALL, "DRIVER[,PROP=VALUE...]", "a device on a virtio-mmio slot; `help` lists them", option_device, 0},
    {"netdev", CALL, "user,id=ID[,hostfwd=...]", "user networking for a virtio-net-device", option_netdev, 0},
    {"nic", CALL, "user[,hostfwd=...]", "the same and its virtio-net-device in one", option_nic, 0},
    {"net", CALL, "none", NULL, option_net, 0},
    {"chardev", CALL, "BACKEND,id=ID[,...]", "where a virtio console leads", option_chardev, 0},
    {"object", CALL, "rng-random,id=ID", NULL, option_object, 0},
    {"global", CALL, "virtio-mmio.force-legacy=false", "accepted: the transport is version 2 in any case",
     option_global, 0},
    {"nographic", ACCEPT, NULL, "accepted: there is no display", NULL, 0},
    {"display", CALL, "none", NULL, option_display, 0},
    {"vga", ACCEPT_ARG, "none", NULL, NULL, 0},
    {"serial", CALL, "BACKEND",
     "the serial port: mon:stdio (default), stdio, null, pty, file:PATH, pipe:PATH, unix:PATH, tcp:HOST:PORT",
     option_serial, 0},
    {"monitor", CALL, "none|stdio", "accepted: Ctrl-A c leads to the debugger", option_monitor, 0},
    {"mon", CALL, "chardev=ID[,mode=readline]", NULL, option_mon, 0},
    {"parallel", ACCEPT_ARG, "none", NULL, NULL, 0},
    {"snapshot", FLAG, NULL, "write to no disk image", AT(machine.snapshot)},
    {"no-reboot", FLAG, NULL, "a reset ends the run", AT(machine.no_reboot)},
    {"action", CALL, "reboot=shutdown", NULL, option_action, 0},
    {"no-shutdown", REFUSE, NULL, "a guest that powers off ends the run: leave it out", NULL, 0},
    {"icount", CALL, "shift=N", "2^N ns for each instruction (N = 0 to 6)", option_icount, 0},
    {"rtc", CALL, "base=DATE", "the real-time clock at power-on, e.g. 2026-01-31T12:00:00", option_rtc, 0},
    {"seed", CALL, "N", "of the guest's random numbers (default 0: the same in every run)", option_seed, 0},
    {"accel", CALL, "tcg", NULL, option_accel, 0},
    {"d", CALL, "int,exec", "QEMU's names for --trace trap,insn", option_log, 0},
    {"D", TEXT, "FILE", "where -d and --trace write", AT(trace_file)},
    {"name", ACCEPT_ARG, "TEXT", NULL, NULL, 0},
    {"uuid", ACCEPT_ARG, "UUID", NULL, NULL, 0},
    {"boot", ACCEPT_ARG, "...", NULL, NULL, 0},
    {"L", ACCEPT_ARG, "DIR", NULL, NULL, 0},
    {"nodefaults", ACCEPT, NULL, NULL, NULL, 0},
    {"no-user-config", ACCEPT, NULL, NULL, NULL, 0},
    {"nodefconfig", ACCEPT, NULL, NULL, NULL, 0},
    {"no-acpi", ACCEPT, NULL, NULL, NULL, 0},
    {"no-hpet", ACCEPT, NULL, NULL, NULL, 0},
    {"mem-prealloc", ACCEPT, NULL, NULL, NULL, 0},
    {"full-screen", ACCEPT, NULL, NULL, NULL, 0},
    {"singlestep", ACCEPT, NULL, NULL, NULL, 0},
    {"one-insn-per-tb", ACCEPT, NULL, NULL, NULL, 0},
    {"tb-size", ACCEPT_ARG, "N", NULL, NULL, 0},
    {"k", ACCEPT_ARG, "LANGUAGE", NULL, NULL, 0},
    {"msg", ACCEPT_ARG, "...", NULL, NULL, 0},
    {"sandbox", ACCEPT_ARG, "...", NULL, NULL, 0},
    {"overcommit", ACCEPT_ARG, "...", NULL, NULL, 0},
    {"watchdog-action", ACCEPT_ARG, "...", NULL, NULL, 0},
    {"pidfile", TEXT, "FILE", "write the process's number there while it runs", AT(pidfile)},
    {"gdb", CALL, "tcp::PORT|unix:PATH|stdio",
     "gdb may come there (target remote), now or later; tcp:HOST:PORT for other hosts", option_gdb, 0},
    {"s", CALL_BARE, NULL, "the same as -gdb tcp::1234", option_s, 0},
    {"S", FLAG, NULL, "with -s or -gdb: wait until gdb lets the machine run", AT(hold)},
    {"qmp", REFUSE_ARG, "DEV", "there is no QMP: leave it out", NULL, 0},
    {"semihosting", CALL_BARE, NULL, "accepted: the calls are not emulated", option_semihosting, 0},
    {"semihosting-config", CALL, "enable=off", NULL, option_semihosting, 0},
    {"daemonize", REFUSE, NULL, "start it in the background with the shell's &", NULL, 0},
    {"enable-kvm", REFUSE, NULL, "this is an interpreter: leave it out", NULL, 0},
    {"usb", REFUSE, NULL, "the board has no USB: leave it out", NULL, 0},
    {"fw_cfg", REFUSE_ARG, "...", "the board has no fw_cfg: put it into the command line, the initrd or a disk", NULL,
     0},
    {"smbios", REFUSE_ARG, "...", "the board has no fw_cfg that would tell: leave it out", NULL, 0},
    {"numa", REFUSE_ARG, "...", "the board has one piece of memory: leave it out", NULL, 0},
    {"virtfs", REFUSE_ARG, "...", "no 9p: give a disk, made of a folder with mke2fs -d FOLDER", NULL, 0},
    {"fsdev", REFUSE_ARG, "...", "no 9p: give a disk, made of a folder with mke2fs -d FOLDER", NULL, 0},
    {"sd", REFUSE_ARG, "FILE", "the board has no SD card: give -drive file=FILE,format=raw", NULL, 0},
    {"fda", REFUSE_ARG, "FILE", "the board has no floppy disk: give -drive file=FILE,format=raw", NULL, 0},
    {"mtdblock", REFUSE_ARG, "FILE", "give -drive if=pflash,file=FILE", NULL, 0},
    {"vnc", REFUSE_ARG, "...", "there is no display: give -nographic", NULL, 0},
    {"spice", REFUSE_ARG, "...", "there is no display: give -nographic", NULL, 0},
    {"sdl", REFUSE, NULL, "there is no display: give -nographic", NULL, 0},
    {"curses", REFUSE, NULL, "there is no display: give -nographic", NULL, 0},
    {"audio", REFUSE_ARG, "...", "there is no sound: leave it out", NULL, 0},
    {"audiodev", REFUSE_ARG, "...", "there is no sound: leave it out", NULL, 0},
    {"qmp-pretty", REFUSE_ARG, "DEV", "there is no QMP: leave it out", NULL, 0},
    {"incoming", REFUSE_ARG, "...", "machines do not migrate: leave it out", NULL, 0},
    {"loadvm", REFUSE_ARG, "NAME", "there are no snapshots of machines: leave it out", NULL, 0},
    {"plugin", REFUSE_ARG, "...", "no plugins: --trace and --profile tell what they would", NULL, 0},
    {"dfilter", REFUSE_ARG, "...", "give --trace KINDS,if=EXPR, e.g. if=pc>=0x80000000", NULL, 0},
    {"readconfig", REFUSE_ARG, "FILE", "give its settings as options", NULL, 0},
    {"mem-path", REFUSE_ARG, "PATH", "memory is the process's own: leave it out", NULL, 0},
    {"echr", REFUSE_ARG, "N", "the escape character is Ctrl-A: leave it out", NULL, 0},
    {"max-insns", CALL, "N", "stop with status 124 after N instructions of all harts", option_max_insns, 0},
    {"quantum", CALL, "N", "instructions in a hart's turn (default 20000)", option_quantum, 0},
    {"insns-per-tick", CALL, "N", "instructions in 100 ns of the guest's time (default 100)", option_insns_per_tick, 0},
    {"realtime", FLAG, NULL, "the guest's time follows the host's clock", AT(machine.realtime)},
    {"signature", TEXT, "FILE", "write begin_signature..end_signature there at the end, as 32-bit hex lines",
     AT(machine.signature)},
    {"vmm", TEXT, "TECHNIQUE", "run the guest in a virtual machine: `help` lists the ways to do that", AT(vmm)},
    {"vm", CALL, "\"OPTION...\"", "with --vmm: a guest and its own options, once for each guest", option_vm, 0},
    {"slice", CALL, "N", "with --vmm: instructions in a guest's turn (default 100000)", option_slice, 0},
    {"check", FLAG, NULL, "with --vmm: compare each guest with an interpreted one at every exit", AT(check)},
    {"check-shadow", FLAG, NULL, "with --vmm: verify the tables that the real MMU walks before every entry",
     AT(check_shadow)},
    {"vmstat", MAYBE, "[N]",
     "with --vmm: print at the end where the exits come from; N functions and instructions (default 10)", AT(vmstat)},
    {"stats", MAYBE, "[full,][json][:FILE]",
     "print counts at the end; full: by class of instruction too, which is slow", AT(stats)},
    {"profile", MAYBE, "[FILE]", "print which functions took the time; folded stacks to FILE", AT(profile)},
    {"trace", CALL, "KINDS[,if=EXPR][:FILE]",
     "write what happens: insn, trap, mmu, all, ... (vitrine help events); may be given several times", option_trace,
     0},
    {"trace-format", CALL, "FORMAT",
     "of traces: text, jsonl, spike, perfetto, chrome, ftrace, pack; else by FILE's suffix", option_trace_format, 0},
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
    char *copy = arg ? option_keep(o, arg) : NULL;
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
    case HELP: return option_ask_help(o, "run");
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
    return option_settle_devices(o, e);
}

/* ---- Help ---- */

void options_help(const char *what, FILE *out)
{
    if (!strcmp(what, "cpu")) {
        bool on;
        const char *name;
        fprintf(out, "Models: rv64 (also as max), sifive-u54, shakti-c, sifive-e51. Extensions, as in -cpu "
                     "rv64,zba=false, and what they are on rv64:\n");
        for (unsigned n = 0; (name = isa_property(n, &on)); n++)
            fprintf(out, "  %-12s %s\n", name, on ? "true" : "false");
    } else if (!strcmp(what, "machine")) {
        fprintf(out, "Machines:\n  virt         QEMU's RISC-V virt board (default)\nProperties:\n"
                     "  dumpdtb=FILE write the device tree to FILE and end\n"
                     "  aclint=on    ACLINT: S-mode software interrupts at 0x2f0_0000 besides the CLINT\n"
                     "  pflash0=ID   the flash chip's image, of a -blockdev or -drive (also pflash1)\n"
                     "  kernel=, initrd=, append=, dtb=, firmware=   as -kernel, ..., -bios\n");
    } else if (!strcmp(what, "device")) {
        fprintf(
            out,
            "Devices, each on one of the virtio-mmio slots 0..7 (bus=virtio-mmio-bus.N, or the highest free one):\n");
        for (unsigned n = 0; machine_device_help(n); n++)
            fprintf(out, "  %s\n", machine_device_help(n));
        fprintf(out,
                "and what is in memory when the machine starts:\n"
                "  loader,file=FILE[,addr=A][,force-raw=on][,cpu-num=N]   loader,addr=A,data=VALUE,data-len=BYTES\n");
    } else if (!strcmp(what, "log")) {
        fprintf(out, "What -d writes (-D FILE: where to):\n"
                     "  int           traps and interrupts, as --trace trap\n"
                     "  exec, in_asm, cpu, fpu   each instruction and what it changed, as --trace insn\n"
                     "  guest_errors, unimp, mmu, page, nochain, cpu_reset   accepted: nothing\n"
                     "--trace tells more: see vitrine help events\n");
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
