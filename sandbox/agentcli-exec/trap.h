/* The exec trap: from here on no program runs as this identity that the task runner did not allow.
 */
#ifndef AGENTCLI_EXEC_TRAP_H
#define AGENTCLI_EXEC_TRAP_H

#include <stddef.h>

#include "lib/base/error.h"
#include "sandbox/confine/confine.h"

/* As root, whom alone the runner takes a listener from: connects to it. The socket, owned by the
 * caller, or -errno. */
int trap_connect(struct error *err);

/*
 * Landlock, in the identity's own view of the files: execution of the relay, of what a session's
 * terminal is made of and of PROGRAMS (count of them, borrowed); writing where USER has something
 * to write. Needs no_new_privs. 0 or -errno.
 */
int trap_restrict_files(const struct user *user, const char *const *programs, size_t count,
                        struct error *err);

/*
 * Installs FILTER with a listener and leaves that to the runner at RUNNER (borrowed), which has it
 * stored when this returns. 0 or -errno.
 */
int trap_install(const char *filter, int runner, struct error *err);

#endif
