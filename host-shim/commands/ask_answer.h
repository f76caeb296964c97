/* Answers a command that waits: what approve and deny have in common. */
#ifndef COMMANDS_ASK_ANSWER_H
#define COMMANDS_ASK_ANSWER_H

#include "host-shim/commands/command.h"
#include "lib/wire/ask.h"

/*
 * Gives ANSWER, but for its number, to the ask that TEXT means ("SESSION-NUMBER"), prints what came
 * of it, and returns the exit code.
 */
int ask_answer_give(const struct command_line *line, const char *text, struct ask_answer *answer);

/* *NUMBER from TEXT: digits alone, from 1. 0 or -EINVAL. */
int ask_answer_parse_number(const char *text, uint64_t *number);

#endif
