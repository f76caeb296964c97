/* The words that complete an option's value or an argument, where they are known beforehand. */
#include <stddef.h>

#include "host-shim/commands/command_table.h"

/* clang-format off */
static const char *const agent_words[] = {"shell", "codex", "claude", "copilot", NULL};
static const char *const shell_words[] = {"bash", "zsh", "fish", NULL};
static const char *const policy_words[] = {"check", "show", "test", "replay", "suggest", NULL};
static const char *const audit_words[] = {"verify", "show", "tail", NULL};
static const char *const data_words[] = {"export", "import", "verify", NULL};
static const char *const secrets_words[] = {"list", "test", "set", "unset", "revoke", NULL};
static const char *const tier_words[] = {"read",        "workspace-write", "network",
                                         "destructive", "privileged",      NULL};
static const char *const scope_words[] = {"prefix", "program", NULL};
static const char *const network_words[] = {"allow-all", "restricted", NULL};
static const char *const broker_words[] = {"socket", "sidecar", NULL};
/* clang-format on */

const char *const *command_value_words(enum command_value value)
{
    switch (value) {
    case COMMAND_VALUE_AGENT:
        return agent_words;
    case COMMAND_VALUE_SHELL:
        return shell_words;
    case COMMAND_VALUE_NETWORK:
        return network_words;
    case COMMAND_VALUE_BROKER:
        return broker_words;
    case COMMAND_VALUE_POLICY:
        return policy_words;
    case COMMAND_VALUE_AUDIT:
        return audit_words;
    case COMMAND_VALUE_DATA:
        return data_words;
    case COMMAND_VALUE_SECRETS:
        return secrets_words;
    case COMMAND_VALUE_TIER:
        return tier_words;
    case COMMAND_VALUE_SCOPE:
        return scope_words;
    case COMMAND_VALUE_NONE:
    case COMMAND_VALUE_TEXT:
    case COMMAND_VALUE_NUMBER:
    case COMMAND_VALUE_SESSION:
    case COMMAND_VALUE_ASK:
    case COMMAND_VALUE_SECRET:
    case COMMAND_VALUE_OPERAND:
    case COMMAND_VALUE_PATH:
    case COMMAND_VALUE_COMMAND:
        return NULL;
    }
    return NULL;
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}
