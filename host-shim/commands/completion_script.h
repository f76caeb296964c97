/* Completion scripts, written from the table of commands. */
#ifndef COMMANDS_COMPLETION_SCRIPT_H
#define COMMANDS_COMPLETION_SCRIPT_H

#include <stdio.h>

void completion_write_bash(FILE *file);
void completion_write_zsh(FILE *file);
void completion_write_fish(FILE *file);

#endif
