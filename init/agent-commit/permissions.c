/* Walks the work tree and its git directory and adds the permissions that reading needs. */
#include "init/agent-commit/permissions.h"

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* fts names everything "./PATH". */
static const char *path_of(const FTSENT *entry)
{
    return strncmp(entry->fts_path, "./", 2) == 0 ? entry->fts_path + 2 : entry->fts_path;
}

static bool is_in_git_directory(const FTSENT *entry)
{
    const char *path = path_of(entry);
    return strncmp(path, ".git", 4) == 0 && (path[4] == '/' || path[4] == '\0');
}

/* Before a directory is read, since fts reads it when the next entry is asked for. Only its owner
 * can change it: what is another's is opened or stays as it is. */
static int open_entry(const FTSENT *entry, struct path_list *opened)
{
    mode_t mode = entry->fts_statp->st_mode & 07777;
    mode_t needed = entry->fts_info == FTS_D ? S_IRWXU : S_IRUSR;
    if ((mode & needed) == needed || chmod(entry->fts_accpath, mode | needed) < 0)
        return 0;
    return is_in_git_directory(entry) ? 0 : path_list_add(opened, path_of(entry));
}

/* Told as a directory whatever it is: nothing is known of what lies there. */
static int note_closed(const FTSENT *entry, struct path_list *closed)
{
    char path[PATH_MAX];
    if (is_in_git_directory(entry))
        return 0;
    snprintf(path, sizeof(path), "%.*s/", PATH_MAX - 2, path_of(entry));
    return path_list_add(closed, path);
}

static int look_at(FTS *tree, FTSENT *entry, struct path_list *opened, struct path_list *closed)
{
    switch (entry->fts_info) {
    case FTS_D:
    case FTS_F:
        /* No path that is longer names a file for git. */
        if (strlen(path_of(entry)) < PATH_MAX)
            return open_entry(entry, opened);
        fts_set(tree, entry, FTS_SKIP);
        return note_closed(entry, closed);
    case FTS_DNR:
    case FTS_NS:
    case FTS_ERR:
        return note_closed(entry, closed);
    default:
        return 0;
    }
}

int permissions_open(struct path_list *opened, struct path_list *closed, struct error *err)
{
    char here[] = ".";
    char *const roots[] = {here, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL, NULL);
    if (tree == NULL)
        return error_set(err, errno, "walk the work tree");
    int result = 0;
    FTSENT *entry;
    while (result == 0 && (entry = fts_read(tree)) != NULL)
        result = look_at(tree, entry, opened, closed);
    /* A walk that cannot go on is told as the whole tree; git goes its own way. */
    if (result == 0 && errno != 0)
        result = path_list_add(closed, "./");
    fts_close(tree);
    return result < 0 ? error_set(err, -result, "walk the work tree") : 0;
}
