/* What the parts of `coding-agents secrets` share. */
#ifndef COMMANDS_SECRETS_H
#define COMMANDS_SECRETS_H

#include <stdbool.h>

#include "host-shim/commands/command.h"
#include "lib/host/login_config.h"

enum { EXIT_FOUND = 0, EXIT_NONE = 1 };

struct secrets {
    const struct command_line *line;
    struct login_config config; /* owned */
    const char *name;           /* of an agent, or of a secret; NULL without */
    bool is_named;              /* it is a secret's own */
};

/* secrets_set.c. An exit code. */
int secrets_set(struct secrets *secrets);
int secrets_unset(struct secrets *secrets);

#endif
