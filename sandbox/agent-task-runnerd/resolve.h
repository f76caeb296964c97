/* What the kernel was asked to execute: its path, read from the caller, and the file it leads to.
 */
#ifndef RUNNERD_RESOLVE_H
#define RUNNERD_RESOLVE_H

#include "sandbox/agent-task-runnerd/runner.h"

/* How a call is to be answered that cannot be executed. */
struct resolution {
    int error;       /* positive errno; 0: it may be executed */
    const char *why; /* not NULL: it goes on record with this */
};

/* Finds out who makes the call of NOTIFICATION and of what program it is an image: fills uid and
 * from. 0 or -errno. */
int resolve_caller(struct call *call, const struct seccomp_notif *notification);

/* Fills path and target. The kernel's own errors for missing and unreachable files. */
struct resolution resolve_target(struct call *call, const struct seccomp_notif *notification);

/* Reads SIZE bytes at ADDRESS of THREAD into DATA as THREAD itself could. 0, or -EFAULT, -ESRCH. */
int resolve_read_memory(pid_t thread, uint64_t address, void *data, size_t size);
int resolve_write_memory(pid_t thread, uint64_t address, const void *data, size_t size);

/* A string of fewer than ROOM bytes. 0, or -EFAULT, -ESRCH, -ENAMETOOLONG. */
int resolve_read_string(pid_t thread, uint64_t address, char *text, size_t room);

/* The program that PROCESS is an image of. 0 or -errno. */
int resolve_program(pid_t process, struct program *program);

/* Opens PATH, which lies in /proc/PROCESS of a process of UID, for reading. The descriptor (owned
 * by the caller) or -errno. */
int resolve_open_process(const char *path, uid_t uid);

#endif
