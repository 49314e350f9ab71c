/* SPDX-License-Identifier: MIT */
/* Hostile files: ELF, Linux images, gzip and EFI zboot wrappings, flat binaries. The input is the file. */
#include "fuzz.h"

#include "load.h"

enum { RAM = 0x80000000u, RAM_SIZE = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {.text = ""};
    struct load_image img;
    struct bus *b = bus_new();
    struct symbols *syms = symbols_new();
    if (!b || !syms || !bus_add_memory(b, "ram", RAM, RAM_SIZE, false, &e) ||
        !bus_add_memory(b, "rom", 0x1000, 0xf000, true, &e))
        abort();
    int rc = load_image(b, "fuzz", data, size, RAM, RAM + 0x1000, &img, syms, &e);
    FUZZ_CHECK(rc == 0 || e.text[0], "refused with %d, and no word why", rc);
    FUZZ_CHECK(rc || (img.low <= img.high && bus_memory_at(b, img.low)), "an image at %#llx..%#llx",
               (unsigned long long)img.low, (unsigned long long)img.high);
    if (rc == 0) {
        uint64_t v, off;
        symbols_sort(syms);
        (void)!symbols_value(syms, "tohost", &v);
        const char *name = symbols_at(syms, img.entry, &off);
        FUZZ_CHECK(!name || strlen(name) <= 4096, "a name of %zu bytes", strlen(name));
    }
    symbols_free(syms);
    bus_free(b);
    return 0;
}
