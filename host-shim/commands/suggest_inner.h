/* The commands of a string that was given to a shell, for rules about each of them. */
#ifndef COMMANDS_SUGGEST_INNER_H
#define COMMANDS_SUGGEST_INNER_H

#include <jansson.h>

#include "host-shim/commands/exec_command.h"

struct suggest_inner {
    struct exec_command *items; /* owned; each by its name alone, as a string has no files */
    size_t count;
};

/* Reads TEXT, given to a shell in DIRECTORY. 0 with INNER for suggest_inner_free, or -ENOMEM. */
int suggest_inner_read(const char *text, const char *directory, struct suggest_inner *inner);
void suggest_inner_free(struct suggest_inner *inner);

/* True when OBJECT, an exec on record, is one of them, found along PATH. */
bool suggest_inner_has(const struct suggest_inner *inner, const json_t *object);

/*
 * What POLICY says of ITEM wherever it stands in a string. False when that is not the same by
 * itself and behind `bash -c`, or not known.
 */
bool suggest_inner_judge(const struct policy *policy, struct exec_command *item,
                         struct policy_judgement *judgement);

#endif
