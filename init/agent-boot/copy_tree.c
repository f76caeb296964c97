/* Nodes for directories: made, opened by way of their parents, named in messages. */
#include "init/agent-boot/copy_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"

struct copy_directory *copy_directory_new(struct copy_directory *parent, const char *name,
                                          size_t length)
{
    struct copy_directory *directory = calloc(1, sizeof(*directory));
    if (directory == NULL)
        return NULL;
    directory->name = strndup(name, length);
    if (directory->name == NULL) {
        free(directory);
        return NULL;
    }
    directory->parent = parent;
    directory->top = parent == NULL ? directory : parent->top;
    directory->depth = parent == NULL ? 0 : parent->depth + 1;
    for (int side = 0; side < COPY_SIDES; side++)
        directory->fds[side] = -1;
    directory->pending = 1;
    return directory;
}

void copy_directory_free(struct copy_directory *directory)
{
    if (directory == NULL)
        return;
    copy_directory_close(directory);
    copy_attributes_free(&directory->attributes);
    free(directory->names);
    free(directory->name);
    free(directory);
}

int copy_directory_add_name(struct copy_directory *directory, const char *name, size_t length)
{
    size_t needed = directory->names_size + length + 1;
    if (needed > directory->names_capacity) {
        size_t capacity = needed < 256 ? 256 : needed * 2;
        char *larger = realloc(directory->names, capacity);
        if (larger == NULL)
            return -ENOMEM;
        directory->names = larger;
        directory->names_capacity = capacity;
    }
    memcpy(directory->names + directory->names_size, name, length);
    directory->names[needed - 1] = '\0';
    directory->names_size = needed;
    return 0;
}

static int root_fd(const struct copy_root *root, enum copy_side side)
{
    if (side == COPY_SOURCE)
        return root->source;
    return side == COPY_TARGET ? root->target : root->link;
}

/* The names from the one below BASE (NULL: from the top) down to DIRECTORY. NULL: no memory. */
static const char **list_steps(const struct copy_directory *directory,
                               const struct copy_directory *base, size_t *count)
{
    *count = directory->depth + (base == NULL ? 1 : 0) - (base == NULL ? 0 : base->depth);
    const char **steps = calloc(*count, sizeof(*steps));
    if (steps == NULL)
        return NULL;
    for (size_t i = *count; directory != base; directory = directory->parent)
        steps[--i] = directory->name;
    return steps;
}

/* As many STEPS as one path can hold, joined. How many they are. */
static size_t join_steps(const char *const *steps, size_t count, char path[PATH_MAX])
{
    size_t length = 0;
    size_t taken = 0;
    for (; taken < count; taken++) {
        size_t step = strlen(steps[taken]);
        if (length + step + 2 > PATH_MAX)
            break;
        if (length > 0)
            path[length++] = '/';
        memcpy(path + length, steps[taken], step);
        length += step;
    }
    path[length] = '\0';
    return taken;
}

int copy_directory_open(const struct copy_directory *directory, enum copy_side side, int flags)
{
    const struct copy_directory *base = directory->parent;
    while (base != NULL && !base->is_kept)
        base = base->parent;
    int from = base == NULL ? root_fd(&directory->top->root, side) : base->fds[side];
    if (base != NULL && base == directory->parent)
        return path_open_beneath(from, directory->name, flags | O_DIRECTORY, 0);
    size_t count;
    cleanup_free const char **steps = list_steps(directory, base, &count);
    if (steps == NULL)
        return -ENOMEM;
    cleanup_fd int between = -1;
    for (size_t at = 0;;) {
        char path[PATH_MAX];
        at += join_steps(steps + at, count - at, path);
        bool is_last = at == count;
        int next = path_open_beneath(from, path, (is_last ? flags : O_PATH) | O_DIRECTORY, 0);
        if (next < 0 || is_last)
            return next;
        cleanup_close(&between);
        from = between = next;
    }
}

int copy_directory_make(const struct copy_directory *directory, enum copy_side side, mode_t mode)
{
    const struct copy_directory *parent = directory->parent;
    cleanup_fd int opened = parent->is_kept ? -1 : copy_directory_open(parent, side, O_PATH);
    int fd = parent->is_kept ? parent->fds[side] : opened;
    if (fd < 0)
        return fd;
    if (mkdirat(fd, directory->name, mode) < 0)
        return errno == EEXIST ? 1 : -errno;
    return 0;
}

void copy_directory_close(struct copy_directory *directory)
{
    for (int side = 0; side < COPY_SIDES; side++) {
        cleanup_close(&directory->fds[side]);
        directory->fds[side] = -1;
    }
}

/* Puts PART before what TEXT holds from *START on. False when it does not fit. */
static bool put_before(char text[COPY_PATH_TEXT_SIZE], size_t *start, const char *part)
{
    size_t length = strlen(part);
    if (length > *start)
        return false;
    *start -= length;
    memcpy(text + *start, part, length);
    return true;
}

const char *copy_directory_text(const struct copy_directory *directory, const char *name,
                                char text[COPY_PATH_TEXT_SIZE])
{
    size_t start = COPY_PATH_TEXT_SIZE - 1;
    text[start] = '\0';
    bool fits = name == NULL || put_before(text, &start, name);
    for (; fits && directory->parent != NULL; directory = directory->parent) {
        fits = text[start] == '\0' || put_before(text, &start, "/");
        fits = fits && put_before(text, &start, directory->name);
    }
    memmove(text, text + start, COPY_PATH_TEXT_SIZE - start);
    if (text[0] == '\0')
        memcpy(text, ".", sizeof("."));
    return text;
}
