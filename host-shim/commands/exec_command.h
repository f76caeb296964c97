/* A command as the audit log has it, ready to be judged once more. */
#ifndef COMMANDS_EXEC_COMMAND_H
#define COMMANDS_EXEC_COMMAND_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/string_list.h"
#include "lib/policy/policy.h"

struct exec_command {
    char *program;
    struct string_list arguments;
    char *directory; /* of a nested exec: that of the command it ran in, as it has none on record */
    bool is_cut;     /* the record has not all of its arguments */
    bool is_nested;
    bool has_digest; /* a nested exec is judged without one, and has none */
    uint8_t digest[TASK_DIGEST_SIZE];
    bool missed_digest; /* a rule asked for a digest that is not on record */
};

/*
 * Reads OBJECT, a view of exec_view.h, or a nested exec of the view OUTER (else NULL). 0 with
 * COMMAND for exec_command_free; -EPROTO when the record lacks what is judged, -ENOMEM.
 */
int exec_command_read(const json_t *object, const json_t *outer, struct exec_command *command);

/* The argv of OBJECT alone: 0 with ARGUMENTS for string_list_free; -EPROTO, -ENOMEM. */
int exec_command_read_arguments(const json_t *object, struct string_list *arguments);
void exec_command_free(struct exec_command *command);

/* Judges COMMAND as the sandbox would. */
void exec_command_judge(const struct policy *policy, struct exec_command *command,
                        struct policy_judgement *judgement);

/* False for an exec inside another of which the record has only what could be read. */
bool exec_command_was_read(const json_t *object);

/* True when the policy judged OBJECT by its rules: it was read, and ran in a sandbox, or was
 * denied. */
bool exec_command_was_judged(const json_t *object);

/* Which of RULES (of policy_describe) ask for KEY ("directory", "sha256"): true when one does. */
bool exec_command_rules_ask(const json_t *rules, const char *key);

#endif
