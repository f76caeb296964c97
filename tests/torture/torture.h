/*
 * The torture of inits: each item is a function that starts an init as PID 1 of a namespace of its
 * own, does something to it, and ends by pass() or fail(). An item runs once for each init in a
 * process of its own, which owns that init: when it ends, so does the namespace. Actors (actor.c)
 * are what the init runs; they say what happens to them line by line.
 */
#ifndef TORTURE_TORTURE_H
#define TORTURE_TORTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The last is no init worth its name: it fails what every other one passes. */
enum peer { AGENT_INIT, TINI, DUMB_INIT, CATATONIT, BAD_INIT, PEER_COUNT };

#define BIT(peer) (1U << (peer))
#define PEERS (BIT(TINI) | BIT(DUMB_INIT) | BIT(CATATONIT))

struct item {
    const char *name;
    void (*run)(void);
    unsigned fails;  /* BIT of each that is known to fail; with none, the bad init shows one can */
    unsigned none;   /* BIT of each that it does not apply to */
    const char *bad; /* how the bad init fails, in the words of fail(): with no fails, or NULL */
};

/* Ended by an item with a NULL name. */
extern const struct item exit_items[], orphan_items[], signal_items[], startup_items[],
    terminal_items[], descriptor_items[], environment_items[], resource_items[], service_items[];

/* What the init finds when it starts; zeroes are a plain start. */
struct setting {
    const char *const *command; /* ended by NULL; the actor's program is put before */
    const char *program;        /* in place of the actor; NULL: the actor */
    const char *grace;          /* seconds from TERM to KILL, for who knows such; NULL: its own */
    const char *scenario;       /* agent-init boots, and tests/.../fixture_boot does this */
    bool has_mounts;            /* /proc and an empty /run of its own */
    bool has_terminal;          /* stdin is a new terminal, and its own */
    bool has_users;             /* a user namespace with root alone in it */
    bool is_held;               /* waits for release() just before exec */
    void (*prepare)(void);      /* called just before exec */
};

/* "exit", "42" -> a command for struct setting. */
#define COMMAND(...)                    \
    (const char *const[])               \
    {                                   \
        __VA_ARGS__, (const char *)NULL \
    }

/* --- the item itself (torture.c) --- */

/* Which init this is about. */
enum peer peer_now(void);
/* How long to wait for what should come: short for those who are known to fail. */
int patience_ms(void);
/* How long to wait for what does not depend on the init, whoever is known to fail. */
int preparation_ms(void);
/* SMALL, or BIG when the long sizes were asked for (SOAK=1). */
unsigned size_of(unsigned small, unsigned big);
void pass(void) __attribute__((noreturn));
/* Ends the item; what it did instead, in a word or two for the table, the same in each run. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* The machine does not let the harness work: neither. */
void broken(const char *what) __attribute__((noreturn));

/* --- one running init (run.c) --- */

/* Starts it; there is one at a time. */
void start(const struct setting *setting);
/* Lets a held one go on to its exec. */
void release(void);
/* Its pid here. */
pid_t init_pid(void);
/* The pid here of its first child; 0: none. */
pid_t main_pid(void);
/* How many children it has, dead ones too. */
unsigned count_children(void);
/* Signals PID 1. */
void signal_init(int signal);
/* The actors' next line that begins with PREFIX, what follows in it; NULL when none comes. */
const char *next_line(const char *prefix);
/* The actors' next line "up", which they say of themselves, within preparation_ms(); or fail() with
 * WORD. */
void expect_up(const char *word);
/* next_line, or fail() with WORD. */
const char *expect_line(const char *prefix, const char *word);
/* The exit code of PID 1, 128 + n for a signal; -1 when it does not end. */
int await_exit(void);
/* The actors' output comes to its end, which takes that nobody has it open any more. */
bool log_ends_within(int milliseconds);
/* Another end of it, as somebody would have who does not end with PID 1. Owned by the caller. */
int hold_log(void);
/* await_exit is CODE, or fail(). */
void expect_exit(int code);
/* When what should have come has come: now and patience_ms(), by the monotonic clock. */
uint64_t patience_ends_ns(void);

/* What PID 1 has written to its stderr so far, without waiting. */
const char *diagnostics(void);
/* Until stderr has TEXT, or fail() with WORD. */
void expect_diagnostic(const char *text, const char *word);
/* The other end of its terminal. */
int terminal_fd(void);
/* Kills and forgets it, so that another may start. */
void finish(void);
/* Between two looks at something that does not tell by itself. */
void nap(void);

/* --- what /proc tells (look.c) --- */

/* The state letter of proc(5); 'X' when it is gone. */
char state_of(pid_t pid);
/* Until STATE, or fail() with WORD. */
void expect_state(pid_t pid, char state, const char *word);
/* Until PID 1 has taken SIGNAL: a second one before that would be the same one. */
void expect_taken(int signal);
/* How often PID 1 has gone to sleep so far. */
unsigned long count_sleeps(void);

#endif
