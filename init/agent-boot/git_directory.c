/* Plans what is copied of a git directory: objects, refs, index; no hooks, no configuration, no
 * logs. */
#include "init/agent-boot/git_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "init/agent-boot/copy_identity.h"
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
/* Besides objects, which are linked into the volume's repository too. */
static const char *const common_trees[] = {
    "refs",
    "lfs/objects",
};
/* clang-format on */

struct directory_plan {
    struct copy_plan *plan;
    struct git_directory_set *set;
    int common;
    int target;    /* the copy's git directory */
    int link_root; /* -1 for a submodule: nobody fetches it from the volume */
};

int git_directory_path(const struct manifest_git_directory *directory, char path[PATH_MAX])
{
    if (directory->name == NULL || directory->name[0] == '\0')
        return path_format(path, ".git");
    return path_format(path, ".git/modules/%s", directory->name);
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

/* The directory PATH below ROOT, made where it is missing, component by component. */
static int make_beneath(int root, const char *path)
{
    cleanup_fd int at = -1;
    char name[NAME_MAX + 1];
    for (int parent = root;; parent = at) {
        size_t length = strcspn(path, "/");
        if (length >= sizeof(name))
            return -ENAMETOOLONG;
        memcpy(name, path, length);
        name[length] = '\0';
        if (mkdirat(parent, name, 0777) < 0 && errno != EEXIST)
            return -errno;
        int next = path_open_beneath(parent, name, O_RDONLY | O_DIRECTORY, 0);
        if (next < 0 || path[length] == '\0')
            return next;
        cleanup_close(&at);
        at = next;
        path += length + 1;
    }
}

/* As the plan's writer. The fd belongs to SET. */
static int make_target(const struct directory_plan *directory, int root, const char *path,
                       struct error *err)
{
    const struct copy_identity self = {.uid = 0};
    int fd = copy_identity_assume(&directory->plan->writer);
    if (fd == 0)
        fd = make_beneath(root, path);
    int back = copy_identity_assume(&self);
    if (back < 0 && fd >= 0)
        cleanup_close(&fd);
    if (back < 0 || fd < 0)
        return error_set(err, back < 0 ? -back : -fd, "make the directory '%s'", path);
    return keep_open(directory->set, fd, err);
}

/* Borrowed object directories are merged, so the file that names them stays behind. */
static bool is_pointer_to_alternates(const char *directory, const char *name)
{
    return strcmp(directory, "info") == 0 &&
           (strcmp(name, "alternates") == 0 || strcmp(name, "http-alternates") == 0);
}

/* What git makes of a git directory's own directories is what counts, not what the source's are. */
#define GIT_FLAGS (COPY_REGULAR_ONLY | COPY_PLAIN_DIRECTORIES | COPY_KEEP_ROOT)

static int add_root(const struct directory_plan *directory, const struct copy_root *root,
                    struct copy_directory **top, struct error *err)
{
    int result = copy_plan_add_root(directory->plan, root, top);
    return result < 0 ? error_set(err, -result, "plan the copy of a git directory") : 0;
}

static int add_objects(const struct directory_plan *directory, int source, int target, int link,
                       const char *path, struct error *err)
{
    struct copy_root root = {
        .source = source,
        .target = target,
        .link = link,
        .flags = GIT_FLAGS | COPY_KEEP_EXISTING,
        .skips = is_pointer_to_alternates,
    };
    struct copy_directory *top;
    int result = add_root(directory, &root, &top, err);
    if (result == 0 && copy_plan_add_tree(directory->plan, top, path) < 0)
        result = error_set(err, ENOMEM, "plan the copy of '%s'", path);
    return result;
}

static int add_common(const struct directory_plan *directory, struct error *err)
{
    struct copy_root root = {
        .source = directory->common,
        .target = directory->target,
        .link = -1,
        .flags = GIT_FLAGS,
    };
    struct copy_directory *top;
    int result = add_root(directory, &root, &top, err);
    for (size_t i = 0; result == 0 && i < ARRAY_LENGTH(common_files); i++)
        result = copy_plan_add_file(directory->plan, top, common_files[i]);
    for (size_t i = 0; result == 0 && i < ARRAY_LENGTH(common_trees); i++)
        result = copy_plan_add_tree(directory->plan, top, common_trees[i]);
    if (result < 0)
        return error_set(err, -result, "plan the copy of a git directory");
    return add_objects(directory, directory->common, directory->target, directory->link_root,
                       "objects", err);
}

/* A split index is two files, and the second one's name has its digest: git-update-index(1). */
static int add_shared_indexes(const struct directory_plan *directory, int source,
                              struct copy_directory *top)
{
    const struct copy_identity self = {.uid = 0};
    int fd = copy_identity_assume(&directory->plan->reader);
    if (fd == 0)
        fd = path_open_beneath(source, ".", O_RDONLY | O_DIRECTORY, 0);
    int result = copy_identity_assume(&self);
    cleanup_directory DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (stream == NULL || result < 0)
        return result < 0 ? result : fd < 0 ? fd : -errno;
    const struct dirent *entry;
    while (result == 0 && (entry = readdir(stream)) != NULL)
        if (strncmp(entry->d_name, "sharedindex.", strlen("sharedindex.")) == 0)
            result = copy_plan_add_file(directory->plan, top, entry->d_name);
    return result;
}

static int add_private(const struct directory_plan *directory, int source, struct error *err)
{
    struct copy_root root = {
        .source = source,
        .target = directory->target,
        .link = -1,
        .flags = GIT_FLAGS,
    };
    struct copy_directory *top;
    int result = add_root(directory, &root, &top, err);
    for (size_t i = 0; result == 0 && i < ARRAY_LENGTH(private_files); i++)
        result = copy_plan_add_file(directory->plan, top, private_files[i]);
    if (result == 0)
        result = add_shared_indexes(directory, source, top);
    return result < 0 ? error_set(err, -result, "plan the copy of a git directory") : 0;
}

/* Borrowed objects become the copy's own: the source holds "aa/bb..." and "pack/...". */
static int add_alternate(const struct boot_context *context, const struct directory_plan *directory,
                         const char *container_path, struct error *err)
{
    int source = keep_open(directory->set, source_open(context, container_path, err), err);
    if (source < 0)
        return source;
    int target = make_target(directory, directory->target, "objects", err);
    int link = -1;
    if (target >= 0 && directory->link_root >= 0)
        link = make_target(directory, directory->link_root, "objects", err);
    if (target < 0 || (link < 0 && directory->link_root >= 0))
        return target < 0 ? target : link;
    return add_objects(directory, source, target, link, ".", err);
}

static int plan_one(const struct boot_context *context, const struct manifest_git_directory *from,
                    struct directory_plan *directory, int workspace, struct error *err)
{
    char path[PATH_MAX];
    if (git_directory_path(from, path) < 0)
        return error_set(err, ENAMETOOLONG, "plan the submodule '%s'", from->name);
    struct git_directory_set *set = directory->set;
    directory->target = make_target(directory, workspace, path, err);
    if (directory->target < 0)
        return directory->target;
    directory->common = keep_open(set, source_open(context, from->common_path, err), err);
    if (directory->common < 0)
        return directory->common;
    int private = keep_open(set, source_open(context, from->private_path, err), err);
    int result = private < 0 ? private : add_common(directory, err);
    if (result == 0)
        result = add_private(directory, private, err);
    for (size_t i = 0; result == 0 && from->alternates != NULL && from->alternates[i] != NULL; i++)
        result = add_alternate(context, directory, from->alternates[i], err);
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
            .set = set,
            .link_root = is_top ? set->repository : -1,
        };
        int result = plan_one(context, from, &directory, target, err);
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
