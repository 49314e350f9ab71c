/* SPDX-License-Identifier: MIT */
/* The smallest disk driver there is, and what it is good for: how often was this disk started from? See docs/extensions.md. */
#include <stdint.h>

enum { SECTOR_BYTES = 512, READ = 1, WRITE = 2, FLUSH = 3 };

/* ---- The driver ---- */

static uint64_t transfer(uint64_t sector, void *memory, uint64_t command)
{
    uint64_t status;
    __asm__ volatile("csrw 0x5c0, %1\n\t"
                     "csrw 0x5c1, %2\n\t"
                     "csrw 0x5c2, %3\n\t"
                     "csrr %0, 0xdc0"
                     : "=r"(status)
                     : "r"(sector), "r"(memory), "r"(command)
                     : "memory");
    return status;
}

static uint64_t sectors(void)
{
    uint64_t n;
    __asm__ volatile("csrr %0, 0xdc1" : "=r"(n));
    return n;
}

/* ---- The rest ---- */

static void put(char c)
{
    register uint64_t a0 __asm__("a0") = (unsigned char)c, a7 __asm__("a7") = 1; /* SBI: console_putchar */
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7) : "a1", "memory");
}

static void print(const char *s)
{
    for (; *s; s++) {
        if (*s == '\n')
            put('\r');
        put(*s);
    }
}

static void print_number(uint64_t n)
{
    if (n > 9)
        print_number(n / 10);
    put((char)('0' + n % 10));
}

int xdisk_main(void);
void xdisk_trapped(uint64_t cause, uint64_t tval);

int xdisk_main(void)
{
    static struct {
        uint64_t magic, starts;
        uint8_t rest[SECTOR_BYTES - 16];
    } sector;
    const uint64_t magic = UINT64_C(0x6b736964587472); /* any number that an empty disk does not begin with */
    print("xdisk: ");
    print_number(sectors());
    print(" sectors\n");
    uint64_t status = transfer(0, &sector, READ);
    if (status) {
        print("xdisk: sector 0 cannot be read, status ");
        print_number(status);
        print("\n");
        return 1;
    }
    if (sector.magic != magic) {
        sector.magic = magic;
        sector.starts = 0;
    }
    sector.starts++;
    status = transfer(0, &sector, WRITE);
    if (!status)
        status = transfer(0, &sector, FLUSH);
    print("xdisk: started from this disk ");
    print_number(sector.starts);
    print(status ? " times, which could not be written down\n" : " times\n");
    return status != 0;
}

void xdisk_trapped(uint64_t cause, uint64_t tval)
{
    print("xdisk: a trap, cause ");
    print_number(cause);
    print(cause == 2
              ? ": this machine has no Xdisk: give -cpu rv64,xdisk=true and -drive file=FILE,format=raw,if=xdisk\n"
              : "\n");
    (void)tval;
}
