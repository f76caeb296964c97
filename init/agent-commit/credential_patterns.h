/* Which file names look like credentials: policies/credential-patterns.tab. */
#ifndef COMMIT_CREDENTIAL_PATTERNS_H
#define COMMIT_CREDENTIAL_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

#define CREDENTIAL_PATTERNS_FILE "/etc/coding-agents/credential-patterns.tab"
/* Our own table; generous. */
#define CREDENTIAL_PATTERNS_MAX 512

struct credential_pattern {
    bool leaves_out; /* else the row is an exception */
    char *pattern;   /* owned */
};

struct credential_patterns {
    struct credential_pattern rows[CREDENTIAL_PATTERNS_MAX];
    size_t count;
};

/* Reads the table at PATH. 0 or -errno; a bad row is named with file and line. */
int credential_patterns_load(const char *path, struct credential_patterns *patterns,
                             struct error *err);
void credential_patterns_free(struct credential_patterns *patterns);

/* True when PATH (relative, '/' between components) looks like a credential: the last matching row
 * decides. */
bool credential_patterns_match(const struct credential_patterns *patterns, const char *path);

#endif
