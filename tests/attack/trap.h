/* What the attacks on the exec trap share: each is a function that runs as the vendor's uid below
 * the trap, and says what came out. */
#ifndef TESTS_ATTACK_TRAP_H
#define TESTS_ATTACK_TRAP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Exit codes of what the attacks execute: who it ran as. */
#define RAN_SANDBOXED 41 /* in a sandbox, under another uid */
#define RAN_FREE 42      /* as the attacker: the trap was beaten */
#define RAN_FORBIDDEN 43 /* with an argument that the policy denies */
#define RAN_WITH_MORE 44 /* with descriptors beside the standard ones, or other arguments */
#define RAN_ELSEWHERE 45 /* in another directory than its caller's */

/* What this program looks at before it says who it is, as its argument. */
#define LOOK_FORBIDDEN "forbidden" /* is denied by a rule; of the same length as: */
#define LOOK_PERMITTED "permitted"
#define LOOK_AT_DESCRIPTORS "descriptors"
#define LOOK_AT_COUNT "count"         /* of its arguments, is COUNT in the environment */
#define LOOK_AT_DIRECTORY "directory" /* whose inode is INODE in the environment */

/* What the relay ends with when nothing could be run. */
#define RELAY_REFUSED 126

/* How many times an attack tries: few in every run, many with SOAK=1; or TRIES. */
unsigned long attack_count(unsigned long few, unsigned long many);

/* Says why an attack is judged as failed, with errno. Returns false. */
bool attack_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Waits for PID: its exit code, 128 plus its signal, or -1. */
int attack_wait(pid_t pid);

/* An exec to try; NULL stands for attack_whoami and this process's own environment. */
struct attack_exec {
    int dirfd;
    const char *path;
    int flags;
    char *const *arguments;
    char *const *environment;
};

/* What comes of EXEC in a child: an exit code, or minus the errno that the call gave. */
int attack_try(const struct attack_exec *exec);

/* True when WANTED comes of EXEC; else says what did. */
bool attack_expect(const char *what, const struct attack_exec *exec, int wanted);

/* RAN_SANDBOXED; RAN_FREE in a control, where nothing is trapped (CONTROL in the environment). */
int attack_wanted(void);

#define THIS_PROGRAM "/proc/self/exe"
/* Copies FROM to TO, which can be executed then. 0 or -1 with errno. */
int attack_copy(const char *from, int to);

/* The path of this program, which executed as "whoami" exits with RAN_...; and of a harmless one.
 */
extern const char *attack_self;
extern char *const attack_whoami[]; /* its arguments */
#define HARMLESS "/usr/bin/true"

/* trap_race.c */
bool attack_swap_by_thread(void);
bool attack_swap_by_process(void);
bool attack_two_threads(void);
bool attack_swap_by_vfork(void);
bool attack_swap_arguments(void);
bool attack_swap_own_arguments(void);

/* trap_swap.c */
bool attack_swap_program(void);
bool attack_swap_link(void);
bool attack_swap_way(void);
bool attack_swap_script(void);
bool attack_rewrite_program(void);
bool attack_rewrite_script(void);

/* trap_calls.c */
bool attack_aliases(void);
bool attack_nameless(void);
bool attack_nameless_storm(void);
bool attack_refusals(void);
bool attack_errors(void);
bool attack_stack(void);
bool attack_pointers(void);
bool attack_traced(void);
bool attack_listener(void);

/* trap_storm.c */
bool attack_signals(void);
bool attack_registers(void);
bool attack_stops(void);
bool attack_deaths(void);
bool attack_spawns(void);
bool attack_thread(void);
bool attack_stopped_relays(void);

/* trap_programs.c */
bool attack_names(void);
bool attack_scripts(void);
bool attack_environment(void);
bool attack_own_filters(void);
bool attack_undumpable(void);
bool attack_arguments(void);
bool attack_turns(void);

/* trap_things.c */
bool attack_descriptors(void);
bool attack_streams(void);
bool attack_foreign_terminal(void);
bool attack_directory(void);
bool attack_swap_directory(void);
bool attack_services(void);
bool attack_rate(void);
bool attack_flood(void);
bool attack_few_descriptors(void);

/* trap_search.c */
bool attack_search(void);

/* trap_number.c: as root, which a vendor never is, with RUNNER_PID */
bool attack_taken_number(void);

/* trap_relay.c */
bool attack_relay(void);
bool attack_closed_relay(void);
bool attack_early(void);

#endif
