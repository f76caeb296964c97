/* What the tests of lib/policy share: policies out of texts, and the table of verdicts. */
#ifndef TESTS_POLICY_SUPPORT_H
#define TESTS_POLICY_SUPPORT_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* After the three above, as cmocka asks. */
#include <cmocka.h>

#include "lib/policy/policy.h"

#define SUPPORT_SHIPPED "policies/exec"

/* The start of a policy of one's own: '{"version": 1, "profiles": {...}'. */
#define SUPPORT_START                                                            \
    "{\"version\": 1, \"profiles\": {\"default\": {\"network\": \"inherit\", "   \
    "\"linger_seconds\": 1, \"warm\": 1}, \"offline\": {\"network\": \"none\", " \
    "\"linger_seconds\": 0, \"warm\": 0}}"

/* A fresh directory; a file in it. */
void support_directory_make(char path[PATH_MAX]);
void support_directory_remove(const char *path);
void support_write(const char *directory, const char *name, const char *text);

/* Loads one directory or file. Fails the test when it cannot. */
struct policy *support_load(const char *path, const char *agent);

/* Loads TEXT as the only file. Fails the test when it cannot. */
struct policy *support_load_text(const char *text, const char *agent);

/* Judges argv; argv[0] without a '/' is in /usr/bin. */
void support_judge(const struct policy *policy, const char *const *arguments, size_t count,
                   struct policy_judgement *judgement);

/* The rows KEY ("seen", "not_seen") of verdicts.json. Owned by the caller. */
json_t *support_verdicts(const char *key);

/* What POLICY says to a row, as the row has it: "deny destructive git-force-push". True when it is
 * the same. */
bool support_row_holds(const struct policy *policy, const json_t *row, char said[256]);

#endif
