/* Patterns over names, paths and arguments: '*' is any run of bytes ('/' is one like any other),
 * '?' any one, "[a-z]" and "[!a-z]" one of a set, '\' takes the meaning of what follows. */
#ifndef POLICY_GLOB_H
#define POLICY_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* True when TEXT, all of it, fits PATTERN, which glob_check has nothing against. Time is at most
 * the product of both lengths; no recursion. */
bool glob_matches(const char *pattern, const char *text);

/* The same for the first LENGTH bytes of TEXT. */
bool glob_matches_bytes(const char *pattern, const char *text, size_t length);

/* The byte that everything begins with which fits PATTERN; '\0' where that is not one byte. */
char glob_first(const char *pattern);

/* True when PATTERN has no special character: it fits nothing but itself. */
bool glob_is_literal(const char *pattern);

/* What is wrong with PATTERN (static text), or NULL. */
const char *glob_check(const char *pattern);

#endif
