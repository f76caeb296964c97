/* Lists what a session copies, and proves beforehand that the user may read all of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/capability.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/syscalls.h"
#include "lib/host/repository.h"
#include "lib/wire/limits.h"

/* What one pass over a work tree finds. */
struct listing {
    struct repository *repository;
    const char *prefix; /* of the work tree, with its '/'; "" for the top */
    int top;            /* borrowed fd of the top directory */
    uint64_t mount;     /* id of its mount */
    struct string_list submodules;
    size_t refused;
    char first_refused[PATH_MAX];
    const char *refusal;
};

/*
 * In the container the source is read with the owner's identity and no capability; root, here, must
 * look with the same eyes. Others already do. Undone by leave_owner.
 */
static int enter_owner(const struct git_identity *identity, struct capability_sets *saved)
{
    if (geteuid() != 0)
        return 0;
    int status = capability_get(saved);
    if (status == 0)
        status = sys_setgroups_thread(identity->group_count, identity->groups);
    if (status == 0)
        status = sys_setfsgid(identity->gid);
    if (status == 0)
        status = sys_setfsuid(identity->uid);
    return status == 0 ? capability_set_effective(0) : status;
}

static void leave_owner(const struct capability_sets *saved, const struct git_identity *caller)
{
    if (geteuid() != 0)
        return;
    (void)capability_set_effective(saved->effective);
    (void)sys_setfsuid(caller->uid);
    (void)sys_setfsgid(caller->gid);
    (void)sys_setgroups_thread(caller->group_count, caller->groups);
    /* Leaving and entering uid 0 takes and gives capabilities of its own: capabilities(7). */
    (void)capability_set_effective(saved->effective);
}

static int append_path(struct source_files *files, const char *prefix, const char *path)
{
    size_t prefix_length = strlen(prefix);
    size_t length = prefix_length + strlen(path) + 1;
    if (files->size + length > LIMIT_FILE_LIST_BYTES)
        return -EFBIG;
    if (files->size + length > files->capacity) {
        size_t capacity = (files->size + length) * 2;
        char *larger = realloc(files->data, capacity);
        if (larger == NULL)
            return -ENOMEM;
        files->data = larger;
        files->capacity = capacity;
    }
    memcpy(files->data + files->size, prefix, prefix_length);
    memcpy(files->data + files->size + prefix_length, path, length - prefix_length);
    files->size += length;
    files->count++;
    return 0;
}

static void refuse_entry(struct listing *listing, const char *path, const char *why)
{
    if (listing->refused++ > 0)
        return;
    listing->refusal = why;
    snprintf(listing->first_refused, sizeof(listing->first_refused), "%s%s", listing->prefix, path);
}

static void leave_out(struct listing *listing, const char *path)
{
    struct source_files *files = &listing->repository->files;
    if (files->left_out++ == 0)
        snprintf(files->first_left_out, sizeof(files->first_left_out), "%s%s", listing->prefix,
                 path);
}

/* A directory on the list is a submodule; it is described when it is populated, and always made. */
static int take_submodule(struct listing *listing, const char *relative, const char *path)
{
    char git[PATH_MAX];
    if (path_format(git, "%s/.git", relative) == 0 &&
        faccessat(listing->top, git, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
        string_list_add(&listing->submodules, relative) == NULL)
        return -ENOMEM;
    return append_path(&listing->repository->files, listing->prefix, path);
}

static int take_entry(struct listing *listing, const char *path)
{
    char relative[PATH_MAX];
    struct statx info;
    size_t length = strlen(path);
    if (path_format(relative, "%s%s", listing->prefix, path) < 0) {
        refuse_entry(listing, path, "has a path that is too long");
        return 0;
    }
    /* git lists a repository inside, that is no submodule, with a slash behind it. */
    if (length > 0 && path[length - 1] == '/') {
        leave_out(listing, path);
        return 0;
    }
    int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
    if (statx(listing->top, relative, flags, STATX_TYPE | STATX_MNT_ID, &info) < 0) {
        /* Tracked, but deleted or left out by a sparse checkout. */
        if (errno != ENOENT && errno != ENOTDIR)
            refuse_entry(listing, path, "cannot be read");
        return 0;
    }
    if ((info.stx_mask & STATX_MNT_ID) != 0 && info.stx_mnt_id != listing->mount) {
        refuse_entry(listing, path, "lies on another file system, mounted into the repository");
        return 0;
    }
    if (S_ISDIR(info.stx_mode))
        return take_submodule(listing, relative, path);
    if (!S_ISREG(info.stx_mode) && !S_ISLNK(info.stx_mode)) {
        leave_out(listing, path);
        return 0;
    }
    if (S_ISREG(info.stx_mode) && faccessat(listing->top, relative, R_OK, AT_EACCESS) < 0)
        refuse_entry(listing, path, "cannot be read");
    return append_path(&listing->repository->files, listing->prefix, path);
}

static int take_entries(struct listing *listing, const char *entries, size_t size,
                        struct error *err)
{
    struct capability_sets saved = {0};
    struct git_identity caller = {.uid = geteuid(), .gid = getegid()};
    int groups = getgroups((int)ARRAY_LENGTH(caller.groups), caller.groups);
    caller.group_count = groups < 0 ? 0 : (size_t)groups;
    int status = enter_owner(&listing->repository->identity, &saved);
    for (size_t at = 0; status == 0 && at < size; at += strlen(entries + at) + 1)
        status = take_entry(listing, entries + at);
    leave_owner(&saved, &caller);
    if (status < 0)
        return error_set(err, -status, "list the files of '%s'", listing->repository->top);
    if (listing->refused > 0)
        return error_set(err, EINVAL,
                         "%zu of the repository's files cannot be copied; the first, '%s', %s",
                         listing->refused, listing->first_refused, listing->refusal);
    return 0;
}

static int list_work_tree(struct listing *listing, bool with_ignored, struct error *err)
{
    const char *arguments[] = {"ls-files", "-coz", "--deduplicate", "--exclude-standard", NULL};
    if (with_ignored)
        arguments[3] = NULL;
    struct process_result result = {.output = NULL};
    char directory[PATH_MAX];
    int status = path_format(directory, "%s/%s", listing->repository->top, listing->prefix);
    if (status < 0)
        return error_set(err, -status, "list the files of '%s'", listing->prefix);
    status = git_run_checked(directory, &listing->repository->identity, arguments,
                             LIMIT_FILE_LIST_BYTES, &result, err);
    if (status < 0)
        return status;
    /* git only warns, and would leave out what the user sees. */
    if (strstr(result.error_output, "could not open directory") != NULL)
        status = error_set(err, EINVAL, "a directory of the repository cannot be read: %.*s",
                           (int)strcspn(result.error_output, "\n"), result.error_output);
    else
        status = take_entries(listing, result.output, result.output_size, err);
    process_result_free(&result);
    return status;
}

static int list_below(struct repository *repository, const char *worktree,
                      const struct listing *outer, bool with_ignored, struct error *err)
{
    struct listing listing = {
        .repository = repository,
        .prefix = "",
        .top = outer->top,
        .mount = outer->mount,
    };
    if (worktree[0] != '\0') {
        int status = git_directory_add(repository, worktree, err);
        if (status < 0)
            return status;
        listing.prefix = string_list_format(&repository->strings, "%s/", worktree);
    }
    int status = list_work_tree(&listing, with_ignored, err);
    for (size_t i = 0; status == 0 && i < listing.submodules.count; i++)
        status = list_below(repository, listing.submodules.items[i], outer, with_ignored, err);
    string_list_free(&listing.submodules);
    return status;
}

int source_files_list(struct repository *repository, bool with_ignored, struct error *err)
{
    struct statx info;
    cleanup_fd int top = open(repository->top, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0 || statx(top, "", AT_EMPTY_PATH, STATX_MNT_ID, &info) < 0)
        return error_set(err, errno, "open '%s'", repository->top);
    const struct listing outer = {.top = top, .mount = info.stx_mnt_id};
    return list_below(repository, "", &outer, with_ignored, err);
}
