/* The mounted source: opened with the eyes of the user it belongs to, and detached when it is
 * copied. */
#ifndef BOOT_SOURCE_H
#define BOOT_SOURCE_H

#include "init/agent-boot/boot.h"
#include "init/agent-boot/copy.h"

/* The identity that reads the source, from the manifest. Borrows from it. */
struct copy_identity source_reader(const struct boot_context *context);
/* agentuser's identity, which owns the copy. */
struct copy_identity source_writer(const struct boot_context *context);

/*
 * Opens the directory that the manifest calls CONTAINER_PATH ("/tmp/source-repo/.git"), where the
 * mounts step has put it, as the reader, following no link. The fd (O_PATH, owned by the caller) or
 * -errno.
 */
int source_open(const struct boot_context *context, const char *container_path, struct error *err);

/* Unmounts the source, the git directory, the alternates and the host's session directory. 0 or
 * -errno. */
int source_detach(struct error *err);

#endif
