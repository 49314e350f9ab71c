/* SPDX-License-Identifier: MIT */
/* The table of commands: one row each, its body in a cmd_*.c. Finding them and help are made from the rows; completion too (complete.c). */
#include "monitor/debug/repl_int.h"

#include "cpu/csr.h"
#include "monitor/debug/csr_view.h"
#include "monitor/debug/source.h"
#include "symbols.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define ROW(name, aliases, args, completion, flags, fn, help) {name, aliases, args, COMPLETE_##completion, flags, help, fn}
/* clang-format on */
enum { RUN = CMD_RUNS, STEP = CMD_RUNS | CMD_REPEATS };

const struct command commands[] = {
    /* Running */
    ROW("run", "r", NULL, NONE, RUN | CMD_CHANGES, cmd_run, "starts the guest, from power-on if it has run already"),
    ROW("continue", "c fg", "[N]", NONE, STEP, cmd_continue, "runs on; N: ignores the breakpoint here N-1 times"),
    ROW("step", "s", "[N]", NONE, STEP, cmd_step, "to another source line, into calls and traps"),
    ROW("next", "n", "[N]", NONE, STEP, cmd_next, "to another source line, calls and traps run through"),
    ROW("stepi", "si", "[N]", NONE, STEP, cmd_stepi, "one instruction, or one trap into its handler"),
    ROW("nexti", "ni", "[N]", NONE, STEP, cmd_nexti, "one instruction; calls, ecall and other traps are run through"),
    ROW("stepx", "sx", "[KINDS] [N]", KINDS, STEP, cmd_stepx,
        "to the next event, in the midst of its instruction; without KINDS: traps, modes, page-table entries, the "
        "VMM's steps"),
    ROW("finish", "fin", "[N]", NONE, STEP, cmd_finish, "until the selected frame returns; N: so many frames"),
    ROW("until", "u", "[N | PLACE [N]]", PLACE, STEP, cmd_until,
        "to a line further down (past the end of a loop), or as advance; N: so many times"),
    ROW("advance", NULL, "PLACE [N]", PLACE, STEP, cmd_advance,
        "to a place, or to the end of the function; N: to the place for the N-th time"),
    ROW("jump", "j", "PLACE", PLACE, RUN | CMD_CHANGES, cmd_jump, "runs on from there: pc is set, nothing else"),
    ROW("reset", NULL, NULL, NONE, RUN | CMD_CHANGES, cmd_reset, "back to power-on, stopped; breakpoints stay"),
    ROW("kill", "k", NULL, NONE, RUN | CMD_CHANGES, cmd_kill, "ends the guest"),
    ROW("quit", "q exit", "[STATUS]", NONE, RUN, cmd_quit, "ends it all"),

    /* Stopping */
    ROW("break", "b br", "[PLACE] [hart N] [if EXPR]", PLACE, 0, cmd_break,
        "stops before the instruction there; PLACE: symbol, FILE:LINE, *ADDRESS, gpa:ADDRESS, hpa:ADDRESS"),
    ROW("tbreak", "tb", "[PLACE] [hart N] [if EXPR]", PLACE, 0, cmd_tbreak, "a breakpoint that goes away once hit"),
    ROW("hbreak", "hb", "[PLACE] [hart N] [if EXPR]", PLACE, 0, cmd_hbreak,
        "the same as break: no breakpoint here is in the guest's memory"),
    ROW("watch", NULL, "EXPR[,LENGTH] [hart N] [if EXPR]", EXPR, 0, cmd_watch,
        "stops when memory there changes its value; what lies in a function's frame is watched until that returns"),
    ROW("rwatch", "rw", "EXPR[,LENGTH] [hart N] [if EXPR]", EXPR, 0, cmd_rwatch, "stops when it is read"),
    ROW("awatch", "aw", "EXPR[,LENGTH] [hart N] [if EXPR]", EXPR, 0, cmd_awatch, "stops when it is read or written"),
    ROW("catch trap", NULL, "[CAUSE] [from MODE] [if EXPR]", CAUSE, 0, cmd_catch_trap,
        "stops at traps, in their handler; CAUSE as load-page-fault"),
    ROW("catch csr", NULL, "[NAME] [if EXPR]", CSR, 0, cmd_catch_csr,
        "stops when a CSR was written; EXPR may name csr, old and new"),
    ROW("catch mode", NULL, "[if EXPR]", NONE, 0, cmd_catch_mode, "stops when the privilege mode changed"),
    ROW("catch sbi", NULL, "[if EXPR]", NONE, 0, cmd_catch_sbi,
        "stops at calls of the firmware; EXPR may name extension, function, arg0"),
    ROW("catch mmio", NULL, "[DEVICE] [if EXPR]", DEVICE, 0, cmd_catch_mmio,
        "stops at accesses to a device; EXPR may name at, value, write"),
    ROW("catch irq", NULL, "[SOURCE] [if EXPR]", NONE, 0, cmd_catch_irq,
        "stops when an interrupt line changes, is claimed or completed"),
    ROW("catch event", NULL, "KINDS [if EXPR]", KINDS, 0, cmd_catch_event,
        "stops at events of any kind: help events lists them"),
    ROW("catch exit", NULL, "[REASON] [if EXPR]", NONE, 0, cmd_catch_exit,
        "stops when the VMM got control from a guest; REASON: page, mmio, protected, privileged, ecall, ..."),
    ROW("delete", "d", "[N...]", STOP, 0, cmd_delete,
        "removes breakpoints, watchpoints and catchpoints; all without numbers"),
    ROW("enable", "en", "[N...]", STOP, 0, cmd_enable, "lets them stop again"),
    ROW("disable", "dis", "[N...]", STOP, 0, cmd_disable, "keeps them, but they stop nothing"),
    ROW("ignore", NULL, "N COUNT", STOP, 0, cmd_ignore, "lets the next COUNT hits pass"),
    ROW("condition", "cond", "N [EXPR]", STOP, 0, cmd_condition, "stops only if EXPR is not 0; without EXPR always"),
    ROW("commands", NULL, "[N]", STOP, 0, cmd_commands,
        "commands to be done when N is hit: lines up to `end`; silent as the first shows no stop"),
    ROW("info breakpoints", NULL, "[N]", STOP, CMD_REPEATS, cmd_info_breakpoints, "lists them all"),
    ROW("info watchpoints", NULL, "[N]", STOP, CMD_REPEATS, cmd_info_watchpoints, "lists watchpoints alone"),

    /* Looking */
    ROW("print", "p inspect call", "[/F] [EXPR]", EXPR, CMD_REPEATS, cmd_print,
        "a C expression over $registers, $csr.fields, the program's variables, symbols and memory; VALUE@N: N of them"),
    ROW("output", NULL, "[/F] EXPR", EXPR, CMD_REPEATS, cmd_output, "the same without a name and a newline"),
    ROW("x", NULL, "[/NFU] [ADDRESS]", EXPR, CMD_REPEATS, cmd_x,
        "memory at a virtual address: count, format x d u o t a c f s i, unit b h w g"),
    ROW("xp", NULL, "[/NFU] [ADDRESS]", EXPR, CMD_REPEATS, cmd_xp, "physical memory, laid out as QEMU does"),
    ROW("display", NULL, "[/F] [EXPR]", EXPR, 0, cmd_display, "prints it at each stop; with i, s or a unit as x does"),
    ROW("undisplay", NULL, "[N...]", NONE, 0, cmd_undisplay, "no more"),
    ROW("info display", NULL, NULL, NONE, CMD_REPEATS, cmd_info_display, "lists the displays"),
    ROW("list", "l", "[PLACE | FROM,TO | -]", PLACE, CMD_REPEATS, cmd_list,
        "source lines; PLACE: FUNCTION, FILE:LINE, FILE:FUNCTION, LINE, *ADDRESS"),
    ROW("disassemble", "disas", "[/s] [ADDRESS | FROM,TO | FROM,+LENGTH]", EXPR, CMD_REPEATS, cmd_disassemble,
        "instructions; /s: with source lines"),
    ROW("backtrace", "bt where info_stack", "[N]", NONE, CMD_REPEATS, cmd_backtrace,
        "who called whom, across trap frames too"),
    ROW("frame", "f", "[N]", NONE, CMD_REPEATS, cmd_frame,
        "selects a frame: for list and finish, and for $registers in expressions"),
    ROW("up", NULL, "[N]", NONE, CMD_REPEATS, cmd_up, "the frame that called this one"),
    ROW("down", NULL, "[N]", NONE, CMD_REPEATS, cmd_down, "the frame that it called"),
    ROW("info frame", "info_f", NULL, NONE, CMD_REPEATS, cmd_info_frame,
        "what is known of the selected frame, and how it was found"),
    ROW("info locals", NULL, NULL, NONE, CMD_REPEATS, cmd_info_locals,
        "the selected frame's local variables (compile with -g)"),
    ROW("info args", NULL, NULL, NONE, CMD_REPEATS, cmd_info_args, "what the selected frame's function was given"),
    ROW("ptype", NULL, "EXPR | TYPE", EXPR, CMD_REPEATS, cmd_ptype, "a type: its members with their offsets and sizes"),
    ROW("whatis", NULL, "EXPR | TYPE", EXPR, CMD_REPEATS, cmd_whatis, "the type of a value"),
    ROW("hart", "thread", "[N]", NONE, 0, cmd_hart, "selects a hart"),
    ROW("csr", NULL, "NAME...", CSR, CMD_REPEATS, cmd_csr, "a CSR field by field"),
    ROW("info registers", NULL, "[NAME...]", REG, CMD_REPEATS, cmd_info_registers, "x0 to x31 and pc, or those named"),
    ROW("info all-registers", NULL, "[NAME...]", REG, CMD_REPEATS, cmd_info_all_registers, "with f registers and CSRs"),
    ROW("info csr", NULL, "[PATTERN]", CSR, CMD_REPEATS, cmd_info_csr, "CSRs in a line each"),
    ROW("info mode", NULL, NULL, NONE, CMD_REPEATS, cmd_info_mode, "the hart's mode, and what decides about it"),
    ROW("info mem", NULL, NULL, NONE, CMD_REPEATS, cmd_info_mem, "what is mapped, as QEMU prints it"),
    ROW("info tlb", NULL, NULL, NONE, CMD_REPEATS, cmd_info_tlb, "what the hart's TLB holds"),
    ROW("info mtree", NULL, NULL, NONE, CMD_REPEATS, cmd_info_mtree, "what answers at which physical address"),
    ROW("info harts", "info_threads info_cpus", NULL, NONE, CMD_REPEATS, cmd_info_harts,
        "all harts, and where they are"),
    ROW("info devices", "info_qtree", NULL, NONE, CMD_REPEATS, cmd_info_devices,
        "the board's devices, and where its consoles lead"),
    ROW("info irq", NULL, NULL, NONE, CMD_REPEATS, cmd_info_irq,
        "interrupts pending, enabled and delegated on each hart; the time"),
    ROW("info symbols", "info_functions info_variables", "[PATTERN]", EXPR, CMD_REPEATS, cmd_info_symbols,
        "the guest's symbols"),
    ROW("info symbol", NULL, "ADDRESS", EXPR, CMD_REPEATS, cmd_info_symbol, "the symbol at an address"),
    ROW("info files", "info_file info_target info_sharedlibrary", NULL, NONE, CMD_REPEATS, cmd_info_files,
        "the files that symbols and lines come from"),
    ROW("info line", NULL, "[PLACE]", PLACE, CMD_REPEATS, cmd_info_line, "the addresses of a source line"),
    ROW("info source", NULL, NULL, NONE, CMD_REPEATS, cmd_info_source, "the source file of the code here"),
    ROW("info sources", NULL, NULL, NONE, CMD_REPEATS, cmd_info_sources, "all source files that have code"),
    ROW("info events", NULL, "[N] [KINDS]", KINDS, CMD_REPEATS, cmd_info_events,
        "the flight recorder: the latest events"),
    ROW("walk", NULL, "ADDRESS [r|w|x] [as MODE] [size N]", EXPR, CMD_REPEATS, cmd_walk,
        "each step of a translation, and which bit denies it"),
    ROW("info vms", NULL, NULL, NONE, CMD_REPEATS, cmd_info_vms,
        "the virtual machines: state, instructions, exits, frames of memory and of the VMM's tables"),
    ROW("vm", NULL, "[N|real]", NONE, 0, cmd_vm,
        "selects a virtual machine: whose hart, memory and symbols the other commands mean; 0 or real: the real one"),
    ROW("shadow", NULL, "ADDRESS", EXPR, CMD_REPEATS, cmd_shadow,
        "the VMM's side of a guest's address: the frame, and guest's and shadow's entries level by level"),
    ROW("info shadow", NULL, "[TABLE]", NONE, CMD_REPEATS, cmd_info_shadow,
        "the tables that the VMM keeps for the guest, its protected pages; under nested the second stage; TABLE, by "
        "its hpa: each entry, who "
        "filled or dropped it, and when"),
    ROW("vmstat", NULL, "[N|clear]", NONE, CMD_REPEATS, cmd_vmstat,
        "where the selected guest's exits come from: by reason, function and instruction; clear: counts anew"),
    ROW("why", NULL, NULL, NONE, CMD_REPEATS, cmd_why,
        "what happened: the last trap and the bit that caused it, or what a hart waits for"),
    ROW("pagetable", "pt", "[ROOT] [sv39...] [satp|vsatp|hgatp] [as MODE] [all]", EXPR, CMD_REPEATS, cmd_pagetable,
        "the page table as a tree"),

    /* Changing */
    ROW("set", NULL, "ASSIGNMENT", EXPR, CMD_CHANGES, cmd_set_var,
        "registers, CSRs, their fields, variables, memory: set $a0 = 1, set *(int *)0x80001000 = 2; gdb's settings of "
        "its "
        "screen (pagination, confirm, height, ...) are passed over"),
    ROW("set var", NULL, "ASSIGNMENT", EXPR, CMD_CHANGES, cmd_set_var, "the same"),
    ROW("set mmio", NULL, "on|off", NONE, 0, cmd_set_mmio,
        "lets x, print and set reach devices, with all effects (default off)"),
    ROW("set substitute-path", NULL, "FROM TO", FILE, CMD_FILES, cmd_set_substitute_path, "where source files are now"),
    ROW("show", NULL, "[mmio|convenience|version]", NONE, 0, cmd_show, "settings and variables"),

    /* The rest */
    ROW("add-symbol-file", "symbol-file file", "FILE [ADDRESS | -o OFFSET]", FILE, CMD_FILES, cmd_add_symbol_file,
        "names and lines of code that comes into memory by itself: a user's program; ADDRESS: where its .text lies"),
    ROW("trace", NULL, "KINDS[,if=EXPR][:FILE] | off", KINDS, CMD_FILES, cmd_trace,
        "starts a trace as --trace does; off ends all that were started"),
    ROW("echo", NULL, "TEXT", NONE, 0, cmd_echo, "prints it; \\n is a newline"),
    ROW("source", NULL, "FILE", FILE, CMD_FILES, cmd_source, "does the commands of a file"),
    ROW("help", "h", "[COMMAND | events]", COMMAND, 0, cmd_help,
        "what a command does; events: the kinds for catch, stepx, trace"),
};
const unsigned ncommands = ARRAY_LEN(commands);

/* ---- Finding ---- */

size_t command_word_length(const char *s)
{
    size_t n = 0;
    while (isalnum((unsigned char)s[n]) || s[n] == '-' || s[n] == '_')
        n++;
    return n;
}

/* Is the word one of the blank-separated ones? */
static bool listed(const char *list, const char *word, size_t n)
{
    for (const char *s = list; s && *s; s += strspn(s, " ")) {
        size_t len = strcspn(s, " ");
        if (len == n && !strncmp(s, word, n))
            return true;
        s += len;
    }
    return false;
}

/* Does the first word of the row's name begin with (exact: is it) this? */
bool command_first_matches(const struct command *c, const char *word, size_t n, bool exact)
{
    size_t len = strcspn(c->name, " ");
    return n <= len && !strncmp(c->name, word, n) && (!exact || n == len);
}

bool command_has_two(const struct command *c)
{
    return strchr(c->name, ' ') != NULL;
}

/* Among rows of two words whose first is settled: the one whose second is word. */
static const struct command *find_second(const char *first, size_t nfirst, const char *word, size_t n, struct err *e)
{
    const struct command *found = NULL;
    char both[64], many[512] = "";
    unsigned hits = 0;
    snprintf(both, sizeof both, "%.*s_%.*s", (int)min_u64(nfirst, 20), first, (int)min_u64(n, 40), word);
    for (unsigned i = 0; i < ncommands; i++) {
        const struct command *c = &commands[i];
        const char *second = strchr(c->name, ' ');
        if (listed(c->aliases, both, strlen(both)))
            return c;
        if (!second || (size_t)(second - c->name) != nfirst || strncmp(c->name, first, nfirst))
            continue;
        second++;
        if (strncmp(second, word, n))
            continue;
        if (strlen(second) == n)
            return c;
        snprintf(many + strlen(many), sizeof many - strlen(many), "%s%s", hits++ ? ", " : "", second);
        found = c;
    }
    if (hits == 1)
        return found;
    if (hits)
        err_set(e, -EINVAL, "%.*s %.*s may be %s", (int)nfirst, first, (int)n, word, many);
    return NULL;
}

/* All second words behind `first`, for messages. */
static void second_words(const char *first, size_t n, char *buf, size_t size)
{
    size_t used = 0;
    *buf = 0;
    for (unsigned i = 0; i < ncommands && used < size; i++) {
        const char *second = strchr(commands[i].name, ' ');
        if (second && (size_t)(second - commands[i].name) == n && !strncmp(commands[i].name, first, n))
            used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "", second + 1);
    }
}

static const struct command *no_command(const char *word, size_t n, struct err *e)
{
    char text[64];
    snprintf(text, sizeof text, "%.*s", (int)min_u64(n, sizeof text - 1), word);
    struct expr_nearest near = {.name = text};
    for (unsigned i = 0; i < ncommands; i++)
        if (!command_has_two(&commands[i]))
            expr_nearest_offer(&near, commands[i].name);
    err_set(e, -EINVAL, "no command '%s'%s%s%s: help lists them", text, near.best ? " (did you mean " : "",
            near.best ? near.best : "", near.best ? "?)" : "");
    return NULL;
}

const struct command *command_find(const char *line, const char **args, struct err *e)
{
    const struct command *found = NULL;
    char many[512] = "";
    const char *word = skip_blanks(line);
    size_t n = command_word_length(word);
    const char *rest = skip_blanks(word + n);
    bool exact = false;
    unsigned hits = 0;
    *args = rest;
    if (n == 1 && *word == 'i') { /* as in gdb: not one of ignore and info */
        word = "info";
        n = strlen(word);
    }
    if (!n)
        return no_command(word, strcspn(word, " \t"), e);
    for (unsigned i = 0; i < ncommands; i++) {
        const struct command *c = &commands[i];
        if (listed(c->aliases, word, n))
            return c;
        if (!command_first_matches(c, word, n, false) || (exact && !command_first_matches(c, word, n, true)))
            continue;
        if (command_first_matches(c, word, n, true) && !exact) {
            exact = true;
            found = NULL;
            hits = 0;
        }
        /* Rows of one first word are one command here. */
        if (found && strcspn(found->name, " ") == strcspn(c->name, " ") &&
            !strncmp(found->name, c->name, strcspn(c->name, " "))) {
            found = command_has_two(found) ? c : found;
            continue;
        }
        snprintf(many + strlen(many), sizeof many - strlen(many), "%s%.*s", hits++ ? ", " : "",
                 (int)strcspn(c->name, " "), c->name);
        found = c;
    }
    if (!hits)
        return no_command(word, n, e);
    if (hits > 1) {
        err_set(e, -EINVAL, "%.*s may be %s", (int)n, word, many);
        return NULL;
    }
    /* `set` alone is a command too; `info` is none without a second word. */
    size_t nfirst = strcspn(found->name, " "), n2 = command_word_length(rest);
    struct err why = {.text = ""};
    const struct command *two = n2 ? find_second(found->name, nfirst, rest, n2, &why) : NULL;
    bool alone = !command_has_two(found);
    if (two && (!alone || n2 == strlen(strchr(two->name, ' ') + 1))) {
        *args = skip_blanks(rest + n2);
        return two;
    }
    if (alone)
        return found;
    char words[512];
    second_words(found->name, nfirst, words, sizeof words);
    if (*why.text)
        err_set(e, -EINVAL, "%s", why.text);
    else
        err_set(e, -EINVAL, "%.*s%s%.*s: there are %s", (int)nfirst, found->name, n2 ? " " : "", (int)n2, rest, words);
    return NULL;
}

/* ---- help ---- */

static void help_row(struct repl *r, const struct command *c)
{
    char left[96];
    snprintf(left, sizeof left, "%s%s%s", c->name, c->args ? " " : "", c->args ? c->args : "");
    if (strlen(left) < 34)
        out_printf(r->out, "%-34s %s\n", left, c->help);
    else
        out_printf(r->out, "%s\n%-34s %s\n", left, "", c->help);
}

static void help_events(struct repl *r)
{
    out_puts(r->out, "Kinds of events, by name, by group, or by a glob; several are separated by commas:\n");
    for (unsigned k = 0; k < EV_KINDS; k++) {
        out_printf(r->out, "%-12s %-6s %s\n", event_rows[k].name, event_rows[k].group, event_rows[k].help);
        if (!event_rows[k].nargs)
            continue;
        out_printf(r->out, "%-19s", "");
        for (unsigned i = 0; i < event_rows[k].nargs; i++)
            out_printf(r->out, "%s%s", i ? ", " : "", event_rows[k].arg[i].name);
        out_puts(r->out, "\n");
    }
}

int cmd_help(struct repl *r, const char *args, struct err *e)
{
    const char *rest;
    if (!*args) {
        for (unsigned i = 0; i < ncommands; i++)
            help_row(r, &commands[i]);
        out_puts(r->out,
                 "\nEvery name may be cut short as long as it is the only one that begins so. Enter does the last "
                 "step or look again; x and list go on.\n"
                 "Ctrl-C stops the guest; Ctrl-A c too. In conditions and print: C, with $a0, $pc, $satp.PPN, "
                 "symbols, gpa:ADDRESS.\n");
        return 0;
    }
    if (!strcmp(args, "events")) {
        help_events(r);
        return 0;
    }
    /* All rows of a first word, or one command. */
    size_t n = command_word_length(args);
    bool any = false;
    for (unsigned i = 0; i < ncommands; i++)
        if (!args[n] && command_has_two(&commands[i]) && command_first_matches(&commands[i], args, n, true)) {
            help_row(r, &commands[i]);
            any = true;
        }
    const struct command *c = any ? NULL : command_find(args, &rest, e);
    if (!any && !c)
        return -EINVAL;
    if (c) {
        help_row(r, c);
        if (c->aliases)
            out_printf(r->out, "Also called: %s\n", c->aliases);
    }
    return 0;
}
