/* Lists what of a directory an archive may have. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/pack/pack_format.h"

/* Of a store that grew for years: what of it is listed is decided once all is known. */
#define LISTED_MAX (64 * PACK_ENTRIES_MAX)

struct listed {
    char *path; /* owned */
    uint64_t size;
    int64_t modified;
};

struct listing {
    const struct pack_filter *filter; /* borrowed */
    struct listed *files;             /* owned */
    size_t count;
    size_t room;
    size_t left_out;
    uint64_t total;
    struct error why; /* what was too much */
};

void pack_list_free(char **paths)
{
    for (size_t i = 0; paths != NULL && paths[i] != NULL; i++)
        free(paths[i]);
    free(paths);
}

static int add(struct listing *listing, const char *path, const struct stat *status)
{
    if (listing->count == listing->room) {
        size_t room = 2 * listing->room + 64;
        struct listed *more = reallocarray(listing->files, room, sizeof(*more));
        if (more == NULL)
            return -ENOMEM;
        listing->files = more;
        listing->room = room;
    }
    struct listed *file = &listing->files[listing->count];
    *file = (struct listed){
        .path = strdup(path), .size = (uint64_t)status->st_size, .modified = status->st_mtime};
    if (file->path == NULL)
        return -ENOMEM;
    listing->count++;
    return 0;
}

/* A whole sentence, for which strerror has other words. */
static int refuse(struct listing *listing, const char *path, const char *why)
{
    error_set(&listing->why, EPROTO, "'%.200s' %s", path, why);
    listing->why.number = E2BIG;
    return -E2BIG;
}

/* Too much for an archive, or for one that must have all of it. */
static int check_caps(struct listing *listing, const char *path, const struct stat *status)
{
    const struct pack_filter *filter = listing->filter;
    uint64_t most = filter->most != 0 ? filter->most : PACK_TOTAL_BYTES_MAX;
    listing->total += (uint64_t)status->st_size;
    if (filter->is_partial)
        return 0;
    if (listing->count >= PACK_ENTRIES_MAX)
        return refuse(listing, path, "is one file too many");
    if ((uint64_t)status->st_size > PACK_FILE_BYTES_MAX)
        return refuse(listing, path, "is larger than a file may be");
    return listing->total <= most ? 0 : refuse(listing, path, "is more than there may be in all");
}

static int compare_known(const void *path, const void *entry)
{
    return strcmp(path, ((const struct pack_entry *)entry)->path);
}

static bool is_known(const struct pack_manifest *known, const char *path, const struct stat *status)
{
    const struct pack_entry *entry =
        known == NULL || known->count == 0
            ? NULL
            : bsearch(path, known->entries, known->count, sizeof(*entry), compare_known);
    return entry != NULL && entry->size == (uint64_t)status->st_size &&
           entry->modified == status->st_mtime;
}

static int list_directory(struct listing *listing, int fd, const char *prefix, int depth);

/* One that is closed to its own user is one more thing that is left out. */
static int list_below(struct listing *listing, int directory, const char *name, const char *path,
                      int depth)
{
    int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int result = fd < 0 ? -errno : 0;
    listing->left_out += result == -EACCES;
    if (result == -EACCES)
        return 0;
    return result < 0 ? result : list_directory(listing, fd, path, depth + 1);
}

static int list_file(struct listing *listing, const char *path, const struct stat *status,
                     bool is_readable)
{
    const struct pack_filter *filter = listing->filter;
    bool is_regular = S_ISREG(status->st_mode);
    if (is_regular && filter->places != NULL && !pack_places_have(filter->places, path))
        return 0;
    if (is_regular && is_known(filter->known, path, status))
        return 0;
    if (!is_regular || !is_readable || !pack_is_path(path) ||
        (filter->without_linked && status->st_nlink > 1) ||
        (filter->is_partial &&
         ((uint64_t)status->st_size > PACK_FILE_BYTES_MAX || listing->count >= LISTED_MAX))) {
        listing->left_out++;
        return 0;
    }
    int result = check_caps(listing, path, status);
    return result < 0 ? result : add(listing, path, status);
}

static int list_entry(struct listing *listing, int directory, const char *path, int depth)
{
    struct stat status;
    const struct pack_places *places = listing->filter->places;
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    if (places != NULL && !pack_places_lead(places, path))
        return 0;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
        /* A directory that may be read and not searched. */
        listing->left_out += errno == EACCES;
        return errno == ENOENT || errno == EACCES ? 0 : -errno;
    }
    if (S_ISDIR(status.st_mode))
        return list_below(listing, directory, name, path, depth);
    return list_file(listing, path, &status, faccessat(directory, name, R_OK, AT_EACCESS) == 0);
}

/* Takes FD. */
static int list_directory(struct listing *listing, int fd, const char *prefix, int depth)
{
    cleanup_directory DIR *directory = fdopendir(fd);
    const struct dirent *entry;
    int result = 0;
    if (directory == NULL) {
        result = -errno;
        close(fd);
        return result;
    }
    if (depth > PACK_DEPTH_MAX)
        return refuse(listing, prefix, "is too deep");
    for (errno = 0; result == 0 && (entry = readdir(directory)) != NULL; errno = 0) {
        char path[PATH_MAX];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        result = path_format(path, "%s%s%s", prefix, prefix[0] == '\0' ? "" : "/", entry->d_name);
        if (result == 0)
            result = list_entry(listing, dirfd(directory), path, depth);
    }
    return result < 0 ? result : -errno;
}

static int compare_path(const void *left, const void *right)
{
    return strcmp(((const struct listed *)left)->path, ((const struct listed *)right)->path);
}

static int compare_newest(const void *left, const void *right)
{
    const struct listed *first = left, *second = right;
    int order = (first->modified < second->modified) - (first->modified > second->modified);
    return order != 0 ? order : strcmp(first->path, second->path);
}

/* Leaves the newest files that fit. */
static void keep_newest(struct listing *listing)
{
    uint64_t most =
        listing->filter->most != 0 ? listing->filter->most : (uint64_t)PACK_TOTAL_BYTES_MAX;
    size_t kept = 0;
    if (listing->count > 0)
        qsort(listing->files, listing->count, sizeof(*listing->files), compare_newest);
    for (size_t i = 0; i < listing->count; i++) {
        struct listed *file = &listing->files[i];
        if (kept < PACK_ENTRIES_MAX && file->size <= most) {
            most -= file->size;
            listing->files[kept++] = *file;
            continue;
        }
        free(file->path);
        listing->left_out++;
    }
    listing->count = kept;
}

/* What is listed, in the form that callers get. NULL without memory. */
static char **take_paths(struct listing *listing)
{
    char **paths = calloc(listing->count + 1, sizeof(*paths));
    if (listing->count > 0)
        qsort(listing->files, listing->count, sizeof(*listing->files), compare_path);
    for (size_t i = 0; paths != NULL && i < listing->count; i++)
        paths[i] = steal_pointer(&listing->files[i].path);
    return paths;
}

int pack_list(int root, const struct pack_filter *filter, char ***paths, size_t *left_out,
              struct error *err)
{
    static const struct pack_filter everything = {.places = NULL};
    struct listing listing = {.filter = filter != NULL ? filter : &everything};
    int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -errno : list_directory(&listing, fd, "", 1);
    if (result == 0 && listing.filter->is_partial)
        keep_newest(&listing);
    char **found = result == 0 ? take_paths(&listing) : NULL;
    if (result == 0 && found == NULL)
        result = -ENOMEM;
    for (size_t i = 0; i < listing.count; i++)
        free(listing.files[i].path);
    free(listing.files);
    if (result == 0) {
        *paths = found;
        *left_out = listing.left_out;
        return 0;
    }
    if (listing.why.number == 0)
        error_set(&listing.why, -result, "list what there is");
    error_prefix(&listing.why, "the data of an agent");
    if (err != NULL)
        *err = listing.why;
    return result;
}
