/* coding-agents policy show: a policy for people. */
#ifndef COMMANDS_POLICY_SHOW_H
#define COMMANDS_POLICY_SHOW_H

#include <jansson.h>

/* Prints what policy_describe made. */
void policy_show_print(const json_t *described);

#endif
