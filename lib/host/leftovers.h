/* What sessions leave on the host beside their records: reserved branches, clones of URLs; and in
 * the engine: volumes of sidecars. */
#ifndef HOST_LEFTOVERS_H
#define HOST_LEFTOVERS_H

#include <limits.h>
#include <stdbool.h>

#include "lib/base/error.h"

/*
 * Removes the reservations and clones in STATE that no session has any more. A clone with commits
 * or changes that its origin lacks stays: it is somebody's work. Errors are dropped: the next one
 * tries again.
 */
void leftovers_sweep(void);

/* Removes the volumes that sidecars listened in and no container has any more. Errors are dropped.
 */
void leftovers_sweep_volumes(void);

/* The clone that SESSION was started on, into PATH, made or not. 0 or -errno. */
int leftovers_clone_path(const char *session, char path[PATH_MAX], struct error *err);

/*
 * True when the clone of SESSION has commits or changes that its origin lacks, or cannot be asked;
 * false when it has none, or there is no clone.
 */
bool leftovers_clone_has_work(const char *session);

#endif
