/* SPDX-License-Identifier: MIT */
#include "monitor/names.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "cpu/hart.h"

static const char *const exceptions[] = {
    [CAUSE_FETCH_MISALIGNED] = "instruction address misaligned",
    [CAUSE_FETCH_ACCESS] = "instruction access fault",
    [CAUSE_ILLEGAL] = "illegal instruction",
    [CAUSE_BREAKPOINT] = "breakpoint",
    [CAUSE_LOAD_MISALIGNED] = "load address misaligned",
    [CAUSE_LOAD_ACCESS] = "load access fault",
    [CAUSE_STORE_MISALIGNED] = "store address misaligned",
    [CAUSE_STORE_ACCESS] = "store access fault",
    [CAUSE_ECALL_U] = "ecall from U",
    [CAUSE_ECALL_S] = "ecall from S",
    [CAUSE_ECALL_VS] = "ecall from VS",
    [CAUSE_ECALL_M] = "ecall from M",
    [CAUSE_FETCH_PAGE] = "instruction page fault",
    [CAUSE_LOAD_PAGE] = "load page fault",
    [CAUSE_STORE_PAGE] = "store page fault",
    [CAUSE_FETCH_GUEST_PAGE] = "instruction guest page fault",
    [CAUSE_LOAD_GUEST_PAGE] = "load guest page fault",
    [CAUSE_VIRTUAL_INSN] = "virtual instruction",
    [CAUSE_STORE_GUEST_PAGE] = "store guest page fault",
};

static const struct {
    const char *full, *brief;
} irqs[] = {
    [IRQ_SSI] = {"S software", "SSI"},       [IRQ_VSSI] = {"VS software", "VSSI"}, [IRQ_MSI] = {"M software", "MSI"},
    [IRQ_STI] = {"S timer", "STI"},          [IRQ_VSTI] = {"VS timer", "VSTI"},    [IRQ_MTI] = {"M timer", "MTI"},
    [IRQ_SEI] = {"S external", "SEI"},       [IRQ_VSEI] = {"VS external", "VSEI"}, [IRQ_MEI] = {"M external", "MEI"},
    [IRQ_SGEI] = {"guest external", "SGEI"},
};

static const char *or_else(const char *s, const char *otherwise)
{
    return s ? s : otherwise;
}

const char *name_irq(unsigned bit)
{
    return or_else(bit < ARRAY_LEN(irqs) ? irqs[bit].full : NULL, "?");
}

const char *name_irq_short(unsigned bit)
{
    return or_else(bit < ARRAY_LEN(irqs) ? irqs[bit].brief : NULL, "?");
}

const char *name_cause(uint64_t cause)
{
    uint64_t n = cause & ~CAUSE_INTERRUPT;
    const char *s = NULL;
    if (cause & CAUSE_INTERRUPT)
        s = n < ARRAY_LEN(irqs) ? irqs[n].full : NULL;
    else if (n < ARRAY_LEN(exceptions))
        s = exceptions[n];
    return or_else(s, "reserved cause");
}

/* The same words: case aside, and with - or _ for a space in the one that a user typed. */
static bool same_words(const char *name, const char *typed)
{
    for (; *name; name++, typed++) {
        char c = *typed == '-' || *typed == '_' ? ' ' : *typed;
        if (tolower((unsigned char)c) != tolower((unsigned char)*name))
            return false;
    }
    return !*typed;
}

bool name_cause_find(const char *word, uint64_t *cause)
{
    for (unsigned i = 0; i < ARRAY_LEN(exceptions); i++)
        if (exceptions[i] && same_words(exceptions[i], word)) {
            *cause = i;
            return true;
        }
    for (unsigned i = 0; i < ARRAY_LEN(irqs); i++)
        if (irqs[i].full && (same_words(irqs[i].full, word) || same_words(irqs[i].brief, word))) {
            *cause = CAUSE_INTERRUPT | i;
            return true;
        }
    return false;
}

/* ---- modes ---- */

static const char *const modes[8] = {"U", "S", NULL, "M", "VU", "VS", NULL, NULL}; /* by EVENT_MODE() */

const char *name_mode(uint8_t event_mode)
{
    return or_else(event_mode < ARRAY_LEN(modes) ? modes[event_mode] : NULL, "?");
}

const char *name_priv(enum priv priv, bool virt)
{
    return priv == PRIV_M ? "M" : name_mode(EVENT_MODE(priv, virt));
}

bool name_mode_find(const char *word, uint8_t *event_mode)
{
    if (!strcasecmp(word, "HS"))
        word = "S";
    for (unsigned i = 0; i < ARRAY_LEN(modes); i++)
        if (modes[i] && !strcasecmp(modes[i], word)) {
            *event_mode = (uint8_t)i;
            return true;
        }
    return false;
}

/* ---- translation ---- */

static const struct {
    const char *word, *why;
} verdicts[] = {
    [PTE_POINTER] = {"pointer", "points to the next table"},
    [PTE_LEAF] = {"leaf", "maps the page"},
    [PTE_INVALID] = {"invalid", "V=0: the entry is not valid"},
    [PTE_RESERVED] = {"reserved", "a combination of bits that the specification reserves"},
    [PTE_NO_PERMISSION_R] = {"no read permission", "R=0: the page must not be read"},
    [PTE_NO_PERMISSION_W] = {"no write permission", "W=0: the page must not be written"},
    [PTE_NO_PERMISSION_X] = {"no execute permission", "X=0: the page must not be executed"},
    [PTE_NOT_USER] = {"not for U", "U=0: the page is not for U mode"},
    [PTE_USER_PAGE] = {"user page", "U=1: S mode never executes such a page, and reads or writes it only with SUM=1"},
    [PTE_MISALIGNED_SUPERPAGE] = {"misaligned superpage", "a leaf of this level needs zeroes in the PPN's lower bits"},
    [PTE_NO_LEAF] = {"no leaf", "a pointer at the last level, where only a leaf can stand"},
    [PTE_A_CLEAR] = {"A clear", "A=0, and the hardware is not told to set it (ADUE=0)"},
    [PTE_D_CLEAR] = {"D clear", "D=0 at a write, and the hardware is not told to set it (ADUE=0)"},
    [PTE_PMP_DENIED] = {"PMP denied", "physical memory protection denies the access"},
    [PTE_NO_MEMORY] = {"no memory", "no memory answers at the entry's address"},
    [PTE_NOT_CANONICAL] = {"out of range", "the address has upper bits that this mode of translation does not have"},
    [PTE_UPDATED_AD] = {"A/D updated", "the hardware set A or D"},
};

const char *name_verdict(enum pte_verdict v)
{
    return or_else((unsigned)v < ARRAY_LEN(verdicts) ? verdicts[v].word : NULL, "?");
}

const char *name_verdict_why(enum pte_verdict v)
{
    return or_else((unsigned)v < ARRAY_LEN(verdicts) ? verdicts[v].why : NULL, "?");
}

const char *name_access(unsigned access)
{
    static const char *const names[] = {[MMU_R] = "read", [MMU_W] = "write", [MMU_X] = "execute"};
    return access < ARRAY_LEN(names) ? names[access] : "?";
}

const char *name_flush(unsigned flush)
{
    static const char *const names[] = {[FLUSH_SFENCE] = "sfence.vma",
                                        [FLUSH_HFENCE_VVMA] = "hfence.vvma",
                                        [FLUSH_HFENCE_GVMA] = "hfence.gvma",
                                        [FLUSH_ALL] = "all"};
    return flush < ARRAY_LEN(names) ? names[flush] : "?";
}

/* ---- SBI ---- */

#define LEGACY(number, name)                                                                                           \
    {                                                                                                                  \
        number, "legacy",                                                                                              \
        {                                                                                                              \
            name                                                                                                       \
        }                                                                                                              \
    }
static const struct {
    uint64_t eid;
    const char *name;
    const char *function[8];
} sbi[] = {
    LEGACY(0, "set_timer"),
    LEGACY(1, "console_putchar"),
    LEGACY(2, "console_getchar"),
    LEGACY(3, "clear_ipi"),
    LEGACY(4, "send_ipi"),
    LEGACY(5, "remote_fence_i"),
    LEGACY(6, "remote_sfence_vma"),
    LEGACY(7, "remote_sfence_vma_asid"),
    LEGACY(8, "shutdown"),
    {0x10,
     "BASE",
     {"get_spec_version", "get_impl_id", "get_impl_version", "probe_extension", "get_mvendorid", "get_marchid",
      "get_mimpid"}},
    {0x54494d45, "TIME", {"set_timer"}},
    {0x735049, "IPI", {"send_ipi"}},
    {0x52464e43,
     "RFENCE",
     {"remote_fence_i", "remote_sfence_vma", "remote_sfence_vma_asid", "remote_hfence_gvma_vmid", "remote_hfence_gvma",
      "remote_hfence_vvma_asid", "remote_hfence_vvma"}},
    {0x48534d, "HSM", {"hart_start", "hart_stop", "hart_get_status", "hart_suspend"}},
    {0x53525354, "SRST", {"system_reset"}},
    {0x504d55,
     "PMU",
     {"num_counters", "counter_get_info", "counter_config_matching", "counter_start", "counter_stop", "counter_fw_read",
      "counter_fw_read_hi", "snapshot_set_shmem"}},
    {0x4442434e, "DBCN", {"console_write", "console_read", "console_write_byte"}},
    {0x53555350, "SUSP", {"system_suspend"}},
    {0x43505043, "CPPC", {"probe", "read", "read_hi", "write"}},
    {0x4e41434c, "NACL", {"probe_feature", "set_shmem", "sync_csr", "sync_hfence", "sync_sret"}},
    {0x535441, "STA", {"set_shmem"}},
};

const char *name_sbi_ext(uint64_t eid)
{
    for (unsigned i = 0; i < ARRAY_LEN(sbi); i++)
        if (sbi[i].eid == eid)
            return sbi[i].name;
    return "?";
}

const char *name_sbi_function(uint64_t eid, uint64_t fid)
{
    for (unsigned i = 0; i < ARRAY_LEN(sbi); i++)
        if (sbi[i].eid == eid) {
            fid = eid < 0x10 ? 0 : fid; /* the legacy calls have no function number */
            return or_else(fid < ARRAY_LEN(sbi[i].function) ? sbi[i].function[fid] : NULL, "?");
        }
    return "?";
}

const char *name_sbi_error(int64_t error)
{
    static const char *const names[] = {"success",         "failed",          "not supported",     "invalid parameter",
                                        "denied",          "invalid address", "already available", "already started",
                                        "already stopped", "no shared memory"};
    return error <= 0 && error > -(int64_t)ARRAY_LEN(names) ? names[-error] : "?";
}
