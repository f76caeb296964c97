/* Inspects the user's repository with host git, as its owner. */
#include "lib/host/repository.h"

#include <errno.h>
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/host/printable.h"

/* The engine's socket, wherever a source could contain it. */
static const char *const engine_sockets[] = {"/run/docker.sock", "/var/run/docker.sock"};

const char *repository_ask(struct repository *repository, const char *directory,
                           const char *const *arguments)
{
    cleanup_free char *line = NULL;
    if (git_read_line(directory, &repository->identity, arguments, &line, NULL) < 0)
        return "";
    const char *kept = string_list_add(&repository->strings, line);
    return kept == NULL ? "" : kept;
}

static bool lies_in(const char *path, const char *directory)
{
    size_t length = strlen(directory);
    return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static int refuse_worktree(const char *path, struct error *err)
{
    return error_set(err, EINVAL,
                     "the configuration of '%s' names a work tree that is not there: see "
                     "git config core.worktree",
                     path);
}

/* Why git does not take PATH for a work tree, in our words where we know a remedy. */
static int refuse_path(const char *path, const char *reason, struct error *err)
{
    if (strstr(reason, "dubious ownership") != NULL)
        return error_set(
            err, EINVAL,
            "'%s' belongs to another user, so git does not trust it: run as its owner, or "
            "git config --global --add safe.directory '%s'",
            path, path);
    if (strstr(reason, "not a git repository") != NULL)
        return error_set(err, EINVAL,
                         "'%s' is not in a git repository: run git init there, or name one", path);
    if (strstr(reason, "must be run in a work tree") != NULL)
        return error_set(
            err, EINVAL,
            "'%s' is a bare repository or a git directory, and a session needs a work tree: "
            "name one, or the repository's URL (file://%s)",
            path, path);
    if (strstr(reason, "Invalid path") != NULL || strstr(reason, "cannot chdir to") != NULL)
        return refuse_worktree(path, err);
    return error_set(err, EINVAL, "git cannot use '%s': %s", path, reason);
}

/*
 * The CSV in which docker takes mounts loses a carriage return before a newline, and the JSON in
 * which it asks for them whatever is no UTF-8.
 */
static int check_mountable(const char *path, struct error *err)
{
    json_t *text = json_string(path);
    bool is_utf8 = text != NULL;
    json_decref(text);
    if (is_utf8 && strstr(path, "\r\n") == NULL)
        return 0;
    cleanup_free char *safe = printable_text(path, strlen(path));
    return error_set(err, EINVAL, "the engine cannot mount '%s', whose name %s: rename it",
                     safe == NULL ? "" : safe,
                     is_utf8 ? "has a carriage return and newline" : "is not UTF-8");
}

static int check_all_mountable(const struct repository *repository, struct error *err)
{
    int status = check_mountable(repository->top, err);
    if (status == 0)
        status = check_mountable(repository->git_common, err);
    for (size_t i = 0; i < repository->alternates.count && status == 0; i++)
        status = check_mountable(repository->alternates.items[i], err);
    return status;
}

static int find_top(const char *path, struct repository *repository, struct error *err)
{
    static const char *const arguments[] = {"rev-parse", "--show-toplevel", NULL};
    char start[PATH_MAX];
    if (realpath(path, start) == NULL)
        return error_set(err, EINVAL,
                         "the source '%s' cannot be reached (%s): name the path of a repository, "
                         "or an https, ssh or file URL",
                         path, strerror(errno));
    int status = git_identity_of(start, &repository->identity, err);
    if (status < 0)
        return status;
    cleanup_free char *top = NULL;
    struct error reason = ERROR_INITIALIZER;
    status = git_read_line(start, &repository->identity, arguments, &top, &reason);
    if (status == -EIO)
        return refuse_path(start, error_text(&reason), err);
    if (status == 0 && realpath(top, repository->top) == NULL && errno == ENOENT)
        return refuse_worktree(start, err);
    if (status < 0 || repository->top[0] == '\0')
        return error_set(err, status < 0 ? EINVAL : errno, "inspect '%s'", start);
    return git_identity_of(repository->top, &repository->identity, err);
}

int repository_refuse_socket(const struct repository *repository, const char *socket,
                             struct error *err)
{
    const char *mounted[] = {repository->top, repository->git_common};
    char resolved[PATH_MAX];
    if (realpath(socket, resolved) == NULL)
        return 0;
    for (size_t i = 0; i < ARRAY_LENGTH(mounted); i++) {
        if (mounted[i][0] != '\0' && lies_in(resolved, mounted[i]))
            return error_set(
                err, EINVAL,
                "the source '%s' contains the engine's socket %s, which is power over this "
                "machine: name a repository without it",
                mounted[i], resolved);
    }
    return 0;
}

/* What must not be mounted, even read-only: the whole machine, a home directory, the engine's
 * socket. */
static int refuse_wide_source(const struct repository *repository, struct error *err)
{
    const char *top = repository->top;
    const struct passwd *entry = getpwuid(repository->identity.uid);
    const char *homes[] = {getenv("HOME"), entry == NULL ? NULL : entry->pw_dir};
    char resolved[PATH_MAX];
    if (strcmp(top, "/") == 0)
        return error_set(err, EINVAL,
                         "the source is '/', the whole machine: name a repository below it");
    for (size_t i = 0; i < ARRAY_LENGTH(homes); i++) {
        if (homes[i] != NULL && realpath(homes[i], resolved) != NULL && lies_in(resolved, top))
            return error_set(
                err, EINVAL,
                "the source '%s' contains the home directory %s, with its keys: name a "
                "repository below it",
                top, resolved);
    }
    int status = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(engine_sockets) && status == 0; i++)
        status = repository_refuse_socket(repository, engine_sockets[i], err);
    return status;
}

static int read_head(struct repository *repository, struct error *err)
{
    const char *top = repository->top;
    repository->head_branch = repository_ask(
        repository, top, (const char *const[]){"symbolic-ref", "-q", "--short", "HEAD", NULL});
    repository->base_commit =
        repository_ask(repository, top,
                       (const char *const[]){"rev-parse", "-q", "--verify", "HEAD^{commit}", NULL});
    repository->object_format = repository_ask(
        repository, top, (const char *const[]){"rev-parse", "--show-object-format", NULL});
    const char *tip = repository_ask(
        repository, top, (const char *const[]){"rev-parse", "-q", "--verify", "HEAD", NULL});
    if (tip[0] != '\0' && repository->base_commit[0] == '\0')
        return error_set(err, EINVAL,
                         "the commit %s that HEAD names is missing from '%s': see git fsck", tip,
                         top);
    if (repository->head_branch[0] == '\0' && repository->base_commit[0] == '\0')
        return error_set(err, EINVAL,
                         "the HEAD of '%s' names neither a branch nor a commit: check a branch out",
                         top);
    return 0;
}

/* Who commits: the host's git configuration, else the login name. */
static void read_user(struct repository *repository)
{
    const char *top = repository->top;
    const struct passwd *entry = getpwuid(repository->identity.uid);
    const char *login = entry == NULL ? "user" : entry->pw_name;
    repository->user_name = repository_ask(
        repository, top, (const char *const[]){"config", "--get", "user.name", NULL});
    repository->user_email = repository_ask(
        repository, top, (const char *const[]){"config", "--get", "user.email", NULL});
    if (repository->user_name[0] == '\0')
        repository->user_name = string_list_add(&repository->strings, login);
    if (repository->user_email[0] == '\0')
        repository->user_email = string_list_format(&repository->strings, "%s@localhost", login);
}

static int read_signing(struct repository *repository, struct error *err)
{
    const struct signing_user user = {
        .top = repository->top,
        .identity = &repository->identity,
        .name = repository->user_name,
        .email = repository->user_email,
    };
    return signing_config_find(&user, &repository->signing, err);
}

static void make_label(struct repository *repository)
{
    const char *slash = strrchr(repository->top, '/');
    char *label = string_list_format(&repository->strings, "%.64s", slash + 1);
    for (char *p = label; p != NULL && *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
            *p = '?';
    }
    repository->label = label;
}

static int inspect(const char *path, bool with_ignored, struct repository *repository,
                   struct error *err)
{
    int status = find_top(path, repository, err);
    if (status == 0)
        status = refuse_wide_source(repository, err);
    if (status < 0)
        return status;
    const char *common = repository_ask(
        repository, repository->top,
        (const char *const[]){"rev-parse", "--path-format=absolute", "--git-common-dir", NULL});
    if (realpath(common, repository->git_common) == NULL)
        return error_set(err, errno, "find the git directory of '%s'", repository->top);
    repository->is_git_outside = !lies_in(repository->git_common, repository->top);
    make_label(repository);
    read_user(repository);
    status = read_signing(repository, err);
    if (status == 0)
        status = git_directory_add(repository, "", err);
    if (status == 0)
        status = read_head(repository, err);
    if (status == 0)
        status = source_files_list(repository, with_ignored, err);
    if (status == 0)
        status = check_all_mountable(repository, err);
    if (status == 0 && repository->strings.has_failed)
        status = error_set(err, ENOMEM, "inspect '%s'", repository->top);
    return status;
}

int repository_inspect(const char *path, bool with_ignored, struct repository *repository,
                       struct error *err)
{
    *repository = (struct repository){.directories = NULL};
    int status = inspect(path, with_ignored, repository, err);
    if (status < 0)
        repository_free(repository);
    return status;
}

void repository_free(struct repository *repository)
{
    for (size_t i = 0; i < repository->directory_count; i++) {
        free(repository->directories[i].alternates);
        free(repository->directories[i].config);
    }
    free(repository->directories);
    free(repository->files.data);
    string_list_free(&repository->alternates);
    string_list_free(&repository->strings);
    *repository = (struct repository){.directories = NULL};
}
