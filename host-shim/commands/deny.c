/* coding-agents deny: refuses a command that waits for an answer, and says why. */
#include "host-shim/commands/ask_answer.h"

int main(int argc, char **argv)
{
    struct command_line line;
    command_begin("deny", argc, argv, &line);
    struct ask_answer answer = {.text = command_value(&line, "message")};
    return ask_answer_give(&line, line.arguments[0], &answer);
}
