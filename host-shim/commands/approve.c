/* coding-agents approve: lets a command run that waits for an answer. */
#include <errno.h>

#include "host-shim/commands/ask_answer.h"

static int read_scope(const struct command_line *line, struct ask_answer *answer, struct error *err)
{
    const char *always = command_value(line, "always");
    const char *words = command_value(line, "words");
    if (always != NULL) {
        size_t scope = ask_find_name(ask_scopes, ASK_SCOPE_COUNT, always);
        if (scope != ASK_PREFIX && scope != ASK_PROGRAM)
            return error_set(err, EINVAL, "--always wants prefix or program, not '%s'", always);
        answer->scope = (enum ask_scope)scope;
    }
    if (words == NULL)
        return 0;
    if (answer->scope != ASK_PREFIX)
        return error_set(err, EINVAL, "--words goes with --always=prefix");
    if (ask_answer_parse_number(words, &answer->words) < 0)
        return error_set(err, EINVAL, "--words wants a number from 1, not '%s'", words);
    return 0;
}

int main(int argc, char **argv)
{
    struct command_line line;
    struct error err = ERROR_INITIALIZER;
    struct ask_answer answer = {.is_allowed = true};
    command_begin("approve", argc, argv, &line);
    if (read_scope(&line, &answer, &err) < 0)
        return command_fail(&line, &err, EXIT_USAGE);
    return ask_answer_give(&line, line.arguments[0], &answer);
}
