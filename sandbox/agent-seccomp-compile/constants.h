/* The names a filter may use instead of numbers. */
#ifndef AGENT_SECCOMP_COMPILE_CONSTANTS_H
#define AGENT_SECCOMP_COMPILE_CONSTANTS_H

#include <stdint.h>

/* The value of a constant such as "CLONE_NEWUSER". 0 with *VALUE set, or -ENOENT. */
int constant_find(const char *name, uint32_t *value);

/* The number of an error such as "EPERM", or -ENOENT. */
int constant_find_errno(const char *name);

/*
 * The number of a system call newer than libseccomp's own table, or -ENOENT. From 424 on a call has
 * the same number on every architecture: kernel, scripts/syscall.tbl.
 */
int constant_find_syscall(const char *name);

#endif
