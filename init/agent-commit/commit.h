/* The commit itself, and the merge that it may conclude. */
#ifndef COMMIT_COMMIT_H
#define COMMIT_COMMIT_H

#include "init/agent-commit/changes.h"
#include "lib/base/error.h"

/*
 * Commits the index with MESSAGE, or NULL for PLAIN (both borrowed), and reports "files" and
 * "commit"; nothing staged is no error. A merge, cherry-pick or revert that the session left is
 * concluded, with the message it brings when MESSAGE is NULL, if nothing of it is unresolved in
 * CHANGES. Else the commit is a snapshot with one parent, what was going on is forgotten, and each
 * path is reported as "unresolved": a merge that has markers of conflicts in it would pass for one
 * that was made. 0 or -errno.
 */
int commit_index(const char *message, const char *plain, const struct changes *changes,
                 struct error *err);

#endif
