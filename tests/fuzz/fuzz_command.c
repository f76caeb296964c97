/* Fuzzes the reader of shell strings: whatever follows a command on a line of its own, the command
 * is found. */
#include <stdlib.h>
#include <string.h>

#include "lib/policy/command.h"
#include "tests/fuzz/fuzz.h"

#define FIRST "first word\n"

struct walked {
    size_t commands;
    bool has_first;
};

static bool look(const struct command *command, void *context)
{
    struct walked *walked = context;

    fuzz_require(strchr(command->name, '/') == NULL);
    for (size_t i = 0; i < command->argument_count; i++)
        fuzz_require(strlen(command->arguments[i]) < 1u << 20);
    walked->has_first |= strcmp(command->program, "first") == 0 && command->argument_count == 1 &&
                         strcmp(command->arguments[0], "word") == 0;
    walked->commands++;
    return true;
}

static bool stop(const struct command *command, void *context)
{
    size_t *calls = context;

    (void)command;
    ++*calls;
    return false;
}

/* The same bytes as argv, split where they have a newline. */
static void walk_arguments(char *text)
{
    const char *arguments[64] = {text};
    struct walked walked = {0};
    struct command command;
    size_t count = 0;

    for (char *at = text; at != NULL && count < 64; count++) {
        arguments[count] = at;
        at = strchr(at, '\n');
        if (at != NULL)
            *at++ = '\0';
    }
    const struct policy_command from = {
        .program = arguments[0], .arguments = arguments, .argument_count = count, .directory = "/"};

    command_of_arguments(&from, &command);
    command_walk(&command, look, &walked);
    fuzz_require(walked.commands > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t start = sizeof(FIRST) - 1;
    char *text = calloc(1, start + size + 1);
    struct walked walked = {0};
    size_t calls = 0;

    fuzz_require(text != NULL);
    memcpy(text, FIRST, start);
    if (size > 0)
        memcpy(text + start, data, size);
    command_walk_text(text, look, &walked);
    fuzz_require(walked.has_first);
    command_walk_text(text, stop, &calls);
    fuzz_require(calls == 1);
    walk_arguments(text + start);
    free(text);
    return 0;
}
