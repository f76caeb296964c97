/* Strings of another process of the sandbox, which stands still but may lie. */
#ifndef TASK_SANDBOX_FOREIGN_H
#define TASK_SANDBOX_FOREIGN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What is read of an argument list: enough for policy, which judges the rest as if it were not
 * there. */
#define FOREIGN_ARGUMENTS_MAX 256
#define FOREIGN_BYTES_MAX 16384

struct foreign_list {
    const char *items[FOREIGN_ARGUMENTS_MAX + 1]; /* into bytes; NULL at the end */
    size_t count;
    char bytes[FOREIGN_BYTES_MAX];
    size_t size;
};

/* Reads the string at ADDRESS of PID into TEXT of SIZE bytes. 0, or -errno: -ENAMETOOLONG. */
int foreign_read_string(pid_t pid, uint64_t address, char *text, size_t size);

/* Reads the list of strings at ADDRESS, cut where LIST is full. 0 or -errno. */
int foreign_read_list(pid_t pid, uint64_t address, struct foreign_list *list);

#endif
