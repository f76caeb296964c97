/* Files that run code on the host once somebody opens, builds or commits in the repository. */
#ifndef COLLECT_AUTO_EXEC_H
#define COLLECT_AUTO_EXEC_H

#include <stddef.h>

#include "lib/base/error.h"

/*
 * policies/auto-exec.tab: a pattern and why the file runs code. Patterns are fnmatch(3) globs
 * without regard to the case of ASCII letters (file systems exist that have none): name       the
 * last component, in any directory /path      the whole path from the top of the repository
 *   path/name  the end of the path, in any directory
 *   dir/       everything below such a directory, wherever it is; also "/dir/" and "path/dir/"
 */
struct auto_exec_rule {
    char *pattern;
    char *why;
};

struct auto_exec_table {
    struct auto_exec_rule *rules;
    size_t count;
};

/* Loads the table at PATH. *TABLE is owned by the caller and released by auto_exec_free. 0 or
 * -errno. */
int auto_exec_load(const char *path, struct auto_exec_table *table, struct error *err);
void auto_exec_free(struct auto_exec_table *table);

/* Why the file at PATH, relative to the repository, runs code; NULL when no rule names it.
 * Borrowed. */
const char *auto_exec_match(const struct auto_exec_table *table, const char *path);

/*
 * Why the symbolic link at PATH with TARGET is worth a look: it leads out of the tree or into .git.
 * NULL when it stays. Borrowed. A target with ".." after a name counts as leading out, because the
 * name may be a link.
 */
const char *auto_exec_link(const char *path, const char *target);

#endif
