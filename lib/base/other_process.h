/*
 * Another process or thread, by number: its memory, and what /proc shows of it. A number can become
 * another's while it is looked at; the caller has to know that it did not. Needs SYS_PTRACE where
 * the other has another identity: ptrace(2).
 */
#ifndef BASE_OTHER_PROCESS_H
#define BASE_OTHER_PROCESS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* All SIZE bytes at ADDRESS, with the rights that the other's own instructions have there. 0, or
 * -EFAULT, -ESRCH, -EPERM. */
int other_process_read(pid_t pid, uint64_t address, void *data, size_t size);
int other_process_write(pid_t pid, uint64_t address, const void *data, size_t size);

/* A string of fewer than ROOM bytes; what follows it need not be there. 0, or the same, or
 * -ENAMETOOLONG. */
int other_process_read_string(pid_t pid, uint64_t address, char *text, size_t room);

/* The effective uid, of a process that is not dumpable too. 0 or -errno. */
int other_process_uid(pid_t pid, uid_t *uid);

/* The file that it is an image of. 0 or -errno. */
int other_process_program(pid_t pid, struct stat *file);

/* Opens NAME of /proc/PID. The descriptor (owned by the caller) or -errno: -EACCES for what is its
 * owner's alone, see sys_setfsuid. */
int other_process_open(pid_t pid, const char *name, int flags);

/* Where the link NAME of /proc/PID leads, as the kernel writes it. 0 or -errno. */
int other_process_link(pid_t pid, const char *name, char target[PATH_MAX]);

/* True when THREAD is a thread of the process that PID is one of. */
bool other_process_has_thread(pid_t pid, pid_t thread);

#endif
