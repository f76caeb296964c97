/* Landlock (landlock(7)) for programs of the host that read what came out of a container. */
#ifndef HOST_LANDLOCK_H
#define HOST_LANDLOCK_H

#include <linux/landlock.h>
#include <stdint.h>

#include "lib/base/error.h"

/* linux/landlock.h of Linux 6.2. */
#define LANDLOCK_TRUNCATE (UINT64_C(1) << 14)
/* Reading, writing, making and removing files. */
#define LANDLOCK_FILES                                                                            \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_TRUNCATE)
/* The same in a tree: with its directories, and from one to the other. */
#define LANDLOCK_TREE                                                             \
    (LANDLOCK_FILES | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REFER)

/*
 * From here on RIGHTS below the directory FD (borrowed) are all that the process and what it starts
 * have left of the file system, and it makes no TCP connection; descriptors that are open stay.
 * Needs Landlock version 2; WHO is named in the error of a kernel without it. 0 or -errno.
 */
int landlock_confine(int fd, uint64_t rights, const char *who, struct error *err);

/*
 * The same, and the system calls that FILTER allows: a program of seccomp(2) below the
 * installation's share, "seccomp/NAME.bpf". It is read before anything is given up. 0 or -errno.
 */
int landlock_confine_filtered(int fd, uint64_t rights, const char *filter, const char *who,
                              struct error *err);

/*
 * The same for who answers a container and holds what it needs: of files those of /proc to read,
 * where its callers are looked up, no program and, by FILTER, no other socket. 0 or -errno.
 */
int landlock_confine_to_processes(const char *filter, const char *who, struct error *err);

#endif
