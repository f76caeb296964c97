/* What a request leads to in the sandbox's own root: where a command would run, and which file. */
#ifndef TASK_SANDBOX_TARGET_H
#define TASK_SANDBOX_TARGET_H

#include <limits.h>
#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/wire/task_protocol.h"

struct target {
    int directory_fd; /* owned; O_PATH */
    int program_fd;   /* owned; O_PATH */
    char directory[PATH_MAX];
    char program[PATH_MAX]; /* with links resolved: what policy judges */
    char called[PATH_MAX]; /* what execve(2) is given: a script hears by which name it was called */
    struct task_file file;
    bool is_fixed; /* fixed_is_file: FILE tells its bytes from all others */
};

#define TARGET_NONE ((struct target){.directory_fd = -1, .program_fd = -1})

/*
 * Opens PATH (absolute), which must be the directory that GIVEN (borrowed, O_PATH) names in the
 * caller's view, or a part of the sandbox's own root, where nothing is anybody's. 0 with the fields
 * of the directory filled, or -errno.
 */
int target_find_directory(struct target *target, const char *path, int given, struct error *err);

/*
 * Finds NAME from the directory on, as execve(2) does; with a PATH (borrowed; NULL: without one) as
 * execvp(3) does. 0 with the fields of the program filled, or -errno with ERR set.
 */
int target_find_program(struct target *target, const char *name, const char *path,
                        struct error *err);

/* The SHA-256 of the program's bytes. 0, or -errno when they cannot be read; -EFBIG for more than
 * TARGET_DIGEST_MAX bytes, which nobody who waits for a command waits for. */
#define TARGET_DIGEST_MAX ((uint64_t)1024 * 1024 * 1024)
int target_digest(const struct target *target, uint8_t digest[TASK_DIGEST_SIZE]);

#endif
