/* What a work tree has to commit, sorted into what goes and what stays behind. */
#ifndef COMMIT_CHANGES_H
#define COMMIT_CHANGES_H

#include <stdbool.h>
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
    /* Look like credentials, or cannot travel: nested repositories, submodules. */
    struct path_list withheld;
    struct path_list unresolved; /* those with a conflict; in one of the other two as well */
    struct path_list unseen;     /* submodules that git cannot look into: stage_changes */
    size_t staged;               /* how many of `added` could be staged: stage_changes */
    bool is_index_fresh;         /* so conflicts that there were are not known any more */
};

/* 0 or -ENOMEM. */
int path_list_add(struct path_list *list, const char *path);
void path_list_free(struct path_list *list);

/*
 * Sorts SIZE bytes of `git status --porcelain=v2 -z` at STATUS (git-status(1)). PATTERNS NULL:
 * nothing looks like a credential. Deletions are always added: nothing of the file's content
 * travels with them. Header lines are skipped; a line that is not in the format is -EPROTO. 0 or
 * -errno.
 */
int changes_sort(const char *status, size_t size, const struct credential_patterns *patterns,
                 struct changes *changes, struct error *err);
/* The paths of such a status whose content the index has not, into UNSTAGED. 0 or -errno. */
int changes_unstaged(const char *status, size_t size, struct path_list *unstaged,
                     struct error *err);
/* Empties it, to be used again. */
void changes_free(struct changes *changes);

#endif
