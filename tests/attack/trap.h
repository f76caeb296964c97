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

/* How many times an attack tries: few in every run, many with SOAK=1; or TRIES. */
unsigned long attack_count(unsigned long few, unsigned long many);

/* Says why an attack is judged as failed, with errno. Returns false. */
bool attack_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Waits for PID: its exit code, 128 plus its signal, or -1. */
int attack_wait(pid_t pid);

/* The path of this program, which executed as "whoami" exits with RAN_...; and of a harmless one.
 */
extern const char *attack_self;
extern char *const attack_whoami[]; /* its arguments */
#define HARMLESS "/usr/bin/true"

/* attack_race.c */
bool attack_swap_by_thread(void);
bool attack_swap_by_process(void);
bool attack_two_threads(void);

/* attack_calls.c */
bool attack_aliases(void);
bool attack_nameless(void);
bool attack_errors(void);
bool attack_stack(void);
bool attack_pointers(void);
bool attack_traced(void);
bool attack_listener(void);

/* attack_storm.c */
bool attack_signals(void);
bool attack_registers(void);
bool attack_stops(void);
bool attack_deaths(void);
bool attack_spawns(void);
bool attack_thread(void);

#endif
