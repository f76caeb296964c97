/* What the session's programs made unreadable for its own user, made readable again. */
#ifndef COMMIT_PERMISSIONS_H
#define COMMIT_PERMISSIONS_H

#include "init/agent-commit/changes.h"

/*
 * Gives the owner of every directory below the current one read, write and search permission, and
 * the owner of every file read permission; no link is followed. Git keeps none of these bits, so
 * nothing of it shows in a commit. Paths that were changed are added to OPENED, directories that
 * cannot be read after all to CLOSED (each borrowed, and owning what it holds). 0 or -errno.
 */
int permissions_open(struct path_list *opened, struct path_list *closed, struct error *err);

#endif
