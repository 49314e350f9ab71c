/* SPDX-License-Identifier: MIT */
/*
 * Two 16-bit chips side by side: each 32-bit word of the bus holds a half-word of either. They are always addressed together,
 * so that one state stands for both, and what a chip says (status, identity, CFI table) appears in both halves.
 *
 * In read-array mode the chip is a read-only memory region of the bus, where harts read and execute at full speed; in all
 * other modes the region is disabled and reads come here. Stores always come here. A chip without a file is blank: it has no
 * memory until the first change, and its reads, all ones, come here too.
 */
#include "dev/pflash.h"

#include "dev/dev_fdt.h"

#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WIDTH = 4, CHIPS = 2 };
enum { BLOCKS = PFLASH_SIZE / PFLASH_BLOCK, CHIP_BLOCK = PFLASH_BLOCK / CHIPS };
enum { BUFFER_LOG2 = 11, BUFFER = CHIPS << BUFFER_LOG2 }; /* bytes: of one chip's write buffer, of both */
enum { ID_MANUFACTURER = 0x89, ID_DEVICE = 0x18 };

/* Commands, in the low byte of what is written. */
enum {
    CMD_RESET_AMD = 0xf0, /* another set's reset, which probing software tries */
    CMD_READ_ARRAY = 0xff,
    CMD_READ_STATUS = 0x70,
    CMD_CLEAR_STATUS = 0x50,
    CMD_READ_ID = 0x90,
    CMD_CFI = 0x98,
    CMD_ERASE = 0x20,
    CMD_PROGRAM = 0x40,
    CMD_PROGRAM_ALT = 0x10,
    CMD_BUFFER = 0xe8,
    CMD_LOCK = 0x60,
    CMD_CONFIRM = 0xd0,
    CMD_LOCK_BLOCK = 0x01,
    CMD_LOCK_DOWN = 0x2f,
};

/* 7 ready | 5 erase failed | 4 program failed (both: wrong sequence) | 1 block is locked */
enum { SR_READY = 0x80, SR_ERASE = 0x20, SR_PROGRAM = 0x10, SR_LOCKED = 0x02 };

enum read_mode { READ_ARRAY, READ_STATUS, READ_ID, READ_CFI };
/* What the next store is. */
enum step { STEP_COMMAND, STEP_ERASE, STEP_PROGRAM, STEP_COUNT, STEP_DATA, STEP_FLUSH, STEP_LOCK };

struct pflash {
    struct bus *bus;
    struct mem_region *mem;
    char name[16];
    int fd; /* -1 = changes are not written anywhere */
    uint64_t file_size;
    bool readonly;

    uint8_t blank;
    uint8_t mode; /* enum read_mode */
    uint8_t step; /* enum step */
    uint8_t status;
    uint8_t window_set;            /* the first word of a buffered write has chosen window */
    uint32_t window;               /* offset of what buffer stands for, a multiple of BUFFER */
    uint32_t words_left;           /* of a buffered write */
    uint8_t buffer[BUFFER];        /* ones where nothing is to be programmed */
    uint32_t dirty_from, dirty_to; /* changed since the region was last enabled; from >= to: nothing */
};

/* Common Flash Interface query (JEDEC JESD68), from offset 0x10 in words of the chip. */
static const uint8_t cfi[] = {
    'Q',
    'R',
    'Y', /* 0x10 */
    0x01,
    0x00,
    0x31,
    0x00,
    0x00,
    0x00,
    0x00,
    0x00, /* 0x13 Intel extended set, its table at 0x31; no other set */
    0x45,
    0x55,
    0x00,
    0x00, /* 0x1b 4.5 .. 5.5 V, no Vpp */
    0x07,
    0x07,
    0x0a,
    0x00,
    0x04,
    0x04,
    0x04,
    0x00, /* 0x1f 2^n us to program a word, a buffer; ms to erase; maxima */
    24,
    0x02,
    0x00,
    BUFFER_LOG2,
    0x00, /* 0x27 2^24 bytes, x16, buffer */
    0x01,
    BLOCKS - 1,
    0x00,
    CHIP_BLOCK >> 8 & 0xff,
    CHIP_BLOCK >> 16, /* 0x2c one region of equal blocks */
    'P',
    'R',
    'I',
    '1',
    '0', /* 0x31 */
    0x00,
    0x00,
    0x00,
    0x00, /* 0x36 no optional features */
    0x00,
    0x00,
    0x00,
    0x00, /* 0x3a nothing during suspend, no block status */
};
_Static_assert(PFLASH_SIZE / CHIPS == 1 << 24, "the CFI table says 2^24 bytes per chip");

/* --- the file --- */

static bool write_all(int fd, const uint8_t *p, size_t n, uint64_t off)
{
    while (n) {
        ssize_t r = pwrite(fd, p, n, (off_t)off);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return false;
        p += r;
        n -= (size_t)r;
        off += (uint64_t)r;
    }
    return true;
}

/* Writes [off, off+len) of the chip to the file, and what lies between its end and off, if it was shorter. */
static bool write_back(struct pflash *p, uint64_t off, uint64_t len)
{
    if (p->fd < 0)
        return true;
    uint64_t from = min_u64(off, p->file_size), to = off + len;
    if (!write_all(p->fd, p->mem->host + from, to - from, from)) {
        fprintf(stderr, "vitrine: %s: cannot write to its file: %s\n", p->name, strerror(errno));
        return false;
    }
    if (to > p->file_size)
        p->file_size = to;
    return true;
}

static int load(struct pflash *p, const struct pflash_config *cfg, struct err *e)
{
    bool keep = !cfg->readonly && !cfg->snapshot;
    int fd = open(cfg->file, (keep ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, -errno, "%s: %s: %s%s", p->name, cfg->file, strerror(errno),
                       keep && (errno == EACCES || errno == EROFS) ? "; add readonly=on or -snapshot" : "");
    struct stat st;
    int rc = 0;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        rc = err_set(e, -EINVAL, "%s: %s is not a regular file", p->name, cfg->file);
    else if (st.st_size > PFLASH_SIZE)
        rc = err_set(e, -EFBIG, "%s: %s has %lld bytes, the chip %d: cut it down", p->name, cfg->file,
                     (long long)st.st_size, PFLASH_SIZE);
    size_t size = rc ? 0 : (size_t)st.st_size;
    for (size_t got = 0; !rc && got < size;) {
        ssize_t r = pread(fd, p->mem->host + got, size - got, (off_t)got);
        if (r > 0)
            got += (size_t)r;
        else if (r == 0)
            size = got; /* it shrank meanwhile */
        else if (errno != EINTR)
            rc = err_set(e, -errno, "%s: %s: %s", p->name, cfg->file, strerror(errno));
    }
    if (rc || !keep)
        close(fd);
    else
        p->fd = fd;
    if (!rc)
        memset(p->mem->host + size, 0xff, PFLASH_SIZE - size);
    p->file_size = size;
    return rc;
}

/* --- the array --- */

static void mark_dirty(struct pflash *p, uint32_t off, uint32_t len)
{
    if (p->dirty_from >= p->dirty_to) {
        p->dirty_from = off;
        p->dirty_to = off + len;
        return;
    }
    if (off < p->dirty_from)
        p->dirty_from = off;
    if (off + len > p->dirty_to)
        p->dirty_to = off + len;
}

static void enter(struct pflash *p, enum read_mode mode)
{
    p->mode = (uint8_t)mode;
    bus_enable_memory(p->bus, p->mem, mode == READ_ARRAY && !p->blank);
    if (p->mem->enabled && p->dirty_from < p->dirty_to) {
        /* Its own bytes, so that whoever has flagged these pages hears of the change. */
        bool ok =
            bus_load(p->bus, p->mem->base + p->dirty_from, p->mem->host + p->dirty_from, p->dirty_to - p->dirty_from);
        (void)ok;
        p->dirty_from = p->dirty_to = 0;
    }
}

static void give_memory(struct pflash *p)
{
    if (p->blank) {
        memset(p->mem->host, 0xff, PFLASH_SIZE);
        p->blank = 0;
        mark_dirty(p, 0, PFLASH_SIZE);
    }
}

/* Programming only clears bits. off + len <= PFLASH_SIZE. */
static void program(struct pflash *p, uint32_t off, const uint8_t *data, uint32_t len)
{
    if (p->readonly) {
        p->status |= SR_PROGRAM | SR_LOCKED;
        return;
    }
    give_memory(p);
    for (uint32_t i = 0; i < len; i++)
        p->mem->host[off + i] &= data[i];
    mark_dirty(p, off, len);
    if (!write_back(p, off, len))
        p->status |= SR_PROGRAM;
}

static void erase(struct pflash *p, uint32_t off)
{
    if (p->readonly) {
        p->status |= SR_ERASE | SR_LOCKED;
        return;
    }
    if (p->blank)
        return;
    off -= off % PFLASH_BLOCK;
    memset(p->mem->host + off, 0xff, PFLASH_BLOCK);
    mark_dirty(p, off, PFLASH_BLOCK);
    if (!write_back(p, off, PFLASH_BLOCK))
        p->status |= SR_ERASE;
}

/* --- commands --- */

static void wrong_sequence(struct pflash *p)
{
    p->status |= SR_ERASE | SR_PROGRAM;
    p->step = STEP_COMMAND;
    enter(p, READ_STATUS);
}

static void begin(struct pflash *p, enum step step)
{
    p->step = (uint8_t)step;
    enter(p, READ_STATUS);
}

static void command(struct pflash *p, uint8_t cmd)
{
    switch (cmd) {
    case CMD_READ_STATUS: enter(p, READ_STATUS); break;
    case CMD_CLEAR_STATUS:
        p->status = SR_READY;
        enter(p, READ_ARRAY);
        break;
    case CMD_READ_ID: enter(p, READ_ID); break;
    case CMD_CFI: enter(p, READ_CFI); break;
    case CMD_ERASE: begin(p, STEP_ERASE); break;
    case CMD_PROGRAM:
    case CMD_PROGRAM_ALT: begin(p, STEP_PROGRAM); break;
    case CMD_BUFFER: begin(p, STEP_COUNT); break;
    case CMD_LOCK: begin(p, STEP_LOCK); break;
    default: /* CMD_READ_ARRAY, CMD_RESET_AMD, and what the chip does not know */ enter(p, READ_ARRAY); break;
    }
}

/* A word for the write buffer; the last one makes the chip expect the confirmation. */
static void buffer_word(struct pflash *p, uint32_t off, uint32_t val, unsigned size)
{
    uint32_t window = off - off % BUFFER;
    if (!p->window_set) {
        p->window = window;
        p->window_set = 1;
    }
    if (window != p->window) {
        wrong_sequence(p); /* the buffer does not cross its own boundary */
        return;
    }
    memcpy(p->buffer + off % BUFFER, &val, size); /* aligned, so it ends within the buffer */
    if (--p->words_left == 0)
        p->step = STEP_FLUSH;
}

static void flush_buffer(struct pflash *p)
{
    uint32_t from = 0, to = BUFFER;
    while (from < to && p->buffer[from] == 0xff)
        from++;
    while (to > from && p->buffer[to - 1] == 0xff)
        to--;
    if (from < to)
        program(p, p->window + from, p->buffer + from, to - from);
}

static uint64_t pflash_read(void *dev, uint64_t off, unsigned size)
{
    const struct pflash *p = dev;
    uint64_t index = off / WIDTH & 0xff; /* in words of the chip */
    uint32_t v = 0;
    switch ((enum read_mode)p->mode) {
    case READ_ARRAY: return MASK(31, 0); /* blank */
    case READ_STATUS: v = p->status; break;
    case READ_ID:
        if (index < 2)
            v = index == 0 ? ID_MANUFACTURER : ID_DEVICE;
        break;
    case READ_CFI:
        if (index >= 0x10 && index - 0x10 < sizeof cfi)
            v = cfi[index - 0x10];
        break;
    }
    v |= v << 16;
    (void)size; /* the bus cuts off what is not asked for */
    return v >> (8 * (off % WIDTH));
}

static void pflash_write(void *dev, uint64_t off64, uint64_t val64, unsigned size)
{
    struct pflash *p = dev;
    if (off64 >= PFLASH_SIZE || size > WIDTH)
        return;
    uint32_t off = (uint32_t)off64, val = (uint32_t)val64;
    uint8_t cmd = (uint8_t)val;
    uint8_t data[WIDTH];
    switch ((enum step)p->step) {
    case STEP_COMMAND: command(p, cmd); break;
    case STEP_ERASE:
        if (cmd != CMD_CONFIRM) {
            wrong_sequence(p);
            break;
        }
        p->step = STEP_COMMAND;
        erase(p, off);
        break;
    case STEP_PROGRAM:
        p->step = STEP_COMMAND;
        memcpy(data, &val, sizeof data);
        program(p, off, data, size);
        break;
    case STEP_COUNT:
        if ((val & 0xffff) >= BUFFER / WIDTH) {
            wrong_sequence(p);
            break;
        }
        p->words_left = (val & 0xffff) + 1;
        p->window_set = 0;
        memset(p->buffer, 0xff, sizeof p->buffer);
        p->step = STEP_DATA;
        break;
    case STEP_DATA: buffer_word(p, off, val, size); break;
    case STEP_FLUSH:
        if (cmd != CMD_CONFIRM) {
            wrong_sequence(p);
            break;
        }
        p->step = STEP_COMMAND;
        flush_buffer(p);
        break;
    case STEP_LOCK: /* blocks have no locks of their own; setting and clearing them succeeds */
        if (cmd == CMD_CONFIRM || cmd == CMD_LOCK_BLOCK || cmd == CMD_LOCK_DOWN)
            p->step = STEP_COMMAND;
        else
            wrong_sequence(p);
        break;
    }
}

/* --- life --- */

static void pflash_reset(void *dev)
{
    struct pflash *p = dev;
    p->status = SR_READY;
    p->step = STEP_COMMAND;
    p->words_left = p->window = p->window_set = 0;
    memset(p->buffer, 0xff, sizeof p->buffer);
    enter(p, READ_ARRAY);
}

static void pflash_free(void *dev)
{
    struct pflash *p = dev;
    if (p && p->fd >= 0)
        close(p->fd);
    free(p);
}

void *pflash_create(const struct dev_env *env, const struct pflash_config *cfg, struct err *e)
{
    struct pflash *p = calloc(1, sizeof *p);
    if (!p) {
        err_set(e, -ENOMEM, "%s: out of memory", cfg->name);
        return NULL;
    }
    snprintf(p->name, sizeof p->name, "%s", cfg->name);
    p->fd = -1;
    p->bus = env->bus;
    p->readonly = cfg->readonly;
    p->mem = bus_add_memory(env->bus, cfg->name, cfg->base, PFLASH_SIZE, true, e);
    if (!p->mem || (cfg->file && load(p, cfg, e))) {
        pflash_free(p);
        return NULL;
    }
    p->blank = !cfg->file;
    pflash_reset(p);
    return p;
}

static void pflash_visit(void *dev, struct visitor *v)
{
    struct pflash *p = dev; /* the array itself is memory of the bus */
    VISIT(v, p, blank);
    VISIT(v, p, mode);
    VISIT(v, p, step);
    VISIT(v, p, status);
    VISIT(v, p, window_set);
    VISIT(v, p, window);
    VISIT(v, p, words_left);
    VISIT_ARRAY(v, p, buffer);
    /* A restored state may come from a damaged file. */
    p->window = p->window % PFLASH_SIZE / BUFFER * BUFFER;
    if (p->mode > READ_CFI)
        p->mode = READ_ARRAY;
    if (p->step > STEP_LOCK || (p->step == STEP_DATA && !p->words_left))
        p->step = STEP_COMMAND;
    enter(p, (enum read_mode)p->mode);
}

static int pflash_fdt(void *dev, const struct dev_place *place, void *fdt, int soc)
{
    (void)dev;
    int n, rc;
    if ((rc = dev_fdt_node(fdt, soc, "flash", place, &n)) ||
        (rc = fdt_setprop(fdt, n, "compatible", "cfi-flash", sizeof "cfi-flash")))
        return rc;
    return fdt_setprop_u32(fdt, n, "bank-width", WIDTH);
}

const struct dev_class pflash_class = {
    .name = "pflash",
    .ops = {.read = pflash_read, .write = pflash_write, .min = 1, .max = 4},
    .reset = pflash_reset,
    .free = pflash_free,
    .visit = pflash_visit,
    .fdt = pflash_fdt,
};
