/* Collects what is to be copied: listed files, and whole directories. */
#include <errno.h>
#include <string.h>

#include "init/agent-boot/copy.h"
#include "init/agent-boot/copy_tree.h"
#include "lib/base/cleanup.h"

#define BUCKETS_FIRST 1024

/* FNV-1a over the name, begun with the parent. */
static size_t hash(const struct copy_directory *parent, const char *name, size_t length)
{
    uint64_t value = 14695981039346656037u ^ (uint64_t)(uintptr_t)parent;
    for (size_t i = 0; i < length; i++)
        value = (value ^ (unsigned char)name[i]) * 1099511628211u;
    return (size_t)(value ^ value >> 32);
}

static void put_in_bucket(struct copy_plan *plan, struct copy_directory *directory)
{
    size_t at = hash(directory->parent, directory->name, strlen(directory->name));
    struct copy_directory **bucket = &plan->buckets[at & (plan->bucket_count - 1)];
    directory->next_in_bucket = *bucket;
    *bucket = directory;
}

static int make_room(struct copy_plan *plan)
{
    if (plan->directory_count < plan->bucket_count)
        return 0;
    size_t count = plan->bucket_count == 0 ? BUCKETS_FIRST : plan->bucket_count * 4;
    struct copy_directory **buckets = calloc(count, sizeof(struct copy_directory *));
    if (buckets == NULL)
        return -ENOMEM;
    free(plan->buckets);
    plan->buckets = buckets;
    plan->bucket_count = count;
    for (struct copy_directory *each = plan->directories; each != NULL; each = each->next_owned)
        put_in_bucket(plan, each);
    return 0;
}

static struct copy_directory *add_directory(struct copy_plan *plan, struct copy_directory *parent,
                                            const char *name, size_t length)
{
    if (make_room(plan) < 0)
        return NULL;
    struct copy_directory *directory = copy_directory_new(parent, name, length);
    if (directory == NULL)
        return NULL;
    directory->next_owned = plan->directories;
    plan->directories = directory;
    plan->directory_count++;
    put_in_bucket(plan, directory);
    if (parent != NULL) {
        directory->next_sibling = parent->first_child;
        parent->first_child = directory;
    }
    return directory;
}

static struct copy_directory *find_directory(const struct copy_plan *plan,
                                             const struct copy_directory *parent, const char *name,
                                             size_t length)
{
    struct copy_directory *at =
        plan->buckets[hash(parent, name, length) & (plan->bucket_count - 1)];
    for (; at != NULL; at = at->next_in_bucket)
        if (at->parent == parent && strncmp(at->name, name, length) == 0 &&
            at->name[length] == '\0')
            return at;
    return NULL;
}

/* The directory of PATH, which ends before *NAME: its last component. NULL: no memory. */
static struct copy_directory *find_parent(struct copy_plan *plan, struct copy_directory *top,
                                          const char *path, const char **name)
{
    struct copy_directory *at = top;
    for (const char *slash; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
        size_t length = (size_t)(slash - path);
        struct copy_directory *next = find_directory(plan, at, path, length);
        at = next != NULL ? next : add_directory(plan, at, path, length);
        if (at == NULL)
            return NULL;
    }
    *name = path;
    return at;
}

int copy_plan_add_root(struct copy_plan *plan, const struct copy_root *root,
                       struct copy_directory **top)
{
    struct copy_directory *directory = add_directory(plan, NULL, ".", 1);
    if (directory == NULL)
        return -ENOMEM;
    directory->root = *root;
    *top = directory;
    return 0;
}

int copy_plan_add_file(struct copy_plan *plan, struct copy_directory *top, const char *path)
{
    const char *name;
    struct copy_directory *directory = find_parent(plan, top, path, &name);
    return directory == NULL ? -ENOMEM : copy_directory_add_name(directory, name, strlen(name));
}

int copy_plan_add_tree(struct copy_plan *plan, struct copy_directory *top, const char *path)
{
    if (strcmp(path, ".") == 0) {
        top->is_whole = true;
        return 0;
    }
    const char *name;
    struct copy_directory *parent = find_parent(plan, top, path, &name);
    struct copy_directory *directory =
        parent == NULL ? NULL : find_directory(plan, parent, name, strlen(name));
    if (parent != NULL && directory == NULL)
        directory = add_directory(plan, parent, name, strlen(name));
    if (directory == NULL)
        return -ENOMEM;
    directory->is_whole = true;
    return 0;
}

void copy_plan_free(struct copy_plan *plan)
{
    for (struct copy_directory *each = plan->directories; each != NULL;) {
        struct copy_directory *next = each->next_owned;
        copy_directory_free(each);
        each = next;
    }
    free(plan->buckets);
    plan->directories = NULL;
    plan->buckets = NULL;
    plan->bucket_count = 0;
    plan->directory_count = 0;
}
