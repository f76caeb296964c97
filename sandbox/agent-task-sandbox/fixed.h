/* What only root can change: files, and the ways to them. */
#ifndef TASK_SANDBOX_FIXED_H
#define TASK_SANDBOX_FIXED_H

#include <stdbool.h>

#include "lib/wire/task_protocol.h"

/*
 * True when what is open at FD (borrowed) is root's, nobody else may write it, and it lies on a
 * read-only mount: its bytes, or of a directory its entries, are what they were. An access list
 * that lets somebody write shows in the bits of the group: acl(5).
 */
bool fixed_is_file(int fd);

/*
 * True when PATH, from the root on, leads to FILE, and always will: every directory on the way,
 * those that links name included, is such a file, and so is its end. What is not understood is
 * false: a relative path, "..", many links.
 */
bool fixed_is_path(const char *path, const struct task_file *file);

#endif
