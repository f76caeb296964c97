/* The rules that are proposed, on standard output. */
#ifndef COMMANDS_SUGGEST_PRINT_H
#define COMMANDS_SUGGEST_PRINT_H

#include <jansson.h>

#define SUGGEST_FILE_FLAGS (JSON_INDENT(2) | JSON_ENSURE_ASCII)

/* MERGED (of suggest_rules.h) as a policy file. 0, -ENOMEM or -EIO. */
int suggest_print_file(const json_t *merged);

/* The same for people, a line each. */
void suggest_print_lines(const json_t *merged);

#endif
