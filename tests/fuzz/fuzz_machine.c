/* SPDX-License-Identifier: MIT */
/*
 * A whole machine with a hostile kernel: the built-in SBI or M mode, four harts, every device, a disk. The input is the kernel's code
 * and the registers it starts with. The machine must come back after the instructions asked for, or with a reason why not.
 */
#include "fuzz.h"

#include <unistd.h>

#include "cpu/isa.h"
#include "cpu/op.h"
#include "machine.h"

enum { RAM = 0x80000000u, CODE = RAM + 0x200000, CODE_SIZE = 4096, HARTS = 4, INSNS = 20000 };

/* A file of size bytes that is gone with the process. */
static const char *scratch(char *path, size_t size)
{
    strcpy(path, "/tmp/vitrine-fuzz-XXXXXX");
    int fd = mkstemp(path);
    if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
        abort();
    unlink(path);
    sprintf(path, "/proc/self/fd/%d", fd);
    return path;
}

/* Where kernels of this target hang together: sectors of addresses that mean something. */
static uint64_t value(struct input *in)
{
    static const uint32_t places[] = {0x100000,   0x101000,   0x2000000,  0x2004000,     0x200bff8,  0xc000000,
                                      0xc002000,  0xc200000,  0x10000000, 0x10001000,    0x10006000, 0x10007000,
                                      0x10008000, 0x20000000, CODE,       RAM + 0x300000};
    /* SBI: legacy, base, time, IPI, RFENCE, HSM, SRST, DBCN and more */
    static const uint32_t calls[] = {0, 1,    2,          3,        4,          5,        6,          7,
                                     8, 0x10, 0x54494d45, 0x735049, 0x52464e43, 0x48534d, 0x53525354, 0x4442434e};
    unsigned v = (unsigned)take(in, 1);
    switch (v >> 5) {
    case 0: return places[v & 15] + take(in, 1) * 4;
    case 1: return calls[v & 15];
    case 2: return CODE + take(in, 2);
    case 3: return UINT64_C(1) << (2 * (v & 31));
    case 4: return ~UINT64_C(0) << (2 * (v & 31));
    case 5:
    case 6: return v & 31;
    default: return take(in, 8);
    }
}

static void check_end(struct machine *m, const struct machine_result *r)
{
    uint64_t insns = machine_stats(m)->insns;
    FUZZ_CHECK(insns <= INSNS, "%llu instructions", (unsigned long long)insns);
    switch (r->end) {
    case MACHINE_BUDGET: FUZZ_CHECK(insns == INSNS, "%llu instructions", (unsigned long long)insns); break;
    case MACHINE_GUEST: FUZZ_CHECK(r->status >= 0 && r->status <= 255, "status %d", r->status); break;
    case MACHINE_STUCK: FUZZ_CHECK(r->why[0], "stuck without a word why"); break;
    case MACHINE_RESET:
    case MACHINE_STOP: break;
    case MACHINE_PAUSE:
    case MACHINE_BREAK:
    case MACHINE_MONITOR: /* nobody asks for these */
    case MACHINE_TRAP:
    case MACHINE_ERROR: FUZZ_CHECK(false, "%d: %s", r->end, r->why);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char kernel[64], disk[64];
    static uint8_t code[CODE_SIZE];
    struct input in = {data, data + size};
    struct machine_options o;
    struct machine_result r;
    struct err e;
    if (!kernel[0]) {
        scratch(kernel, CODE_SIZE);
        scratch(disk, 64 << 10);
    }
    unsigned flags = (unsigned)take(&in, 1);
    machine_options_default(&o);
    o.ram_size = 16 << 20;
    o.harts = 1 + (flags & 3);
    o.bios = flags & 4 ? "none" : "default";
    o.kernel = kernel;
    o.serial = "null";
    o.quantum = 1 + (flags >> 4) * 100u;
    o.insns_per_tick = flags & 8 ? 1 : 100;
    o.no_reboot = flags & 16;
    o.quiet = true;
    o.drives[o.ndrives++] = (struct drive_options){.file = disk, .interface = DRIVE_VIRTIO, .snapshot = true};
    o.devices[o.ndevices++] = (struct device_options){.driver = "virtio-rng-device", .slot = -1};
    o.devices[o.ndevices++] = (struct device_options){.driver = "virtio-net-device", .slot = -1};
    uint64_t x[32];
    for (unsigned i = 0; i < 32; i++)
        x[i] = i < 18 ? value(&in) : CODE + i * 256;
    memset(code, 0, sizeof code);
    size_t len = make_code(&in, code, sizeof code);
    for (size_t at = len; len && at < sizeof code; at++)
        code[at] = code[at - len];
    int fd = atoi(kernel + strlen("/proc/self/fd/"));
    if (pwrite(fd, code, sizeof code, 0) != (ssize_t)sizeof code)
        abort();
    struct machine *m = machine_new(&o, &e);
    if (!m) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
    for (unsigned n = 0; n < o.harts; n++) {
        struct hart *h = machine_hart(m, n);
        for (unsigned i = 1; i < 32; i++)
            h->x[i] = x[i];
        if (flags & 4)
            h->pc = RAM;
    }
    machine_run(m, INSNS, &r);
    check_end(m, &r);
    machine_free(m);
    return 0;
}
