/* Plans what is copied of a git directory: objects, refs, index; no hooks, no configuration, no
 * logs. */
#include "init/agent-boot/git_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "init/agent-boot/places.h"
#include "init/agent-boot/source.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"

/* clang-format off */
/* Of the work tree's own directory (the same as the common one but in a linked work tree). */
static const char *const private_files[] = {
    "HEAD",
    "index",
    "info/sparse-checkout",
    /* A merge, a cherry-pick or a revert that waits for its conclusion; its conflicts are in the
     * index. */
    "MERGE_HEAD",
    "MERGE_MODE",
    "MERGE_MSG",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "SQUASH_MSG",
};
static const char *const common_files[] = {
    "packed-refs",
    "shallow",
    "info/exclude",
};
static const struct { const char *path; bool is_linked; } common_trees[] = {
    { .path = "objects",     .is_linked = true },
    { .path = "refs",        .is_linked = false },
    { .path = "lfs/objects", .is_linked = false },
};
/* clang-format on */

struct directory_plan {
    struct copy_plan *plan;
    int common;
    int target;
    int link_root; /* -1 for a submodule: nobody fetches it from the volume */
    char prefix[PATH_MAX];
};

int git_directory_path(const struct manifest_git_directory *directory, char path[PATH_MAX])
{
    if (directory->name == NULL || directory->name[0] == '\0')
        return path_format(path, ".git");
    return path_format(path, ".git/modules/%s", directory->name);
}

static int add_file(const struct directory_plan *directory, int root, const char *name,
                    struct error *err)
{
    char target[PATH_MAX];
    int result = path_format(target, "%s%s", directory->prefix, name);
    if (result == 0)
        result = copy_plan_add(directory->plan, root, name, directory->target, target,
                               COPY_REGULAR_ONLY);
    return result < 0 ? error_set(err, -result, "plan the copy of '%s'", name) : 0;
}

static int add_common(const struct directory_plan *directory, struct error *err)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < ARRAY_LENGTH(common_files); i++)
        result = add_file(directory, directory->common, common_files[i], err);
    for (size_t i = 0; result == 0 && i < ARRAY_LENGTH(common_trees); i++) {
        struct copy_tree tree = {
            .source_root = directory->common,
            .directory = common_trees[i].path,
            .target_root = directory->target,
            .target_prefix = directory->prefix,
            .link_root = common_trees[i].is_linked ? directory->link_root : -1,
            .link_skipped = strlen(directory->prefix),
        };
        result = copy_plan_add_tree(directory->plan, &tree, err);
    }
    return result;
}

static int keep_open(struct git_directory_set *set, int fd, struct error *err)
{
    if (fd < 0)
        return fd;
    if (set->count == ARRAY_LENGTH(set->fds)) {
        cleanup_close(&fd);
        return error_set(err, EPROTO, "more than %d git directories", LIMIT_GIT_DIRECTORIES);
    }
    set->fds[set->count++] = fd;
    return fd;
}

/* Borrowed objects become the copy's own: ROOT holds "aa/bb..." and "pack/...". */
static int add_alternate(const struct boot_context *context, struct git_directory_set *set,
                         const struct directory_plan *directory, const char *container_path,
                         struct error *err)
{
    int root = keep_open(set, source_open(context, container_path, err), err);
    if (root < 0)
        return root;
    char prefix[PATH_MAX];
    if (path_format(prefix, "%sobjects/", directory->prefix) < 0)
        return error_set(err, ENAMETOOLONG, "plan the copy of '%s'", container_path);
    struct copy_tree tree = {
        .source_root = root,
        .directory = ".",
        .target_root = directory->target,
        .target_prefix = prefix,
        .link_root = directory->link_root,
        .link_skipped = strlen(directory->prefix),
    };
    return copy_plan_add_tree(directory->plan, &tree, err);
}

static int plan_one(const struct boot_context *context, const struct manifest_git_directory *from,
                    struct directory_plan *directory, struct git_directory_set *set,
                    struct error *err)
{
    char path[PATH_MAX];
    if (git_directory_path(from, path) < 0 || path_format(directory->prefix, "%s/", path) < 0)
        return error_set(err, ENAMETOOLONG, "plan the submodule '%s'", from->name);
    directory->common = keep_open(set, source_open(context, from->common_path, err), err);
    if (directory->common < 0)
        return directory->common;
    int private = keep_open(set, source_open(context, from->private_path, err), err);
    int result = private < 0 ? private : add_common(directory, err);
    for (size_t i = 0; result == 0 && i < ARRAY_LENGTH(private_files); i++)
        result = add_file(directory, private, private_files[i], err);
    for (size_t i = 0; result == 0 && from->alternates != NULL && from->alternates[i] != NULL; i++)
        result = add_alternate(context, set, directory, from->alternates[i], err);
    return result;
}

int git_directory_plan(struct boot_context *context, struct copy_plan *plan, int target,
                       struct git_directory_set *set, struct error *err)
{
    set->repository = open(PLACE_VOLUME_REPOSITORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (set->repository < 0)
        return error_set(err, errno, "open '%s'", PLACE_VOLUME_REPOSITORY);
    const struct manifest *manifest = context->manifest;
    for (size_t i = 0; i < manifest->git_directory_count; i++) {
        const struct manifest_git_directory *from = &manifest->git_directories[i];
        bool is_top = from->worktree == NULL || from->worktree[0] == '\0';
        struct directory_plan directory = {
            .plan = plan,
            .target = target,
            .link_root = is_top ? set->repository : -1,
        };
        int result = plan_one(context, from, &directory, set, err);
        if (result < 0)
            return result;
    }
    return 0;
}

void git_directory_set_close(struct git_directory_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        cleanup_close(&set->fds[i]);
    cleanup_close(&set->repository);
    set->count = 0;
}
