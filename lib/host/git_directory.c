/* Describes each git directory a session brings along: where the container finds it, and its
 * harmless configuration. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/host/repository.h"
#include "lib/wire/git_config.h"
#include "lib/wire/limits.h"

#define CONFIG_BYTES_MAX (4u * 1024 * 1024)

/* What lies behind DIRECTORY in PATH, with its '/'; NULL when PATH lies elsewhere. */
static const char *path_below(const char *path, const char *directory)
{
    size_t length = strlen(directory);
    bool is_below =
        strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
    return is_below ? path + length : NULL;
}

/* Where the container sees the host's PATH; NULL when it is not mounted. Kept in the repository's
 * strings. */
static char *container_path(struct repository *repository, const char *path)
{
    const char *below = path_below(path, repository->git_common);
    if (below != NULL && repository->is_git_outside)
        return string_list_format(&repository->strings, MANIFEST_SOURCE_GIT_DIRECTORY "%s", below);
    below = path_below(path, repository->top);
    if (below != NULL)
        return string_list_format(&repository->strings, MANIFEST_SOURCE_DIRECTORY "%s", below);
    for (size_t i = 0; i < repository->alternates.count; i++) {
        if (strcmp(repository->alternates.items[i], path) == 0)
            return string_list_format(&repository->strings,
                                      MANIFEST_SOURCE_ALTERNATES_DIRECTORY "/%zu", i);
    }
    return NULL;
}

static int add_alternate(struct repository *repository, const char *path, char **slot,
                         struct error *err)
{
    char resolved[PATH_MAX];
    /* git quotes control characters, quotes and backslashes as C does; a list of objects under such
     * a name is not worth a parser. */
    if (path[0] == '"' || realpath(path, resolved) == NULL)
        return error_set(err, EINVAL,
                         "the repository borrows objects from %s, which is not there: repair "
                         "objects/info/alternates or clone without --shared",
                         path);
    *slot = container_path(repository, resolved);
    if (*slot == NULL && string_list_add(&repository->alternates, resolved) != NULL)
        *slot = container_path(repository, resolved);
    return *slot == NULL ? error_set(err, ENOMEM, "keep the alternate %s", path) : 0;
}

/* git resolves chains of alternates and relative ones; each line "alternate: PATH". */
static int read_alternates(struct repository *repository, const char *worktree,
                           struct manifest_git_directory *directory, struct error *err)
{
    static const char prefix[] = "alternate: ";
    struct process_result result = {.output = NULL};
    int status = git_run_checked(
        worktree, &repository->identity,
        (const char *const[]){"-c", "core.quotePath=false", "count-objects", "-v", NULL}, 0,
        &result, err);
    if (status < 0)
        return status;
    cleanup_free char *text = steal_pointer(&result.output);
    /* git goes on without a borrowed directory that it does not find; a copy would be broken. */
    if (strstr(result.error_output, "alternate") != NULL)
        status = error_set(err, EINVAL, "objects that '%s' borrows are not there: %.*s", worktree,
                           (int)strcspn(result.error_output, "\n"), result.error_output);
    process_result_free(&result);
    if (status < 0)
        return status;
    size_t count = 0;
    directory->alternates = calloc(LIMIT_ALTERNATES + 1, sizeof(*directory->alternates));
    if (directory->alternates == NULL)
        return error_set(err, ENOMEM, "keep the alternates of '%s'", worktree);
    for (char *line = text, *next; line != NULL && status == 0; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        if (strncmp(line, prefix, sizeof(prefix) - 1) != 0)
            continue;
        if (count == LIMIT_ALTERNATES)
            return error_set(err, EINVAL, "'%s' borrows objects from more than %d places", worktree,
                             LIMIT_ALTERNATES);
        status = add_alternate(repository, line + sizeof(prefix) - 1,
                               &directory->alternates[count++], err);
    }
    return status;
}

/* One entry "KEY\nVALUE" of the repository's own configuration: kept when the allow-list has it. */
static int take_config(struct repository *repository, char *entry,
                       struct manifest_git_directory *directory, struct error *err)
{
    char *separator = strchr(entry, '\n');
    const char *value = "true";
    if (separator != NULL) {
        *separator = '\0';
        value = separator + 1;
    }
    if (strcmp(entry, "extensions.refstorage") == 0 && strcmp(value, "files") != 0)
        return error_set(err, EINVAL,
                         "the repository stores refs as '%s', which a session cannot copy: run "
                         "git refs migrate --ref-format=files",
                         value);
    /* A remote named like ours, in the session, would be replaced anyway. */
    if (strncmp(entry, "remote.local.", 13) == 0)
        return 0;
    size_t length = strlen(entry);
    bool is_url = (length > 4 && strcmp(entry + length - 4, ".url") == 0) ||
                  (length > 8 && strcmp(entry + length - 8, ".pushurl") == 0);
    if (is_url)
        value = url_strip_credentials(value, &repository->strings);
    if (value == NULL || git_config_refusal(entry, value) != NULL ||
        directory->config_count == LIMIT_GIT_CONFIG_ENTRIES)
        return 0;
    directory->config[directory->config_count++] = (struct manifest_git_config){
        .key = string_list_add(&repository->strings, entry),
        .value = string_list_add(&repository->strings, value),
    };
    return 0;
}

/* `git config -z --list --show-scope` prints SCOPE and then KEY, newline, VALUE, each with a NUL
 * behind it. */
static int read_config(struct repository *repository, const char *worktree,
                       struct manifest_git_directory *directory, struct error *err)
{
    static const char *const arguments[] = {"config", "--list", "-z", "--show-scope", NULL};
    struct process_result result = {.output = NULL};
    int status =
        git_run_checked(worktree, &repository->identity, arguments, CONFIG_BYTES_MAX, &result, err);
    if (status < 0)
        return status;
    directory->config = calloc(LIMIT_GIT_CONFIG_ENTRIES, sizeof(*directory->config));
    if (directory->config == NULL)
        status = error_set(err, ENOMEM, "keep the configuration of '%s'", worktree);
    const char *end = result.output + result.output_size;
    for (char *scope = result.output; scope < end && status == 0;) {
        char *entry = scope + strlen(scope) + 1;
        if (entry >= end)
            break;
        size_t length = strlen(entry);
        if (strcmp(scope, "local") == 0 || strcmp(scope, "worktree") == 0)
            status = take_config(repository, entry, directory, err);
        scope = entry + length + 1;
    }
    process_result_free(&result);
    return status;
}

/* A submodule's name is below modules/ of its superproject's git directory; an old one has its own
 * .git. */
static char *submodule_name(struct repository *repository, const char *git_directory,
                            const char *worktree)
{
    const char *below = path_below(git_directory, repository->git_common);
    const char *modules = below == NULL ? NULL : strstr(below, "/modules/");
    return string_list_add(&repository->strings, modules == NULL ? worktree : modules + 9);
}

/* Work of several steps that git has not finished: its scripts of what is left name commands, and
 * without them the copy would be in the middle of nothing. A merge, a single cherry-pick or revert
 * is one file, and travels. */
static int refuse_unfinished(const char *git_directory, const char *worktree, struct error *err)
{
    static const struct {
        const char *name;
        const char *what;
        const char *remedy;
    } states[] = {
        {"rebase-merge", "a rebase", "finish it or run git rebase --abort"},
        {"rebase-apply", "a rebase or git am",
         "finish it or run git rebase --abort, git am --abort"},
        {"sequencer", "a series of cherry-picks or reverts",
         "finish it or run git cherry-pick --abort, git revert --abort"},
        {"BISECT_LOG", "a bisection", "finish it with git bisect reset"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(states); i++) {
        char path[PATH_MAX];
        struct stat info;
        if (path_format(path, "%s/%s", git_directory, states[i].name) == 0 &&
            lstat(path, &info) == 0)
            return error_set(err, EINVAL, "%s is in progress in '%s': %s", states[i].what, worktree,
                             states[i].remedy);
    }
    return 0;
}

/* The two paths in the container, of the git directory that serves WORKTREE. */
static int find_paths(struct repository *repository, const char *path, const char *worktree,
                      struct manifest_git_directory *directory, struct error *err)
{
    char private[PATH_MAX];
    const char *answer = repository_ask(
        repository, path, (const char *const[]){"rev-parse", "--absolute-git-dir", NULL});
    if (realpath(answer, private) == NULL)
        return error_set(err, EINVAL, "git does not find the git directory of '%s'", path);
    int status = refuse_unfinished(private, path, err);
    if (status < 0)
        return status;
    bool is_top = worktree[0] == '\0';
    directory->private_path = container_path(repository, private);
    directory->common_path =
        is_top ? container_path(repository, repository->git_common) : directory->private_path;
    directory->worktree = string_list_add(&repository->strings, worktree);
    directory->name = is_top ? string_list_add(&repository->strings, "")
                             : submodule_name(repository, private, worktree);
    if (directory->private_path == NULL || directory->common_path == NULL)
        return error_set(
            err, EINVAL,
            "the git directory of the submodule '%s' is %s, outside of the repository: run "
            "git submodule absorbgitdirs",
            worktree, private);
    return 0;
}

int git_directory_add(struct repository *repository, const char *worktree, struct error *err)
{
    if (repository->directory_count == LIMIT_GIT_DIRECTORIES)
        return error_set(err, EINVAL, "the repository has more than %d submodules",
                         LIMIT_GIT_DIRECTORIES);
    struct manifest_git_directory *larger =
        reallocarray(repository->directories, repository->directory_count + 1, sizeof(*larger));
    if (larger == NULL)
        return error_set(err, ENOMEM, "keep the git directory of '%s'", worktree);
    repository->directories = larger;
    struct manifest_git_directory *directory = &larger[repository->directory_count++];
    *directory = (struct manifest_git_directory){.worktree = NULL};
    char path[PATH_MAX];
    int status =
        path_format(path, "%s%s%s", repository->top, worktree[0] == '\0' ? "" : "/", worktree);
    if (status < 0)
        return error_set(err, -status, "the path of the submodule '%s'", worktree);
    status = find_paths(repository, path, worktree, directory, err);
    if (status == 0)
        status = read_config(repository, path, directory, err);
    if (status == 0)
        status = read_alternates(repository, path, directory, err);
    return status;
}
