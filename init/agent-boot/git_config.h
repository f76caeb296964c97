/* Writing a git configuration file from checked keys and values: git-config(1), "CONFIGURATION
 * FILE". */
#ifndef BOOT_GIT_CONFIG_H
#define BOOT_GIT_CONFIG_H

#include <stddef.h>

#include "lib/base/error.h"

/* Grows as lines are added; release TEXT with free. */
struct git_config {
    char *text; /* owned */
    size_t size;
    size_t capacity;
};

/*
 * Adds "section.key" or "section.subsection.key" with VALUE, escaped. A key with an empty part, a
 * newline or a NUL in the subsection, or other than [A-Za-z0-9-] in section and key is -EINVAL. 0
 * or -errno.
 */
int git_config_add(struct git_config *config, const char *key, const char *value,
                   struct error *err);

#endif
