/* In what shapes vendors' programs start commands: policies/agent-shapes.tab. */
#ifndef HOST_AGENT_SHAPE_H
#define HOST_AGENT_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

#define AGENT_SHAPES_MAX 64

enum agent_shape_kind {
    AGENT_SHAPE_NONE,   /* a command as any other */
    AGENT_SHAPE_TEXT,   /* one that was given to a shell, as it is */
    AGENT_SHAPE_QUOTED, /* the same, among words of the vendor's program's own */
    AGENT_SHAPE_OWN,    /* what the vendor's program runs for itself */
    AGENT_SHAPE_KIND_COUNT
};

struct agent_shape {
    enum agent_shape_kind kind;
    char *agent; /* owned */
    char *words; /* owned */
    char *text;  /* owned */
};

struct agent_shapes {
    struct agent_shape rows[AGENT_SHAPES_MAX];
    size_t count;
};

/* The table at PATH. 0 with SHAPES for agent_shapes_free, or -errno. */
int agent_shapes_read(const char *path, struct agent_shapes *shapes, struct error *err);
void agent_shapes_free(struct agent_shapes *shapes);

/* The installed table, read once; borrowed. Without one, or with a bad one, it has no rows. */
const struct agent_shapes *agent_shapes_installed(void);

/*
 * What ARGUMENTS (COUNT strings of anybody's making) are: the first row that fits, of whatever
 * agent, as what is looked through does nothing of its own; but OWN only of AGENT (NULL: none).
 * *COMMAND is what was given to a shell, owned by the caller; NULL for NONE and OWN, and without
 * memory.
 */
enum agent_shape_kind agent_shape_find(const struct agent_shapes *shapes, const char *agent,
                                       const char *const *arguments, size_t count, char **command);

#endif
