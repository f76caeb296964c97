/* What every command does the same way: options from the table, help, errors, finding the session.
 */
#ifndef COMMANDS_COMMAND_H
#define COMMANDS_COMMAND_H

#include <stdio.h>

#include "host-shim/commands/command_table.h"
#include "lib/base/error.h"
#include "lib/base/exit_codes.h"
#include "lib/wire/session.h"

/* A parsed command line. Everything is borrowed from argv. */
struct command_line {
    const struct command *command;
    const char *values[COMMAND_OPTIONS_MAX]; /* by index in the command's options; "" for a flag,
                                                NULL: not given */
    char **arguments;
    size_t argument_count;
};

/*
 * Parses ARGC and ARGV for the command called NAME. Options may stand anywhere before "--"; a value
 * follows its option as "--x=VALUE" or as the next argument. --help prints the help and exits with
 * 0. A bad line is -EINVAL with one sentence in ERR.
 */
int command_parse(const char *name, int argc, char **argv, struct command_line *line,
                  struct error *err);

/* command_parse that ends the program with EXIT_USAGE on a bad line. */
void command_begin(const char *name, int argc, char **argv, struct command_line *line);

/* True when the option was given; its value, or NULL when it was not. */
bool command_has(const struct command_line *line, const char *option);
const char *command_value(const struct command_line *line, const char *option);

/* The help of COMMAND, and the list of all commands. */
void command_print_help(const struct command *command, FILE *file);
void command_print_list(FILE *file);

/* Prints "coding-agents NAME: TEXT" with control characters escaped, and returns CODE. */
int command_fail(const struct command_line *line, const struct error *err, enum exit_code code);

/*
 * Finds the session that TEXT means and makes the engine it runs on the current one. 0 with *STATE
 * owned, or an exit code after the reason was printed.
 */
int command_open_session(const struct command_line *line, const char *text,
                         struct session_state **state);

/* Replaces the program by PREFIX/libexec/coding-agents/PROGRAM. Returns only an exit code, on
 * failure. */
int command_become(const struct command_line *line, const char *program, char *const *argv);

#endif
