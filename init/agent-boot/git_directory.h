/* Rebuilding git directories: what is brought along of them, by an allow-list, and what is written
 * anew. */
#ifndef BOOT_GIT_DIRECTORY_H
#define BOOT_GIT_DIRECTORY_H

#include <limits.h>

#include "init/agent-boot/boot.h"
#include "init/agent-boot/copy.h"
#include "lib/wire/limits.h"

/* The directories a plan refers to: open while it runs. Three of each, and of each alternate. */
struct git_directory_set {
    int fds[LIMIT_GIT_DIRECTORIES * 3 + LIMIT_ALTERNATES * 3];
    size_t count;
    int repository; /* the volume's bare repository: the top directory's objects are linked into it
                     */
};

#define GIT_DIRECTORY_SET_INITIALIZER \
    {                                 \
        .count = 0, .repository = -1  \
    }

/* Adds to PLAN what every git directory of the manifest brings along, below TARGET (the workspace).
 */
int git_directory_plan(struct boot_context *context, struct copy_plan *plan, int target,
                       struct git_directory_set *set, struct error *err);

void git_directory_set_close(struct git_directory_set *set);

/* ".git" or ".git/modules/NAME", relative to the workspace. 0 or -ENAMETOOLONG. */
int git_directory_path(const struct manifest_git_directory *directory, char path[PATH_MAX]);

#endif
