/* The user's repository as facts: inspected by host git as its owner, never changed, nothing of it
 * executed. */
#ifndef HOST_REPOSITORY_H
#define HOST_REPOSITORY_H

#include <limits.h>
#include <stdbool.h>

#include "lib/base/string_list.h"
#include "lib/host/git.h"
#include "lib/host/signing_config.h"
#include "lib/wire/manifest.h"

/* NUL-separated paths relative to the top, and what was left out of them. */
struct source_files {
    char *data; /* owned */
    size_t size;
    size_t capacity;
    size_t count;
    size_t
        left_out; /* nested repositories of their own, and files that are neither file nor link */
    char first_left_out[PATH_MAX];
};

struct repository {
    char top[PATH_MAX];        /* the work tree */
    char git_common[PATH_MAX]; /* objects, refs */
    struct git_identity identity;
    const char *label;       /* base name of the work tree, printable */
    const char *head_branch; /* "" when detached */
    const char *base_commit; /* "" when there is none yet */
    const char *object_format;
    const char *user_name;
    const char *user_email;
    struct signing_config signing;
    bool is_git_outside; /* git_common does not lie in the work tree: a linked worktree,
                            --separate-git-dir */
    struct manifest_git_directory
        *directories; /* owned array, strings in `strings`; the top one first */
    size_t directory_count;
    struct string_list alternates; /* owned; host directories of objects outside of both */
    struct source_files files;
    struct string_list strings; /* owned; what the pointers above borrow */
};

/*
 * Inspects the repository that PATH lies in. Refuses in one sentence what a session cannot copy: no
 * repository, a bare one, somebody else's, `/` or a home directory, files that the user cannot
 * read. WITH_IGNORED: list ignored files too. 0 or -errno.
 */
int repository_inspect(const char *path, bool with_ignored, struct repository *repository,
                       struct error *err);
/* Refuses a REPOSITORY that would bring the engine's SOCKET into the container. 0 or -errno. */
int repository_refuse_socket(const struct repository *repository, const char *socket,
                             struct error *err);
void repository_free(struct repository *repository);

/* Lists the files of the work tree and of populated submodules; finds these. For
 * repository_inspect. */
int source_files_list(struct repository *repository, bool with_ignored, struct error *err);
/* Describes the git directory of the work tree at WORKTREE ("" for the top). For source_files_list.
 */
int git_directory_add(struct repository *repository, const char *worktree, struct error *err);

/* URL without user, password and query, except an ssh user; NULL when it names a helper program.
 * Owned by LIST. */
const char *url_strip_credentials(const char *url, struct string_list *list);

/* git_read_line as the repository's owner in DIRECTORY, kept in its strings; "" when git says no.
 */
const char *repository_ask(struct repository *repository, const char *directory,
                           const char *const *arguments);

#endif
