/* SPDX-License-Identifier: MIT */
#include "monitor/stats_int.h"

#include <inttypes.h>

#include "monitor/names.h"

static const char *const class_names[TRACE_CLASSES] = {
    [CLASS_ALU] = "alu",       [CLASS_MULDIV] = "muldiv", [CLASS_LOAD] = "load", [CLASS_STORE] = "store",
    [CLASS_ATOMIC] = "atomic", [CLASS_BRANCH] = "branch", [CLASS_JUMP] = "jump", [CLASS_FP] = "fp",
    [CLASS_CSR] = "csr",       [CLASS_SYSTEM] = "system"};
static const char *const regime_names[REGIMES] = {[REGIME_S] = "S", [REGIME_VS] = "VS", [REGIME_G] = "G"};

static uint64_t cause_of(unsigned n)
{
    return n < 64 ? n : (n - 64) | BIT(63);
}

static double rate(uint64_t misses, uint64_t accesses)
{
    return accesses > misses ? 100.0 - 100.0 * (double)misses / (double)accesses : 0;
}

static double mips(uint64_t insns, double seconds)
{
    return seconds > 0 ? (double)insns / seconds / 1e6 : 0;
}

/* Accesses that the TLB's fills are to be compared with: 0 reads and 1 writes are counted together by --stats=full. */
static uint64_t data_fills(const struct stats *s)
{
    return s->fills[MMU_R] + s->fills[MMU_W];
}

/* ---- Text ---- */

static void print_machine(const struct stats *s, FILE *f, double cpu, double wall)
{
    const struct machine_stats *m = machine_stats(s->machine);
    fprintf(f, "instructions      %" PRIu64 "\n", m->insns);
    for (unsigned i = 0; machine_hart(s->machine, i); i++)
        fprintf(f, "  hart %-2u         %" PRIu64 "\n", i, hart_instret(machine_hart(s->machine, i)));
    fprintf(f, "guest time        %.6f s (%" PRIu64 " slots, %" PRIu64 " of them idle)\n",
            (double)machine_time(s->machine) / 1e7, machine_clock(s->machine), m->idle_slots);
    fprintf(f, "host time         %.3f s CPU, %.3f s in all\n", cpu, wall);
    fprintf(f, "speed             %.1f million instructions per CPU second\n", mips(m->insns, cpu));
    fprintf(f,
            "runs              %" PRIu64 ": %" PRIu64 " to the budget, %" PRIu64 " to an event, %" PRIu64
            " to wfi, %" PRIu64 " to firmware\n",
            m->runs, m->exits[EXIT_BUDGET], m->exits[EXIT_EVENT], m->exits[EXIT_WFI], m->exits[EXIT_TRAP]);
    fprintf(f, "looks at input    %" PRIu64 "\n", m->io_polls);
}

static void print_traps(const struct stats *s, FILE *f)
{
    uint64_t all = 0;
    for (unsigned c = 0; c < STATS_CAUSES; c++)
        for (unsigned i = 0; i < STATS_MODES * STATS_MODES; i++)
            all += s->traps[c][i / STATS_MODES][i % STATS_MODES];
    fprintf(f, "traps             %" PRIu64 ", returns %" PRIu64 "\n", all, s->returns);
    for (unsigned c = 0; c < STATS_CAUSES; c++)
        for (unsigned i = 0; i < STATS_MODES * STATS_MODES; i++) {
            unsigned from = i / STATS_MODES, to = i % STATS_MODES;
            if (s->traps[c][from][to])
                fprintf(f, "  %-2s to %-2s %-5s    %" PRIu64 " %s\n", name_mode((uint8_t)from), name_mode((uint8_t)to),
                        c < 64 ? "" : "int.", s->traps[c][from][to], name_cause(cause_of(c)));
        }
    fprintf(f, "page table loads  %" PRIu64 "\n", s->ptrs);
}

static void print_mmu(const struct stats *s, FILE *f)
{
    for (unsigned r = 0; r < REGIMES; r++)
        if (s->walk[r].reads)
            fprintf(f,
                    "walks %-2s          %" PRIu64 ", %" PRIu64 " PTEs read, %" PRIu64 " denied, %" PRIu64
                    " set A or D\n",
                    regime_names[r], s->walk[r].walks, s->walk[r].reads, s->walk[r].faults, s->walk[r].updates);
    fprintf(f, "TLB fills         %" PRIu64 " to read, %" PRIu64 " to write, %" PRIu64 " to execute\n", s->fills[MMU_R],
            s->fills[MMU_W], s->fills[MMU_X]);
    if (s->options.full)
        fprintf(f, "TLB hits          %.4f%% of %" PRIu64 " data accesses, %.4f%% of %" PRIu64 " fetches\n",
                rate(data_fills(s), s->data_accesses), s->data_accesses, rate(s->fills[MMU_X], stats_insns(s)),
                stats_insns(s));
    fprintf(f, "TLB flushes      ");
    for (unsigned i = 0; i < ARRAY_LEN(s->flushes); i++)
        fprintf(f, "%s %" PRIu64 " %s", i ? "," : "", s->flushes[i], name_flush(i));
    fprintf(f, "\n");
}

static void print_devices(const struct stats *s, FILE *f)
{
    fprintf(f, "interrupts        %" PRIu64 " raised at the PLIC, %" PRIu64 " claimed\n", s->interrupts, s->claims);
    for (unsigned i = 0; i < s->ndevices; i++)
        fprintf(f, "mmio %-12s %" PRIu64 " reads, %" PRIu64 " writes\n", s->device[i].name, s->device[i].reads,
                s->device[i].writes);
    uint64_t calls = s->other_sbi;
    for (unsigned i = 0; i < s->nsbi; i++)
        calls += s->sbi[i].calls;
    fprintf(f, "SBI calls         %" PRIu64 "\n", calls);
    for (unsigned i = 0; i < s->nsbi; i++) {
        const char *extension = name_sbi_ext(s->sbi[i].extension);
        const char *function = name_sbi_function(s->sbi[i].extension, s->sbi[i].function);
        fprintf(f, "  %-8s %-15s %" PRIu64, extension, function, s->sbi[i].calls);
        if (*extension == '?' || *function == '?')
            fprintf(f, " (extension %#" PRIx64 ", function %" PRIu64 ")", s->sbi[i].extension, s->sbi[i].function);
        fprintf(f, "\n");
    }
}

static void print_classes(const struct stats *s, FILE *f)
{
    uint64_t all = stats_insns(s);
    fprintf(f, "by class\n");
    for (unsigned i = 0; i < TRACE_CLASSES; i++)
        fprintf(f, "  %-15s %" PRIu64 " (%.1f%%)\n", class_names[i], s->classes[i],
                all ? 100.0 * (double)s->classes[i] / (double)all : 0);
    fprintf(f, "  compressed      %" PRIu64 " (%.1f%%)\n", s->compressed,
            all ? 100.0 * (double)s->compressed / (double)all : 0);
    fprintf(f, "by mode\n");
    for (unsigned i = 0; i < STATS_MODES; i++)
        if (s->insns[i])
            fprintf(f, "  %-15s %" PRIu64 "\n", name_mode((uint8_t)i), s->insns[i]);
}

/* ---- JSON ---- */

static void json_machine(const struct stats *s, FILE *f, double cpu, double wall)
{
    const struct machine_stats *m = machine_stats(s->machine);
    fprintf(f, "  \"instructions\": %" PRIu64 ",\n  \"harts\": [", m->insns);
    for (unsigned i = 0; machine_hart(s->machine, i); i++)
        fprintf(f, "%s%" PRIu64, i ? ", " : "", hart_instret(machine_hart(s->machine, i)));
    fprintf(f, "],\n  \"guest_seconds\": %.7f,\n  \"slots\": %" PRIu64 ",\n  \"idle_slots\": %" PRIu64 ",\n",
            (double)machine_time(s->machine) / 1e7, machine_clock(s->machine), m->idle_slots);
    fprintf(f, "  \"host_seconds\": {\"cpu\": %.6f, \"all\": %.6f},\n  \"mips\": %.3f,\n", cpu, wall,
            mips(m->insns, cpu));
    fprintf(f,
            "  \"runs\": {\"all\": %" PRIu64 ", \"budget\": %" PRIu64 ", \"event\": %" PRIu64 ", \"wfi\": %" PRIu64
            ", \"firmware\": %" PRIu64 "},\n  \"input_polls\": %" PRIu64 ",\n",
            m->runs, m->exits[EXIT_BUDGET], m->exits[EXIT_EVENT], m->exits[EXIT_WFI], m->exits[EXIT_TRAP], m->io_polls);
}

static void json_traps(const struct stats *s, FILE *f)
{
    bool any = false;
    fprintf(f, "  \"traps\": [");
    for (unsigned c = 0; c < STATS_CAUSES; c++)
        for (unsigned i = 0; i < STATS_MODES * STATS_MODES; i++) {
            unsigned from = i / STATS_MODES, to = i % STATS_MODES;
            if (!s->traps[c][from][to])
                continue;
            fprintf(f,
                    "%s\n    {\"cause\": \"%#" PRIx64
                    "\", \"name\": \"%s\", \"from\": \"%s\", \"to\": \"%s\", \"count\": %" PRIu64 "}",
                    any ? "," : "", cause_of(c), name_cause(cause_of(c)), name_mode((uint8_t)from),
                    name_mode((uint8_t)to), s->traps[c][from][to]);
            any = true;
        }
    fprintf(f, "],\n  \"returns\": %" PRIu64 ",\n  \"page_table_loads\": %" PRIu64 ",\n", s->returns, s->ptrs);
}

static void json_mmu(const struct stats *s, FILE *f)
{
    fprintf(f, "  \"walks\": {");
    for (unsigned r = 0; r < REGIMES; r++)
        fprintf(f,
                "%s\n    \"%s\": {\"walks\": %" PRIu64 ", \"pte_reads\": %" PRIu64 ", \"denied\": %" PRIu64
                ", \"ad_updates\": %" PRIu64 "}",
                r ? "," : "", regime_names[r], s->walk[r].walks, s->walk[r].reads, s->walk[r].faults,
                s->walk[r].updates);
    fprintf(f,
            "},\n  \"tlb\": {\n    \"fills\": {\"read\": %" PRIu64 ", \"write\": %" PRIu64 ", \"execute\": %" PRIu64
            "},\n    \"flushes\": {",
            s->fills[MMU_R], s->fills[MMU_W], s->fills[MMU_X]);
    for (unsigned i = 0; i < ARRAY_LEN(s->flushes); i++)
        fprintf(f, "%s\"%s\": %" PRIu64, i ? ", " : "", name_flush(i), s->flushes[i]);
    fprintf(f, "}");
    if (s->options.full)
        fprintf(f,
                ",\n    \"data_accesses\": %" PRIu64 ", \"data_hit_rate\": %.8f,\n    \"fetches\": %" PRIu64
                ", \"fetch_hit_rate\": %.8f",
                s->data_accesses, rate(data_fills(s), s->data_accesses) / 100, stats_insns(s),
                rate(s->fills[MMU_X], stats_insns(s)) / 100);
    fprintf(f, "},\n");
}

static void json_devices(const struct stats *s, FILE *f)
{
    fprintf(f, "  \"interrupts\": {\"raised\": %" PRIu64 ", \"claimed\": %" PRIu64 "},\n  \"mmio\": [", s->interrupts,
            s->claims);
    for (unsigned i = 0; i < s->ndevices; i++)
        fprintf(f, "%s\n    {\"device\": \"%s\", \"reads\": %" PRIu64 ", \"writes\": %" PRIu64 "}", i ? "," : "",
                s->device[i].name, s->device[i].reads, s->device[i].writes);
    fprintf(f, "],\n  \"sbi\": [");
    for (unsigned i = 0; i < s->nsbi; i++)
        fprintf(f,
                "%s\n    {\"extension\": \"%#" PRIx64 "\", \"name\": \"%s\", \"function\": %" PRIu64
                ", \"function_name\": \"%s\", \"calls\": %" PRIu64 "}",
                i ? "," : "", s->sbi[i].extension, name_sbi_ext(s->sbi[i].extension), s->sbi[i].function,
                name_sbi_function(s->sbi[i].extension, s->sbi[i].function), s->sbi[i].calls);
    fprintf(f, "],\n");
}

static void json_classes(const struct stats *s, FILE *f)
{
    fprintf(f, "  \"classes\": {");
    for (unsigned i = 0; i < TRACE_CLASSES; i++)
        fprintf(f, "%s\"%s\": %" PRIu64, i ? ", " : "", class_names[i], s->classes[i]);
    fprintf(f, "},\n  \"compressed\": %" PRIu64 ",\n  \"modes\": {", s->compressed);
    bool any = false;
    for (unsigned i = 0; i < STATS_MODES; i++)
        if (s->insns[i]) {
            fprintf(f, "%s\"%s\": %" PRIu64, any ? ", " : "", name_mode((uint8_t)i), s->insns[i]);
            any = true;
        }
    fprintf(f, "},\n");
}

void stats_print(const struct stats *s, FILE *f, double cpu, double wall)
{
    if (!s->options.json) {
        print_machine(s, f, cpu, wall);
        print_traps(s, f);
        print_mmu(s, f);
        print_devices(s, f);
        if (s->options.full)
            print_classes(s, f);
        return;
    }
    fprintf(f, "{\n");
    json_machine(s, f, cpu, wall);
    json_traps(s, f);
    json_mmu(s, f);
    json_devices(s, f);
    if (s->options.full)
        json_classes(s, f);
    fprintf(f, "  \"marks\": %" PRIu64 ", \"resets\": %" PRIu64 "\n}\n", s->marks, s->resets);
}
