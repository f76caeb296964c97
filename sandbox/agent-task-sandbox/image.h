/* The file that the kernel makes a process from when it executes a program. */
#ifndef TASK_SANDBOX_IMAGE_H
#define TASK_SANDBOX_IMAGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "sandbox/agent-task-sandbox/target.h"

struct image {
    const struct target *judged; /* borrowed */
    bool is_known;
    /* Not known, and the kernel may run it all the same: it is not to be read, or of a format that
     * goes to an interpreter nobody knows here. Then it must be what was judged, unchanged. */
    bool is_open;
    bool is_program; /* the target itself, which must not have changed since it was judged */
    bool is_fixed;   /* and nobody but root could make it another, now or before its exec */
    bool is_text;    /* a script without a first line: execve(2) fails, and the shell runs it */
    struct task_file file;
};

/*
 * What executing TARGET (borrowed) makes: a program of this machine itself; for a script what its
 * first line names, as Linux's fs/binfmt_script.c reads it, or the shell. What is empty now, or
 * names nothing that is there, becomes nothing. TARGET stays as long as IMAGE. 0 with IMAGE filled,
 * or -errno with ERR set when it cannot be told.
 */
int image_expect(const struct target *target, struct image *image, struct error *err);

/*
 * 0 when PROCESS, which has executed TARGET and not run yet, is that image; -ESTALE with ERR set
 * when it is another, as when the path led to another file than the one that was judged.
 */
int image_verify(const struct image *image, pid_t process, struct error *err);

#endif
