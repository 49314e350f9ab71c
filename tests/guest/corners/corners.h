/* SPDX-License-Identifier: MIT */
/* What the guests corners and mcorners have in common. */
#include <stdint.h>

#define V     1u
#define R     2u
#define W     4u
#define X     8u
#define U     16u
#define G     32u
#define A     64u
#define D     128u
#define PAGE  4096u
#define RW    (V | R | W | A | D)
#define RX    (V | R | X | A | D)
#define RWX   (V | R | W | X | A | D)
#define ARENA UINT64_C(0x80800000)

struct seen {
    uint64_t cause, tval, epc, status, value;
};
extern volatile struct seen seen;

#define CSRR(n)                                                                                                        \
    ({                                                                                                                 \
        uint64_t v_;                                                                                                   \
        __asm__ volatile("csrr %0, " #n : "=r"(v_)::"memory");                                                         \
        v_;                                                                                                            \
    })
#define CSRW(n, v) __asm__ volatile("csrw " #n ", %0" ::"r"((uint64_t)(v)) : "memory")
#define CSRS(n, v) __asm__ volatile("csrs " #n ", %0" ::"r"((uint64_t)(v)) : "memory")
#define CSRC(n, v) __asm__ volatile("csrc " #n ", %0" ::"r"((uint64_t)(v)) : "memory")
#define FENCE()    __asm__ volatile("sfence.vma" ::: "memory")

#define AT(t, i) (((volatile uint64_t *)(t))[i])
#define WIN      UINT64_C(0x40000000)

/* A guest says what PIECE is, and has the code of them all. */
#define PIECE_CODE(name, ...)                                                                                          \
    __asm__(".pushsection .pieces,\"ax\"\n.balign 16\n.option arch, +d\n.globl " #name "\n" #name ":\n" __VA_ARGS__    \
            "\n.popsection\n");
#define PIECE(name, ...) extern char name[];
#include "pieces.def"
#undef PIECE

/* Each guest's own: a character to its console. */
void put(char c);

static inline void print(const char *s)
{
    while (*s)
        put(*s++);
}

static inline void hex(uint64_t v)
{
    int i = 60;
    while (i && !(v >> i & 15))
        i -= 4;
    for (; i >= 0; i -= 4)
        put("0123456789abcdef"[v >> i & 15]);
    put(' ');
}

static inline void line(const char *what, uint64_t v)
{
    print(what);
    put(' ');
    hex(v);
    put('\n');
}

/* What page() will give: a page of zeros behind those given out. Each guest's own. */
extern uint64_t next_page;
static inline uint64_t page(void)
{
    uint64_t p = next_page;
    next_page += PAGE;
    for (unsigned i = 0; i < PAGE / 8; i++)
        ((volatile uint64_t *)p)[i] = 0;
    return p;
}

static inline uint64_t pte(uint64_t pa, uint64_t f)
{
    return pa >> 12 << 10 | f;
}
