/*
 * The digests that an image's maker recorded of its programs, images/record-programs: known from
 * the start, so that nobody waits while a vendor's program of some hundred megabytes is read.
 */
#ifndef TASK_SANDBOX_RECORDED_H
#define TASK_SANDBOX_RECORDED_H

#include "lib/base/error.h"
#include "sandbox/agent-task-sandbox/digests.h"

/*
 * Keeps the digests of those programs in the table at PATH that are fixed (target.h) and of the
 * size and time of change that were recorded with them, in seconds: others, such as those that an
 * image made from ours has changed, are read when they are run. 0, also without a table, or -errno
 * for a table that is malformed; what stands before that is kept.
 */
int recorded_load(const char *path, struct digests *digests, struct error *err);

#endif
