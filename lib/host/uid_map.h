/*
 * How a container's identities are seen from here: the uid_map of a process of it. Read once, of
 * agent-boot, which runs before anybody who could make a user namespace of their own and speak out
 * of that.
 */
#ifndef HOST_UID_MAP_H
#define HOST_UID_MAP_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/base/error.h"

/* user_namespaces(7): 340 lines at most; engines write a few. */
#define UID_MAP_ROWS_MAX 32
#define UID_MAP_NOBODY ((uid_t)-1)

struct uid_map {
    struct {
        uid_t inside;
        uid_t outside;
        uid_t count;
    } rows[UID_MAP_ROWS_MAX];
    size_t count;
};

/* Reads TEXT as /proc/PID/uid_map has it. 0, or -EPROTO for anything else. */
int uid_map_parse(const char *text, struct uid_map *map);
/* Reads that of process PID. 0 or -errno. */
int uid_map_read(pid_t pid, struct uid_map *map, struct error *err);
/* The uid in the container of OUTSIDE, or UID_MAP_NOBODY. */
uid_t uid_map_inside(const struct uid_map *map, uid_t outside);

#endif
