/* How the two identities of a container see each other's files: decided once by boot, obeyed by all
 * that follows. */
#ifndef CONFINE_VIEWS_H
#define CONFINE_VIEWS_H

#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/base/users.h"

/* One line, written by agent-boot: "idmapped", or "shared-group GID". Missing when boot made
 * neither. */
#define VIEWS_FILE "/run/coding-agents/views"

enum views_kind {
    VIEWS_NONE = 0,
    VIEWS_IDMAPPED,     /* each identity is the owner of everything in its own view */
    VIEWS_SHARED_GROUP, /* both have a group, directories are setgid, the umask is 002 */
};

struct views {
    enum views_kind kind;
    gid_t group; /* with VIEWS_SHARED_GROUP */
};

/* Reads PATH; a missing file is VIEWS_NONE. 0, or -errno when it says anything but the above. */
int views_read(const char *path, struct views *views, struct error *err);

/*
 * Gives the calling process a mount namespace of its own in which OWNER's workspace and /tmp are
 * USER's. 0 or -errno.
 */
int views_lay(const struct user *owner, const struct user *user, struct error *err);

#endif
