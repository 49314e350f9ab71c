/* SPDX-License-Identifier: MIT */
/* What the files of the REPL share. */
#ifndef VITRINE_REPL_INT_H
#define VITRINE_REPL_INT_H

#include "monitor/debug/disasm.h"
#include "monitor/debug/expr.h"
#include "monitor/debug/lineedit.h"
#include "monitor/debug/repl.h"

/* ---- The table ---- */

/* Prints to r->out. 0, or a negative errno with e set. args: what follows the name, blanks skipped; may begin with a slash. */
typedef int command_fn(struct repl *r, const char *args, struct err *e);

/* What the words behind a command are. */
enum completion {
    COMPLETE_NONE,
    COMPLETE_EXPR,  /* symbols, $registers */
    COMPLETE_PLACE, /* symbols and source files */
    COMPLETE_CAUSE, /* of traps */
    COMPLETE_DEVICE,
    COMPLETE_COMMAND, /* names of commands */
    COMPLETE_FILE,
    COMPLETE_CSR,
    COMPLETE_REG,
    COMPLETE_KINDS, /* kinds and groups of events */
    COMPLETE_STOP   /* numbers of stops */
};

enum {
    CMD_REPEATS = 1, /* Enter does it again */
    CMD_RUNS = 2,    /* the machine runs: in the midst of an instruction, that is finished first */
    CMD_CHANGES = 4, /* not in the midst of an instruction */
    CMD_FILES = 8    /* reads or writes files of the host */
};

struct command {
    const char *name;    /* one word, or two: "info registers" */
    const char *aliases; /* separated by blanks; NULL: none */
    const char *args;    /* as in a manual: "[N]"; NULL: none */
    enum completion completion;
    unsigned flags;
    const char *help; /* one line */
    command_fn *fn;
};
extern const struct command commands[];
extern const unsigned ncommands;

/* The command that a line begins with; *args behind it. NULL with e set: none, or too many. */
const struct command *command_find(const char *line, const char **args, struct err *e);
/* Letters of the name that a line begins with. */
size_t command_word_length(const char *line);
/* Does the first word of the row's name begin with (exact: is it) this? */
bool command_first_matches(const struct command *c, const char *word, size_t n, bool exact);
bool command_has_two(const struct command *c); /* words */

/* complete.c: candidates as lineedit_complete_fn wants them. */
char **command_complete(void *repl, const char *line, size_t cursor, size_t *start);

/* ---- State ---- */

/* Where lines come from. */
struct input {
    struct input *below;
    char **lines; /* these, NULL-terminated */
    size_t next;
    FILE *file; /* or a file */
    char *name; /* of the file, for messages */
    unsigned line;
};

struct print_format {
    uint64_t count; /* 1 when not given */
    char letter;    /* x d u o t a c f s i z, 0 = not given */
    unsigned size;  /* 1, 2, 4, 8; 0 = not given */
    bool counted;
};

struct display {
    struct display *next;
    int number;
    bool enabled;
    struct print_format format;
    bool memory; /* as x does: the letter is i or s, or a size was given */
    struct expr *expr;
};

struct place;
struct trace;
struct source;
struct vm;
struct call_frames;

struct repl {
    struct debugger *d;
    struct out *out;
    struct repl_config config;
    struct repl_partner partner; /* its functions are NULL where there is none */
    struct lineedit *edit;
    struct input *inputs;
    struct disasm *disasm;
    struct source *source;
    unsigned source_vm;  /* whose guest's files it has */
    uint64_t told_ended; /* VMs (bit n: number n + 1) whose end was told */

    /* Who heard of VMs' ends before. */
    void (*on_end_before)(void *ctx, const struct vm *vm);
    void *on_end_ctx_before;

    uint64_t insns_at_reset;
    int quit_status; /* -1: not given */
    char *buffer;    /* of getline() */
    size_t buffer_size;

    char *last_line; /* what Enter does again; NULL: nothing */
    bool quit;
    bool limited; /* the last continue came to config.max_insns */
    bool failed;  /* the last command */
    bool running; /* the machine: what Ctrl-C ends */
    bool stopped_by_signal;
    volatile sig_atomic_t interrupted; /* Ctrl-C while nothing runs: what the command still has to say is not wanted */
    bool held;                         /* the terminal is ours, not the guest's console's */
    bool borrowed;                     /* by repl_execute(): no terminal is touched */
    bool by_insn;                      /* the last run went by instructions or events: the next instruction is shown */
    bool nested;                       /* at a prompt in the midst of an instruction */
    bool resume;                       /* that prompt is to end: and the run goes on, */
    uint64_t resume_kinds;             /* until one of these */
    uint64_t events_left;              /* stepx N: of them are still to come, the one at hand included */
    char *queued;                      /* a command to be done at the instruction's end */

    struct display *displays;
    int next_display;
    /* Where x, list and the frame commands were last. */
    uint64_t x_last;           /* where x looked last */
    struct expr_value x_value; /* and what was there */
    uint64_t x_next, xp_next;
    uint8_t x_space; /* enum expr_space */
    struct print_format x_format;
    struct call_frames *frames; /* cmd_frames.c: those of the selected hart */
    unsigned frame;             /* the selected one */
    /* Where next came to an inlined call's first instruction: it stands before the call, not yet in it. Until the machine runs. */
    struct {
        uint64_t pc, epoch;
        const char *file;
        unsigned line;
    } before;
    unsigned shown_hart;
    char list_file[512];
    unsigned list_first, list_line;
    uint64_t list_epoch;
    struct trace *traces[8];
    unsigned ntraces;
};

/* ---- repl.c ---- */

/* The next line of the inputs, or NULL at the end of all. Valid until the next call. */
const char *repl_read(struct repl *r, const char *prompt);
int repl_do(struct repl *r, const char *line, struct err *e);
MUST_USE int repl_source(struct repl *r, const char *path, struct err *e); /* its lines are done next */
void repl_push_lines(struct repl *r, char **lines);                        /* takes them over */
void repl_drop_inputs(struct repl *r); /* nothing of what was given is done any more */
void repl_env(struct repl *r, struct expr_env *env);
/* The console goes to the guest and Ctrl-C to the debugger for as long as it runs. */
void repl_run_begin(struct repl *r);
void repl_run_end(struct repl *r);

/* ---- cmd_vm.c ---- */

struct vm;
struct vm *repl_vm(struct repl *r); /* the selected one; NULL: the real machine, or there are none */
/* -EINVAL with e set: there is no VMM. what: the command. */
MUST_USE int repl_want_vmm(struct repl *r, const char *what, struct err *e);
/* Another VM may be selected now: source lines follow it. */
void repl_follow_vm(struct repl *r);
/* Tells of virtual machines that ended in the last run. */
void repl_tell_ended(struct repl *r);
void repl_hear_ends(struct repl *r, bool on);
/* Can the selected hart be stepped? */
MUST_USE int repl_can_step(struct repl *r, struct err *e);

/* why_vm.c: whose fault the VM's last exit is. */
void repl_show_exit(struct repl *r, struct vm *vm);
/* cmd_shadow.c: p2m, and shadow or second stage, of a guest's virtual address. */
void repl_show_shadow(struct repl *r, struct vm *vm, uint64_t va);

/* ---- Words of a command ---- */

const char *skip_blanks(const char *s);
/* Takes a word off *s into buf (cut to size); false: there is none, and buf stays. */
bool take_word(const char **s, char *buf, size_t size);
/* Is the word at s this one (or a prefix of it, at least `least` letters)? Skips it. */
bool take_keyword(const char **s, const char *word, unsigned least);
/* A number or an expression that stands alone. */
MUST_USE int eval_u64(struct repl *r, const char *text, uint64_t *v, struct err *e);
/* The same where an address is wanted: a global integer's name alone means where it is, as any symbol's without debug information does. */
MUST_USE int eval_address(struct repl *r, const char *text, uint64_t *v, struct err *e);
MUST_USE int eval_at(struct repl *r, const char *text, struct expr_value *v,
                     struct err *e); /* with its address space */
/* The same when there are arguments, else v stays. */
MUST_USE int eval_count(struct repl *r, const char *args, uint64_t *n, struct err *e);
MUST_USE int eval_value(struct repl *r, const char *text, const char **end, struct expr_value *v, struct err *e);
int no_arguments(const char *args, struct err *e);
/* "/4xw ": *text moves behind it. */
MUST_USE int parse_format(const char **text, struct print_format *f, struct err *e);

/* ---- show.c: how places and stops look ---- */

void show_stop(struct repl *r, const struct debug_stop *s);
/* The hart's pc, symbol, source line; with the line or instruction that comes next. */
void show_place(struct repl *r);
/* 0x80000004 <main+4> */
void show_address(struct repl *r, uint64_t addr);
void show_symbol(struct repl *r, uint64_t addr); /* <main+4>, or nothing */
/* One instruction's line as x/i has it; returns its length, 0: it cannot be read (said so). */
unsigned show_instruction(struct repl *r, enum debug_space space, uint64_t addr);
void show_event(struct repl *r, const struct event *e);
void show_displays(struct repl *r);

/* cmd_code.c: " at FILE:LINE", and the line itself (false: not known). */
void show_source_place(struct repl *r, uint64_t addr);
bool stands_before_call(struct repl *r);
bool show_source_line(struct repl *r, uint64_t addr);
bool source_begins_line(struct repl *r, uint64_t addr);                     /* a statement's code begins there */
bool show_line(struct repl *r, const char *file, unsigned line, bool here); /* false: it cannot be read */
struct source_function;
/* FUNCTION or FILE:FUNCTION. False: the debug information has none. */
bool source_function_place(struct repl *r, const char *text, struct source_function *f);
/* The file that a line number alone means: that of the last list, else of the code here. NULL: none. */
const char *source_default_file(struct repl *r);
/* FILE:LINE, LINE, [FILE:]FUNCTION. 0 and *p; 1: it is none of these; -errno: it is, but. */
int source_place(struct repl *r, const char *text, struct place *p, struct err *e);
/* Where the selected frame returns to, and its caller's stack pointer. False: not known. */
bool frame_return(struct repl *r, uint64_t *ra, uint64_t *sp);
/* Does that address lie in the selected frame? Then what tells that the frame is gone. */
bool frame_holds(struct repl *r, uint64_t addr, struct stop_frame *until);
uint64_t frame_pc(struct repl *r); /* of the selected frame, where its names and lines are looked up */
void call_frames_free(struct repl *r);

struct unwind_env;
struct unwind_frame;
/* The selected frame; where none is, that of the hart's registers. */
void frame_now(struct repl *r, struct unwind_env *env, struct unwind_frame *f);

/* ---- cmd_vars.c, show_value.c: the program's variables ---- */

extern const struct debug_program repl_program; /* its ctx: struct repl */
struct variable;
void repl_offer_locals(struct repl *r, bool (*fn)(void *ctx, const struct variable *v), void *ctx);
void show_arguments(struct repl *r, const struct unwind_env *env, const struct unwind_frame *f); /* " (n=3)" */
/* letter: as print's format; 0: as its type suggests. top: with a pointer's type. */
MUST_USE int show_value(struct repl *r, const struct expr_value *v, char letter, bool top, struct err *e);

/* ---- places.c: where a breakpoint or a list begins ---- */

struct place {
    enum debug_space space;
    uint64_t addr;
    uint64_t also[STOP_PLACES]; /* the same line in other functions and inlined copies */
    unsigned nalso;
};
/* SYMBOL, *EXPR, FILE:LINE, LINE, gpa:ADDR, hpa:ADDR: behind it *end. The pc when there is nothing. */
MUST_USE int parse_place(struct repl *r, const char *text, const char **end, struct place *p, struct err *e);

/* cmd_symbols.c: the debug information of the files whose symbols the machine has, and of these. */
void repl_add_files(struct repl *r, const char *program, const char *more);

/* cmd_run.c: what stepx waits for, and the how manieth of it. */
MUST_USE int stepx_args(struct repl *r, const char *args, uint64_t *kinds, uint64_t *n, struct err *e);

/* ---- Bodies, cmd_*.c ---- */

command_fn cmd_run, cmd_continue, cmd_stepi, cmd_nexti, cmd_step, cmd_next, cmd_finish, cmd_until, cmd_advance,
    cmd_jump, cmd_stepx, cmd_reset, cmd_kill, cmd_quit; /* cmd_run.c */
command_fn cmd_break, cmd_tbreak, cmd_hbreak, cmd_watch, cmd_rwatch, cmd_awatch, cmd_delete, cmd_enable, cmd_disable,
    cmd_ignore, cmd_condition, cmd_commands, cmd_info_breakpoints, cmd_info_watchpoints; /* cmd_stop.c */
command_fn cmd_catch_trap, cmd_catch_csr, cmd_catch_mode, cmd_catch_sbi, cmd_catch_mmio, cmd_catch_irq,
    cmd_catch_event; /* cmd_catch.c */
command_fn cmd_print, cmd_output, cmd_x, cmd_xp, cmd_display, cmd_undisplay, cmd_set, cmd_set_var, cmd_set_mmio,
    cmd_echo, cmd_show, cmd_help, cmd_source, cmd_csr, cmd_info_display; /* cmd_look.c */
command_fn cmd_hart, cmd_info_registers, cmd_info_all_registers, cmd_info_mode, cmd_info_harts, cmd_info_devices,
    cmd_info_irq, cmd_info_symbols, cmd_info_symbol, cmd_info_events, cmd_info_csr, cmd_info_mtree; /* cmd_info.c */
command_fn cmd_info_mem, cmd_info_tlb, cmd_why, cmd_walk, cmd_pagetable, cmd_trace;                 /* cmd_mmu.c */
command_fn cmd_info_locals, cmd_info_args, cmd_ptype, cmd_whatis;                                   /* cmd_vars.c */
command_fn cmd_add_symbol_file, cmd_info_files;                                                     /* cmd_symbols.c */
command_fn cmd_disassemble, cmd_list, cmd_info_line, cmd_info_source, cmd_info_sources,
    cmd_set_substitute_path;                                           /* cmd_code.c */
command_fn cmd_info_vms, cmd_vm, cmd_catch_exit, cmd_vmstat;           /* cmd_vm.c */
command_fn cmd_shadow, cmd_info_shadow;                                /* cmd_shadow.c */
command_fn cmd_backtrace, cmd_frame, cmd_up, cmd_down, cmd_info_frame; /* cmd_frames.c */

#endif
