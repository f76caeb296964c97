/* Whether the arguments and environment of a new image have the shape of a direct rule. Pure. */
#ifndef EXEC_TRAP_DIRECT_MATCH_H
#define EXEC_TRAP_DIRECT_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/wire/task_protocol.h"

/* Strings as proc(5) shows them in /proc/PID/cmdline and environ: NUL after each. Borrowed. */
struct direct_strings {
    const char *data;
    size_t size;
    bool is_cut; /* there are more, which nobody read */
};

/* True when RULE itself can be worked with: its strings are those that its counts say. */
bool direct_is_sound(const struct task_direct *rule);

/* RULE is sound. Arguments that were cut match only where the shape does not look at them; an
 * environment that was cut never does: any environment is one without the variables that are named
 * for it. */
bool direct_matches(const struct task_direct *rule, const struct direct_strings *arguments,
                    const struct direct_strings *environment);

#endif
