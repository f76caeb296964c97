/* A host and a container without one: the store, and a home with the two directories beside it. */
#ifndef TESTS_PACK_WORLD_H
#define TESTS_PACK_WORLD_H

#include <limits.h>

#include "init/agent-data/agent_data.h"
#include "lib/host/data_store.h"
#include "tests/unit/pack/tree.h"

#define UUID "01234567-89ab-cdef-0123-456789abcdef"
#define HISTORY ".claude/history.jsonl"
#define TALK ".claude/projects/-workspace/" UUID ".jsonl"
#define SESSION "abcdefg2"

struct world {
    struct tree_fixture *fixture;
    struct data_session session;
    struct agent_data agent;
    char store[PATH_MAX];
    char home[PATH_MAX];
    char exported[PATH_MAX];
};

/* Session SESSION of claude, below FIXTURE; world_end closes it. */
void world_begin(struct world *world, struct tree_fixture *fixture, const char *session);
void world_end(struct world *world);

/* The key of DIRECTORY into AGENT. */
void world_key(struct agent_data *agent, enum pack_direction direction);
/* Lets the store make the archive for the session, and lays it into the home. */
int world_bring(struct world *world, struct agent_data_report *report, struct error *err);
void world_bring_well(struct world *world, size_t files);
struct agent_data_report world_pack_well(struct world *world);
/* Merges what the session packed, or the archive at PATH. */
int world_merge(struct world *world, const char *path, struct data_report *report,
                struct error *err);

/* The file NAME of DIRECTORY has that TEXT. */
void world_is_text(const char *directory, const char *name, const char *text);

#endif
