/* What a work tree has to commit, sorted into what goes and what stays behind. */
#ifndef COMMIT_CHANGES_H
#define COMMIT_CHANGES_H

#include <stddef.h>

#include "init/agent-commit/credential_patterns.h"
#include "lib/base/error.h"

/* NUL-terminated paths one after the other, as git's --pathspec-file-nul wants them. */
struct path_list {
    char *text; /* owned */
    size_t size;
    size_t capacity;
    size_t count;
};

struct changes {
    struct path_list added; /* to be added to the commit */
    struct path_list
        withheld; /* look like credentials, or cannot travel: nested repositories, submodules */
};

/*
 * Sorts SIZE bytes of `git status --porcelain=v2 -z` at STATUS (git-status(1)). PATTERNS NULL:
 * nothing looks like a credential. Deletions are always added: nothing of the file's content
 * travels with them. A line that is not in the format is -EPROTO. 0 or -errno.
 */
int changes_sort(const char *status, size_t size, const struct credential_patterns *patterns,
                 struct changes *changes, struct error *err);
void changes_free(struct changes *changes);

#endif
