/* Where the data of an agent lies in its home, as policies/agent-data.tab says it. */
#ifndef PACK_PACK_PLACES_H
#define PACK_PACK_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

/* Rows of one agent, and bytes of a pattern with the terminator: our own table, generously. */
#define PACK_PLACES_MAX 32
#define PACK_PATTERN_SIZE 128

struct pack_place {
    bool is_unique; /* its paths have an id in them */
    char pattern[PACK_PATTERN_SIZE];
};

struct pack_places {
    size_t count; /* 0: the agent has no data */
    struct pack_place rows[PACK_PLACES_MAX];
};

/* The rows of AGENT in the table FILE. 0, or -errno; a malformed row of any agent is named with its
 * line. */
int pack_places_load(const char *file, const char *agent, struct pack_places *places,
                     struct error *err);

/* The one of PLACES that the file PATH is in, borrowed; NULL: none. */
const struct pack_place *pack_places_find(const struct pack_places *places, const char *path);
/* The same as a question. */
bool pack_places_have(const struct pack_places *places, const char *path);

/* True for the PATH of a directory below which such a file may be, or that is such a path itself.
 */
bool pack_places_lead(const struct pack_places *places, const char *path);

/* True for a path that names what it is of: "session-", "run-" or a UUID in it. */
bool pack_path_has_id(const char *path);

#endif
