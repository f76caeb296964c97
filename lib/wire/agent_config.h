/*
 * The files with which a repository configures an agent, as one text: of each, in the order of
 * their names, the path, 'x' or '-' for whether its owner may execute it, the size in decimal, each
 * with a NUL behind it, and the bytes. Whoever accepts the digest of the text accepts all of it,
 * and nothing else.
 */
#ifndef WIRE_AGENT_CONFIG_H
#define WIRE_AGENT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

struct agent_config_file {
    const char *path; /* borrowed from the text, as the bytes are */
    bool is_executable;
    const char *data;
    size_t size;
};

/*
 * Reads the COUNT files PATHS below the directory TOP, following no link, and makes their text,
 * which is owned by the caller. -EINVAL for a link, for what is no plain file, and for more than
 * LIMIT_AGENT_CONFIG_BYTES or LIMIT_AGENT_CONFIG_FILES, in a sentence about "they"; -errno.
 */
int agent_config_read(int top, char *const *paths, size_t count, char **text, size_t *size,
                      struct error *err);

/* Takes the file that TEXT of SIZE bytes has at *AT, and moves *AT behind it. False at the end; a
 * text that is none ends early, with *AT before SIZE. */
bool agent_config_next(const char *text, size_t size, size_t *at, struct agent_config_file *file);

#endif
