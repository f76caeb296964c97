/* The one table of commands: help, completions and option parsing all come from it. */
#ifndef COMMANDS_COMMAND_TABLE_H
#define COMMANDS_COMMAND_TABLE_H

#include <stdbool.h>
#include <stddef.h>

/* Most options of one command. */
#define COMMAND_OPTIONS_MAX 32

/* What completes an option's value or a positional argument. */
enum command_value {
    COMMAND_VALUE_NONE, /* a flag; no positional arguments */
    COMMAND_VALUE_TEXT,
    COMMAND_VALUE_NUMBER,
    COMMAND_VALUE_SESSION,
    COMMAND_VALUE_OPERAND, /* a session or a path */
    COMMAND_VALUE_PATH,
    COMMAND_VALUE_AGENT,
    COMMAND_VALUE_SHELL,
    COMMAND_VALUE_COMMAND,
    COMMAND_VALUE_NETWORK,
    COMMAND_VALUE_BROKER,
    COMMAND_VALUE_POLICY,
    COMMAND_VALUE_TIER,
    COMMAND_VALUE_ASK, /* a command that waits for an answer */
    COMMAND_VALUE_SCOPE,
    COMMAND_VALUE_AUDIT,
    COMMAND_VALUE_DATA,
    COMMAND_VALUE_SECRETS,
    COMMAND_VALUE_SECRET, /* an agent with a login, or the name of a secret */
};

struct command_option {
    const char *name;        /* without "--"; NULL ends the list */
    const char *placeholder; /* "N"; NULL for a flag */
    enum command_value value;
    const char *summary;
};

struct command {
    const char *name;
    const char *summary;  /* one line */
    const char *synopsis; /* what follows the name in the usage line, besides [OPTIONS] */
    const char *details;  /* a paragraph; NULL for none */
    enum command_value argument;
    enum command_value further; /* the arguments behind the first; NONE: as the first */
    size_t arguments_minimum;
    size_t arguments_maximum; /* SIZE_MAX: any number */
    bool is_launchers;        /* the launcher itself parses and runs it */
    const struct command_option *options;
};

extern const struct command commands[];
extern const size_t command_count;

/* The command called NAME, or NULL. Borrowed. */
const struct command *command_find(const char *name);

/* The words that complete VALUE when they are known beforehand, NULL-terminated; NULL for other
 * values. */
const char *const *command_value_words(enum command_value value);

#endif
