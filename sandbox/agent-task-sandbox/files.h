/* What a command may do with files, whatever the mounts of its root say: landlock(7). */
#ifndef TASK_SANDBOX_FILES_H
#define TASK_SANDBOX_FILES_H

#include "lib/base/error.h"

/* Confines the calling thread, in the root of a sandbox, which has set no_new_privs. 0 or -errno.
 */
int files_confine(struct error *err);

#endif
