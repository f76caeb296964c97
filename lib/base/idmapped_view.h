/*
 * A directory as another identity's own: an idmapped clone of it in which two users change places.
 * mount_setattr(2), user_namespaces(7). Needs SYS_ADMIN, SETUID and SETGID effective and /proc.
 */
#ifndef BASE_IDMAPPED_VIEW_H
#define BASE_IDMAPPED_VIEW_H

#include <sys/types.h>

#include "lib/base/error.h"

/*
 * The two identities, each a uid and a gid of the same number as in policies/users.tab. What FIRST
 * owns on disk appears as SECOND's and the other way round; what SECOND creates is FIRST's on disk.
 *
 * Nobody else is in the map. Uid 0 cannot be: mapping it needs SETFCAP (Linux 5.12), which nothing
 * here has. Others need not be: a file of a third user shows as nobody's and the kernel refuses to
 * write it, mode 0666 or not, so that nothing made for another identity becomes this one's through
 * the view.
 */
struct idmapped_view_swap {
    uid_t first;
    uid_t second;
};

/*
 * Clones the mount at PATH (that one alone, not what is mounted below it), swaps the identities in
 * the clone, makes it private, nosuid, nodev and noexec, and lays it over PATH in the calling
 * process's mount namespace. 0, or -errno: -EINVAL from a file system that cannot be idmapped
 * (overlayfs; tmpfs before Linux 6.3), -EPERM in a user namespace (rootless engine, userns-remap).
 */
int idmapped_view_make(const char *path, const struct idmapped_view_swap *swap, struct error *err);

/* Does all but the last step and leaves nothing behind. 0 when idmapped_view_make would work. */
int idmapped_view_probe(const char *path, const struct idmapped_view_swap *swap, struct error *err);

#endif
