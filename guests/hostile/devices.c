/* SPDX-License-Identifier: MIT */
/* Attacks by way of memory, devices and firmware. */
#include "disk.h"
#include "hostile.h"

/* Zeros, which no register of the board takes for a command to end. How many of them fault is the machine's business. */
void attack_memory(void)
{
    uint64_t stores = 0, faults = 0;
    for (uint64_t pa = 0; pa < BOARD_RAM; pa += pa < 0x20000000 ? 0x4000 : 0x100000) {
        faults += try(store_at, pa) != TRY_OK;
        faults += try(store_at, pa + 0x800) != TRY_OK;
        stores += 2;
    }
    for (uint64_t at = BOARD_RAM + board.ram_size, step = PAGE; at < UINT64_C(1) << 56; at += step, stores++) {
        faults += try(store_at, at) != TRY_OK;
        if (stores % 64 == 0)
            step *= 2;
    }
    if (faults < stores / 4)
        failed("%lu of %lu stores met something", stores - faults, stores);
    survived("%lu stores", stores);
}

enum { REG_STATUS = 0x70 / 4, REG_NOTIFY = 0x50 / 4, REG_ISR = 0x60 / 4, REG_ACK = 0x64 / 4 };

struct rings { /* of four entries, as common/disk.c has them */
    struct {
        uint64_t address;
        uint32_t length;
        uint16_t flags, next;
    } desc[4];
    struct {
        uint16_t flags, index, ring[4];
    } avail __attribute__((aligned(64)));
    struct {
        uint16_t flags, index;
        struct {
            uint32_t id, length;
        } ring[4];
    } used __attribute__((aligned(64)));
    struct {
        uint32_t type, reserved;
        uint64_t sector;
    } request __attribute__((aligned(64)));
    uint8_t status;
};
static struct rings rings __attribute__((aligned(4096)));
static uint8_t canary[4096] __attribute__((aligned(4096)));

static void never(struct disk *d)
{
    (void)d;
}

static volatile uint32_t *reset(void)
{
    for (unsigned slot = 0; slot < 8; slot++) {
        volatile uint32_t *reg = (volatile uint32_t *)BOARD_VIRTIO(slot);
        struct disk d = {.reg = reg, .rings = (struct disk_rings *)&rings, .rings_pa = (uint64_t)&rings, .wait = never};
        if (!disk_probe(reg))
            continue;
        memset(&rings, 0, sizeof rings);
        if (!disk_start(&d))
            failed("the disk does not start again");
        return reg;
    }
    print("hostile: no disk: give -drive file=FILE,if=none,format=raw,id=x0 -device virtio-blk-device,drive=x0\n");
    sbi_power_off(1);
}

/* One request whose data lie at `address`. */
static void request(volatile uint32_t *reg, uint64_t address, uint32_t length, uint16_t next, uint16_t head)
{
    rings.request.type = 0;
    rings.request.sector = 0;
    rings.status = 0xff;
    rings.desc[0].address = (uint64_t)&rings.request;
    rings.desc[0].length = 16;
    rings.desc[0].flags = 1;
    rings.desc[0].next = 1;
    rings.desc[1].address = address;
    rings.desc[1].length = length;
    rings.desc[1].flags = 3;
    rings.desc[1].next = next;
    rings.desc[2].address = (uint64_t)&rings.status;
    rings.desc[2].length = 1;
    rings.desc[2].flags = 2;
    rings.avail.ring[rings.avail.index % 4] = head;
    fence_device();
    rings.avail.index++;
    fence_device();
    reg[REG_NOTIFY] = 0;
    for (unsigned i = 0; i < 1000; i++) /* an answer, or none: both are right */
        (void)reg[REG_ISR];
    reg[REG_ACK] = 3;
}

/* The queue itself where it must not be. */
static void bad_queue(volatile uint32_t *reg, uint64_t where)
{
    enum { SEL = 0x30 / 4, NUM = 0x38 / 4, READY = 0x44 / 4, DESC = 0x80 / 4, DRIVER = 0x90 / 4, DEVICE = 0xa0 / 4 };
    reg[REG_STATUS] = 0;
    reg[REG_STATUS] = 3;
    reg[0x24 / 4] = 1;
    reg[0x20 / 4] = 1;
    reg[REG_STATUS] = 11;
    reg[SEL] = 0;
    reg[NUM] = 4;
    reg[DESC] = reg[DRIVER] = reg[DEVICE] = (uint32_t)where;
    reg[DESC + 1] = reg[DRIVER + 1] = reg[DEVICE + 1] = (uint32_t)(where >> 32);
    reg[READY] = 1;
    reg[REG_STATUS] = 15;
    reg[REG_NOTIFY] = 0;
}

void attack_dma(void)
{
    static const uint64_t bad[] = {
        0, 0x1000, BOARD_UART, BOARD_PLIC, UINT64_C(0x7fffffff000), UINT64_C(0xfffffffffffff000), ~UINT64_C(0)};
    volatile uint32_t *reg = reset();
    unsigned count = 0;
    memset(canary, 0x5a, sizeof canary);
    for (unsigned i = 0; i < sizeof bad / sizeof *bad + 1; i++, count += 4) {
        uint64_t at = i < sizeof bad / sizeof *bad ? bad[i] : BOARD_RAM + board.ram_size;
        request(reset(), at, 512, 2, 0);
        request(reset(), at - 256, 512, 2, 0); /* across the edge */
        request(reset(), at, 0xfffffe00, 2, 0);
        bad_queue(reset(), at);
    }
    request(reset(), BOARD_RAM + board.ram_size - 512, 1024, 2, 0);
    request(reset(), (uint64_t)canary + 512, 512, 1, 0);      /* a chain that never ends */
    request(reset(), (uint64_t)canary + 512, 512, 77, 0);     /* a descriptor that is not there */
    request(reset(), (uint64_t)canary + 512, 512, 2, 0xffff); /* a head that is not there */
    rings.avail.index = (uint16_t)(rings.avail.index + 30000);
    reg[REG_NOTIFY] = 0; /* more requests than the queue holds */
    reg = reset();
    reg[REG_NOTIFY] = 12345; /* a queue that is not there */
    for (unsigned i = 0; i < 512; i++)
        if (canary[i] != 0x5a || canary[1536 + i] != 0x5a)
            failed("the device wrote beside what it was given");
    memset(canary, 0, sizeof canary);
    reg = reset();
    request(reg, (uint64_t)canary, 512, 2, 0); /* and after all that a right one, whose answer may take its time */
    for (unsigned i = 0; i < 300000000 && rings.status == 0xff; i++)
        fence_device();
    if (rings.used.index != 1 || rings.status != 0)
        failed("the disk does not work any more: status %u", rings.status);
    survived("%u bad requests, and a good one", count + 5);
}

void attack_ipi(void)
{
    static const uint64_t bases[] = {0, 1, 63, 64, 4096, UINT64_C(0x7fffffffffffffff), UINT64_C(0xfffffffffffffffe)};
    for (unsigned i = 0; i < sizeof bases / sizeof *bases; i++) {
        sbi_call(SBI_IPI, 0, ~UINT64_C(0), bases[i]); /* refused, or without effect on harts that are not there */
        sbi_call(SBI_IPI, 0, UINT64_C(1) << 63, bases[i]);
    }
    for (unsigned i = 0; i < 100000; i++)
        sbi_call(SBI_IPI, 0, 1, 0);
    if (!(csr_read(sip) & SIE_SOFTWARE))
        failed("100000 calls to itself, and none came");
    for (uint64_t hart = 16; hart < 10000; hart += 99)
        if (sbi_call(SBI_HSM, 0, hart, 0).error == 0)
            failed("hart %lu was started", hart);
    survived("%u bad calls", 14 + 101);
}

void attack_firmware(void)
{
    enum { DBCN = 0x4442434e, RFENCE = 0x52464e43 };
    static const uint64_t numbers[] = {
        0, 1, 7, 0x10, 0x53525354, DBCN, RFENCE, SBI_HSM, SBI_IPI, UINT64_C(0x123456789abcdef), ~UINT64_C(0)};
    for (unsigned i = 3; i < sizeof numbers / sizeof *numbers; i++) {
        for (uint64_t function = 7; function < 64; function++) /* none of these extensions has so many */
            if (sbi_call(numbers[i], function, ~UINT64_C(0), ~UINT64_C(0)).error == 0)
                failed("extension 0x%lx has function %lu", numbers[i], function);
    }
    /* Text where no memory is, and in the firmware's own. Reset of a type that there is not. */
    if (sbi_call(DBCN, 0, 4096, BOARD_RAM + board.ram_size).error == 0 || sbi_call(DBCN, 0, 4096, 0x1000).error == 0)
        failed("it printed memory that is not there");
    if (sbi_call(SBI_RESET, 0, 0x1234, 0).error == 0)
        failed("a reset of no type");
    if (sbi_call(SBI_HSM, 0, 0, BOARD_RAM + board.ram_size).error == 0)
        failed("this hart was started again");
    survived("all refused");
}
