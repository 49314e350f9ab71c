/* SPDX-License-Identifier: MIT */
/* The command line: the input is its words, one per line. Also -cpu alone, and what the ISA's strings make of it. */
#include "fuzz.h"

#include "cpu/isa.h"
#include "options.h"

enum { WORDS = 64 };

static void check_isa(const struct isa *isa)
{
    char buf[1024];
    FUZZ_CHECK(isa_string(isa, buf, sizeof buf), "the ISA string does not fit");
    FUZZ_CHECK(isa_extensions(isa, buf, sizeof buf), "the extensions do not fit");
    (void)!isa_string(isa, buf, 3);
    (void)isa_extensions(isa, buf, 3);
    (void)isa_misa(isa);
    (void)isa_mmu_type(isa);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *argv[WORDS];
    int argc = 0;
    struct err e = {.text = ""};
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = 0;
    struct isa isa;
    if (isa_parse(&isa, text, &e) == 0)
        check_isa(&isa);
    else
        FUZZ_CHECK(e.text[0], "refused without a word why");
    for (char *p = text, *end; p && argc < WORDS; p = end) {
        if ((end = strchr(p, '\n')))
            *end++ = 0;
        argv[argc++] = p;
    }
    struct options o;
    e.text[0] = 0;
    int rc = options_parse(&o, argc, argv, &e);
    FUZZ_CHECK((rc == 0) != (e.text[0] != 0), "%d, message \"%s\"", rc, e.text);
    if (rc == 0) {
        const struct machine_options *m = &o.machine;
        FUZZ_CHECK(m->harts >= 1 && m->harts <= MACHINE_MAX_HARTS, "%u harts", m->harts);
        FUZZ_CHECK(m->ram_size <= MACHINE_RAM_MAX && m->ram_size % PAGE_SIZE == 0, "RAM of %llu bytes",
                   (unsigned long long)m->ram_size);
        FUZZ_CHECK(m->quantum && m->insns_per_tick, "quantum %llu, %llu per tick", (unsigned long long)m->quantum,
                   (unsigned long long)m->insns_per_tick);
        FUZZ_CHECK(m->ndrives <= MACHINE_MAX_DRIVES && m->ndevices <= MACHINE_MAX_DEVICES, "%u drives, %u devices",
                   m->ndrives, m->ndevices);
        for (unsigned i = 0; i < m->ndevices; i++)
            FUZZ_CHECK(m->devices[i].slot >= -1 && m->devices[i].slot < MACHINE_VIRTIO_SLOTS, "slot %d",
                       m->devices[i].slot);
        check_isa(&m->isa);
    }
    options_free(&o);
    free(text);
    return 0;
}
