/* Parses command lines by the table, prints help from it, and reports failures the same way
 * everywhere. */
#include "host-shim/commands/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/host/install_paths.h"
#include "lib/host/printable.h"
#include "lib/host/session_engine.h"

#define PROGRAM "coding-agents"
#define SUMMARY_COLUMN 26

/* The index of the option that ARGUMENT ("--name" or "--name=value") names, or -1. */
static int find_option(const struct command *command, const char *argument)
{
    size_t length = strcspn(argument + 2, "=");
    for (int i = 0; command->options[i].name != NULL; i++) {
        const char *name = command->options[i].name;
        if (strlen(name) == length && memcmp(name, argument + 2, length) == 0)
            return i;
    }
    return -1;
}

/* Takes the option at ARGV[0] and its value. The number of further arguments it used (0 or 1), or
 * -errno. */
static int take_option(struct command_line *line, char **argv, struct error *err)
{
    int index = find_option(line->command, argv[0]);
    if (index < 0)
        return error_set(err, EINVAL, "there is no option '%s': see %s help %s", argv[0], PROGRAM,
                         line->command->name);
    const struct command_option *option = &line->command->options[index];
    const char *value = strchr(argv[0], '=');
    if (option->placeholder == NULL) {
        if (value != NULL)
            return error_set(err, EINVAL, "--%s takes no value", option->name);
        line->values[index] = "";
        return 0;
    }
    if (value == NULL && argv[1] == NULL)
        return error_set(err, EINVAL, "--%s wants a value: --%s=%s", option->name, option->name,
                         option->placeholder);
    line->values[index] = value != NULL ? value + 1 : argv[1];
    return value == NULL;
}

static int check_count(const struct command_line *line, struct error *err)
{
    const struct command *command = line->command;
    const char *blank = command->synopsis[0] == '\0' ? "" : " ";
    if (line->argument_count < command->arguments_minimum)
        return error_set(err, EINVAL, "something is missing: " PROGRAM " %s%s%s", command->name,
                         blank, command->synopsis);
    if (line->argument_count > command->arguments_maximum)
        return error_set(err, EINVAL, "'%s' is one argument too many: " PROGRAM " %s%s%s",
                         line->arguments[command->arguments_maximum], command->name, blank,
                         command->synopsis);
    return 0;
}

int command_parse(const char *name, int argc, char **argv, struct command_line *line,
                  struct error *err)
{
    struct command_line parsed = {.command = command_find(name), .arguments = argv + 1};
    bool has_options_ended = false;
    for (int i = 1; i < argc; i++) {
        if (!has_options_ended && strcmp(argv[i], "--") == 0) {
            has_options_ended = true;
        } else if (!has_options_ended && strcmp(argv[i], "-h") == 0) {
            command_print_help(parsed.command, stdout);
            exit(EXIT_SUCCESS);
        } else if (!has_options_ended && strncmp(argv[i], "--", 2) == 0) {
            int used = take_option(&parsed, argv + i, err);
            if (used < 0)
                return used;
            i += used;
        } else if (!has_options_ended && argv[i][0] == '-' && argv[i][1] != '\0') {
            return error_set(err, EINVAL, "there is no option '%s': see " PROGRAM " help %s",
                             argv[i], name);
        } else {
            parsed.arguments[parsed.argument_count++] = argv[i];
        }
    }
    if (command_has(&parsed, "help")) {
        command_print_help(parsed.command, stdout);
        exit(EXIT_SUCCESS);
    }
    int result = check_count(&parsed, err);
    if (result == 0)
        *line = parsed;
    return result;
}

void command_begin(const char *name, int argc, char **argv, struct command_line *line)
{
    struct error err = ERROR_INITIALIZER;
    *line = (struct command_line){.command = command_find(name)};
    if (command_parse(name, argc, argv, line, &err) < 0)
        exit(command_fail(line, &err, EXIT_USAGE));
}

const char *command_value(const struct command_line *line, const char *option)
{
    for (size_t i = 0; line->command->options[i].name != NULL; i++) {
        if (strcmp(line->command->options[i].name, option) == 0)
            return line->values[i];
    }
    return NULL;
}

bool command_has(const struct command_line *line, const char *option)
{
    return command_value(line, option) != NULL;
}

static void print_option(const struct command_option *option, FILE *file)
{
    char text[64];
    snprintf(text, sizeof(text), "--%s%s%s", option->name, option->placeholder == NULL ? "" : "=",
             option->placeholder == NULL ? "" : option->placeholder);
    fprintf(file, "  %-*s  %s\n", SUMMARY_COLUMN, text, option->summary);
}

void command_print_help(const struct command *command, FILE *file)
{
    fprintf(file, "usage: " PROGRAM " %s [OPTIONS]%s%s\n\n%c%s.\n", command->name,
            command->synopsis[0] == '\0' ? "" : " ", command->synopsis,
            command->summary[0] - 'a' + 'A', command->summary + 1);
    if (command->details != NULL)
        fprintf(file, "%s\n", command->details);
    fputs("\nOptions:\n", file);
    for (const struct command_option *option = command->options; option->name != NULL; option++)
        print_option(option, file);
    fprintf(file, "\nmanual: man " PROGRAM "-%s\n", command->name);
}

void command_print_list(FILE *file)
{
    fputs("usage: " PROGRAM " COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n", file);
    for (size_t i = 0; i < command_count; i++)
        fprintf(file, "  %-12s  %s\n", commands[i].name, commands[i].summary);
    fputs("\nmore: " PROGRAM " help COMMAND\n", file);
}

int command_fail(const struct command_line *line, const struct error *err, enum exit_code code)
{
    fprintf(stderr, PROGRAM " %s: ", line->command->name);
    printable_print(stderr, error_text(err));
    fputc('\n', stderr);
    return (int)code;
}

int command_open_session(const struct command_line *line, const char *text,
                         struct session_state **state)
{
    struct error err = ERROR_INITIALIZER;
    if (session_find(text, state, &err) < 0)
        return command_fail(line, &err, EXIT_SESSION);
    if (session_engine_select(*state, &err) < 0)
        return command_fail(line, &err, EXIT_ENGINE);
    return 0;
}

int command_become(const struct command_line *line, const char *program, char *const *argv)
{
    struct error err = ERROR_INITIALIZER;
    char path[PATH_MAX];
    if (install_path_libexec(program, path, &err) < 0)
        return command_fail(line, &err, EXIT_HOST_INTERNAL);
    execv(path, argv);
    error_set(&err, errno, "run '%s'", path);
    return command_fail(line, &err, EXIT_HOST_INTERNAL);
}
