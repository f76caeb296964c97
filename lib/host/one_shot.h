/* Containers that live for one command on a session's volume: what they may, and that they go away.
 */
#ifndef HOST_ONE_SHOT_H
#define HOST_ONE_SHOT_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/string_list.h"
#include "lib/wire/session.h"

/* "coding-agents-ID-PURPOSE" into NAME. */
void one_shot_name(const struct session_state *state, const char *purpose, char name[64]);

/*
 * `docker exec` (the container runs) or `docker run` (it ended) of git-upload-pack on the session's
 * bare repository. In a running container the program runs below the command filter, like
 * everything that reads what the agent may have written; after the end it runs without network,
 * privileges or a writable file.
 */
int one_shot_upload_pack(const struct session_state *state, bool is_running,
                         struct string_list *list, struct error *err);

/*
 * The command that makes up for a shutdown that did not happen: the session's own engine options
 * (docker-argv.json), cut down to confinement and the volume, and `--recover` for the image's boot
 * program.
 */
int one_shot_recovery(const struct session_state *state, struct string_list *list,
                      struct error *err);

/*
 * Copies to LIST what ARGV (a `docker run` command, NULL-terminated) has before IMAGE and what
 * confines or mounts the session's volume. False when ARGV is not understood or does not name
 * IMAGE.
 */
bool one_shot_keep_options(char *const *argv, const char *image, struct string_list *list);

/* Removes a container that outlived its client and waits until its name is free; a missing one is
 * fine. */
void one_shot_remove(const char *name);

#endif
