/* A command line for people and for programs. */
#ifndef HOST_ARGUMENT_PRINT_H
#define HOST_ARGUMENT_PRINT_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/string_list.h"

/* Prints ARGV on stdout: as one line for a shell, or as a JSON document {"argv": [...]}. 0 or
 * -errno. */
int argument_print(const struct string_list *argv, bool is_json, struct error *err);

#endif
