/* policies/stubs.tab: the programs of a container that may redeem secrets. The host issues by it, a
 * container starts by it. */
#ifndef WIRE_STUB_TABLE_H
#define WIRE_STUB_TABLE_H

#include <limits.h>

#include "lib/base/error.h"
#include "lib/base/users.h"
#include "lib/wire/capability.h"

/* Where an image has it. */
#define STUB_TABLE_FILE "/etc/coding-agents/stubs.tab"

struct stub {
    char name[CAPABILITY_NAME_BYTES];
    char agent[CAPABILITY_NAME_BYTES];
    char identity[USERS_NAME_SIZE];
    char program[PATH_MAX];
};

/* The row of AGENT in the table at PATH. 0 with *STUB filled, -ENOENT without a row, -errno. */
int stub_table_find(const char *path, const char *agent, struct stub *stub, struct error *err);
/* The row of the stub NAME, likewise. */
int stub_table_find_name(const char *path, const char *name, struct stub *stub, struct error *err);

#endif
