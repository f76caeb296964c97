/* Collects what is to be copied: listed files, and the regular files of a tree. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "init/agent-boot/copy.h"
#include "init/agent-boot/copy_identity.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"

/* A git directory nests objects/pack and refs/heads/a/b/c; deeper is not a git directory. */
#define TREE_DEPTH_MAX 64

static int add_item(struct copy_plan *plan, const struct copy_item *item)
{
    if (plan->count == plan->capacity) {
        size_t capacity = plan->capacity == 0 ? 1024 : plan->capacity * 2;
        struct copy_item *larger = realloc(plan->items, capacity * sizeof(*larger));
        if (larger == NULL)
            return -ENOMEM;
        plan->items = larger;
        plan->capacity = capacity;
    }
    plan->items[plan->count] = *item;
    struct copy_item *added = &plan->items[plan->count];
    added->source = strdup(item->source);
    added->target = strdup(item->target);
    if (added->source == NULL || added->target == NULL) {
        free(added->source);
        free(added->target);
        return -ENOMEM;
    }
    plan->count++;
    return 0;
}

/* The item copies the strings, so the const of the parameters is kept. */
static char *borrow(const char *text)
{
    return (char *)(uintptr_t)text;
}

int copy_plan_add(struct copy_plan *plan, int source_root, const char *source, int target_root,
                  const char *target, unsigned int flags)
{
    struct copy_item item = {
        .source_root = source_root,
        .source = borrow(source),
        .target_root = target_root,
        .target = borrow(target),
        .link_root = -1,
        .flags = flags,
    };
    return add_item(plan, &item);
}

struct walk {
    struct copy_plan *plan;
    const struct copy_tree *tree;
    struct error *err;
};

static int walk_directory(const struct walk *walk, const char *path, int depth);

/* Borrowed object directories are merged, so the file that names them stays behind. */
static bool is_pointer_to_alternates(const char *path)
{
    size_t length = strlen(path);
    static const char *const tails[] = {"/info/alternates", "/info/http-alternates"};
    for (size_t i = 0; i < ARRAY_LENGTH(tails); i++) {
        size_t tail = strlen(tails[i]);
        if (length >= tail && strcmp(path + length - tail, tails[i]) == 0)
            return true;
    }
    return false;
}

static int add_entry(const struct walk *walk, const char *path, unsigned char type, int depth)
{
    if (type == DT_DIR)
        return walk_directory(walk, path, depth + 1);
    if (type != DT_REG || is_pointer_to_alternates(path))
        return 0;
    char target[PATH_MAX];
    const struct copy_tree *tree = walk->tree;
    if (path_format(target, "%s%s", tree->target_prefix, path) < 0)
        return error_set(walk->err, ENAMETOOLONG, "copy '%s'", path);
    int result = copy_plan_add(walk->plan, tree->source_root, path, tree->target_root, target,
                               COPY_REGULAR_ONLY | COPY_KEEP_EXISTING);
    if (result == 0 && tree->link_root >= 0) {
        struct copy_item *added = &walk->plan->items[walk->plan->count - 1];
        added->link_root = tree->link_root;
        added->link_path = added->target + tree->link_skipped;
    }
    return result < 0 ? error_set(walk->err, -result, "plan the copy of '%s'", path) : 0;
}

/* NULL at the end with errno 0, or with what kept it from being reached. */
static const struct dirent *next_entry(DIR *directory)
{
    errno = 0;
    return readdir(directory);
}

static int walk_directory(const struct walk *walk, const char *path, int depth)
{
    if (depth > TREE_DEPTH_MAX)
        return error_set(walk->err, EPROTO, "'%s' is nested too deeply for a git directory", path);
    int fd = path_open_beneath(walk->tree->source_root, path, O_RDONLY | O_DIRECTORY, 0);
    if (fd == -ENOENT)
        return 0;
    cleanup_directory DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory == NULL)
        return error_set(walk->err, fd < 0 ? -fd : errno, "open the directory '%s'", path);
    const struct dirent *entry;
    while ((entry = next_entry(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char child[PATH_MAX];
        if (path_format(child, "%s/%s", path, entry->d_name) < 0)
            return error_set(walk->err, ENAMETOOLONG, "copy below '%s'", path);
        int result = add_entry(walk, child, entry->d_type, depth);
        if (result < 0)
            return result;
    }
    return errno == 0 ? 0 : error_set(walk->err, errno, "list the directory '%s'", path);
}

int copy_plan_add_tree(struct copy_plan *plan, const struct copy_tree *tree, struct error *err)
{
    struct walk walk = {.plan = plan, .tree = tree, .err = err};
    struct copy_identity self = {.uid = 0, .gid = 0};
    int result = copy_identity_assume(&plan->reader);
    if (result == 0)
        result = walk_directory(&walk, tree->directory, 0);
    else
        error_set(err, -result, "read as user %u", plan->reader.uid);
    int back = copy_identity_assume(&self);
    return result == 0 && back < 0 ? error_set(err, -back, "become root again") : result;
}

void copy_plan_free(struct copy_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        free(plan->items[i].source);
        free(plan->items[i].target);
    }
    free(plan->items);
    *plan = (struct copy_plan){.items = NULL};
}
