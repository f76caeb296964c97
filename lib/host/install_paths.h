/* Where the installed files lie, relative to the running program: bin/../libexec, bin/../share. */
#ifndef HOST_INSTALL_PATHS_H
#define HOST_INSTALL_PATHS_H

#include <limits.h>

#include "lib/base/error.h"
#include "lib/base/users.h"

/* PREFIX/libexec/coding-agents/NAME. NAME "" gives the directory. Works from bin/ and from
 * libexec/. */
int install_path_libexec(const char *name, char path[PATH_MAX], struct error *err);
/* PREFIX/share/coding-agents/NAME, likewise: "policies/seccomp/agent.json", "images.lock",
 * "source". */
int install_path_share(const char *name, char path[PATH_MAX], struct error *err);
/* The account NAME of the installed users.tab, as users_find (lib/base/users.h). */
int install_user_find(const char *name, struct user *user, struct error *err);

#endif
