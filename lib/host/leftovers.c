/* Finds and removes what belongs to no session any more. */
#include "lib/host/leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/host/engine.h"
#include "lib/host/git.h"
#include "lib/host/network.h"
#include "lib/wire/relay.h"
#include "lib/wire/session.h"

/* The id of a session, and room to see that it is none. */
#define HOLDER_BYTES 64
#define ENGINE_MS 30000

/* A session begins and ends with its directory. */
static bool session_exists(const char *session)
{
    char directory[PATH_MAX];
    return manifest_is_session_id(session) &&
           (session_state_directory(session, directory, NULL) < 0 || access(directory, F_OK) == 0 ||
            errno != ENOENT);
}

static bool is_hidden(const struct dirent *entry)
{
    return entry->d_name[0] == '.';
}

static void sweep_repository(int root, const char *name)
{
    int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    cleanup_directory DIR *reservations = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    while (reservations != NULL && (entry = readdir(reservations)) != NULL) {
        cleanup_free char *holder = NULL;
        size_t size = 0;
        if (is_hidden(entry) ||
            fd_read_file(fd, entry->d_name, HOLDER_BYTES, &holder, &size, NULL) < 0)
            continue;
        if (!session_exists(holder))
            (void)unlinkat(fd, entry->d_name, 0);
    }
    /* One that still holds something stays. */
    (void)unlinkat(root, name, AT_REMOVEDIR);
}

static void sweep_reservations(const char *state)
{
    char path[PATH_MAX];
    if (path_format(path, "%s/branches", state) < 0)
        return;
    /* Whoever reserves holds the same lock. */
    cleanup_fd int lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (lock < 0 || flock(lock, LOCK_EX) < 0)
        return;
    cleanup_directory DIR *repositories = opendir(path);
    const struct dirent *entry;
    while (repositories != NULL && (entry = readdir(repositories)) != NULL) {
        if (!is_hidden(entry))
            sweep_repository(lock, entry->d_name);
    }
}

int leftovers_clone_path(const char *session, char path[PATH_MAX], struct error *err)
{
    char state[PATH_MAX];
    int status = session_state_root(state, err);
    if (status == 0 && path_format(path, "%s/clones/%s", state, session) < 0)
        return error_set(err, ENAMETOOLONG, "the clone of session %s", session);
    return status;
}

/* True when git answers with nothing at all. */
static bool is_silent(const char *clone, const struct git_identity *identity,
                      const char *const *arguments)
{
    struct process_result result = {.output = NULL};
    bool is_empty = git_run_checked(clone, identity, arguments, 0, &result, NULL) == 0 &&
                    result.output_size == 0;
    process_result_free(&result);
    return is_empty;
}

bool leftovers_clone_has_work(const char *session)
{
    static const char *const changes[] = {"status", "--porcelain", NULL};
    /* HEAD, branches and stashes; tags came from the origin. */
    static const char *const commits[] = {
        "rev-list", "--max-count=1", "--exclude=refs/tags/*", "--all", "--not", "--remotes", NULL};
    char clone[PATH_MAX];
    struct git_identity identity;
    if (leftovers_clone_path(session, clone, NULL) < 0)
        return true;
    if (access(clone, F_OK) < 0)
        return errno != ENOENT;
    return git_identity_of(clone, &identity, NULL) < 0 || !is_silent(clone, &identity, changes) ||
           !is_silent(clone, &identity, commits);
}

static void sweep_clones(const char *state)
{
    char path[PATH_MAX];
    if (path_format(path, "%s/clones", state) < 0)
        return;
    cleanup_directory DIR *clones = opendir(path);
    const struct dirent *entry;
    while (clones != NULL && (entry = readdir(clones)) != NULL) {
        const char *session = entry->d_name;
        if (manifest_is_session_id(session) && !session_exists(session) &&
            !leftovers_clone_has_work(session))
            (void)path_remove_tree(dirfd(clones), session, NULL);
    }
}

void leftovers_sweep(void)
{
    char state[PATH_MAX];
    if (session_state_root(state, NULL) < 0)
        return;
    sweep_reservations(state);
    sweep_clones(state);
}

void leftovers_sweep_volumes(void)
{
    static const char *const unused[] = {
        "volume", "ls", "--quiet", "--filter", "dangling=true", "--filter", "label=" RELAY_LABEL,
        NULL};
    struct process_result result = {.output = NULL};
    char *rest = NULL;
    if (engine_run(unused, ENGINE_MS, &result, NULL) < 0)
        return;
    for (char *name = strtok_r(result.output, "\n", &rest); name != NULL;
         name = strtok_r(NULL, "\n", &rest))
        volume_remove(name);
    process_result_free(&result);
}
