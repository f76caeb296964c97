/* What the policy makes of the commands of a session now. */
#ifndef COMMANDS_POLICY_REPLAY_H
#define COMMANDS_POLICY_REPLAY_H

#include "host-shim/commands/command.h"

/* Judges every command on record anew and shows what changes. 0: nothing; 1: something; else an
 * exit code after the reason was printed. */
int policy_replay(const struct command_line *line);

#endif
