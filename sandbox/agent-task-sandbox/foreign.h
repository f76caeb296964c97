/* Argument lists of another process of the sandbox, which stands still but may lie. */
#ifndef TASK_SANDBOX_FOREIGN_H
#define TASK_SANDBOX_FOREIGN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What most lists fit in. */
#define FOREIGN_ARGUMENTS_FEW 256
#define FOREIGN_BYTES_FEW 16384
/* What execve(2) takes at most, pointers and strings together: three quarters of the 8 MiB that a
 * stack begins with (Linux's fs/exec.c, bprm_stack_limits). More is E2BIG. */
#define FOREIGN_BYTES_MAX (6u * 1024 * 1024)
#define FOREIGN_ARGUMENTS_MAX (FOREIGN_BYTES_MAX / sizeof(char *))

struct foreign_list {
    const char **items; /* into bytes; NULL at the end */
    size_t count;
    char *bytes;
    size_t size;
    void *room; /* owned; what a long list lies in, NULL for a short one */
    const char *few_items[FOREIGN_ARGUMENTS_FEW + 1];
    char few_bytes[FOREIGN_BYTES_FEW];
};

/* Makes LIST, of whatever content, an empty one that need not be freed. */
void foreign_list_begin(struct foreign_list *list);

/*
 * Reads the whole list of strings at ADDRESS of PID; 0 is the empty list. LIST, which was begun and
 * must not move while it is used, is to be freed whatever comes of it. 0, or -errno with LIST
 * empty: -E2BIG for what no exec takes, -EFAULT, -EPERM, -ESRCH for what cannot be read.
 */
int foreign_read_list(pid_t pid, uint64_t address, struct foreign_list *list);

/* Releases what a long list lies in. LIST is empty then. */
void foreign_list_free(struct foreign_list *list);

#endif
