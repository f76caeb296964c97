/* What the modes of the actor share. Static and small: thousands of them live at once. */
#ifndef TORTURE_ACTOR_H
#define TORTURE_ACTOR_H

#include <stdint.h>

typedef int actor_function(char **arguments);

struct actor_mode {
    const char *name;
    actor_function *run; /* its result is the exit code */
};

/* Ended by a NULL name. */
extern const struct actor_mode actor_families[], actor_probes[], actor_inits[];

/* What every item may rely on: the code by which an actor says that it did not happen. */
#define ACTOR_NO 99

/* One line to the harness. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* ARGUMENTS[0] as a number; 0 without. */
int number_of(char **arguments);
/* Never returns. */
void wait_for_ever(void) __attribute__((noreturn));
/* Says "up" and lives until a TERM, then says "clean" after it has had a while, and ends with CODE.
 */
void live_cleanly(int code) __attribute__((noreturn));
/* Says "up" and does not mind what can be ignored. */
void live_stubbornly(void) __attribute__((noreturn));

#endif
