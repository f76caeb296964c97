/* Writes an archive: every file is hashed first, and again while it is written. */
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/pack/pack_format.h"

struct writing {
    const struct pack_source *source;
    struct archive *archive;        /* NULL while files are only hashed */
    struct pack_manifest *manifest; /* owned */
    unsigned char *buffer;          /* owned, PACK_BUFFER_BYTES */
};

static int explain(struct archive *archive, const char *what, struct error *err)
{
    int number = archive_errno(archive);
    return error_set(err, number > 0 ? number : EIO, "write an archive: %s", what);
}

/* Reads FD of SIZE bytes into the digest and, when there is one, the archive. */
static int pass_file(struct writing *writing, int fd, struct pack_entry *entry, struct error *err)
{
    crypto_hash_sha256_state state;
    unsigned char digest[crypto_hash_sha256_BYTES];
    uint64_t left = entry->size;
    crypto_hash_sha256_init(&state);
    while (left > 0) {
        size_t most = left < PACK_BUFFER_BYTES ? (size_t)left : PACK_BUFFER_BYTES;
        ssize_t count = read(fd, writing->buffer, most);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_set(err, errno, "read '%s'", entry->path);
        if (count == 0)
            return error_set(err, EBUSY, "'%s' became shorter", entry->path);
        crypto_hash_sha256_update(&state, writing->buffer, (unsigned long long)count);
        if (writing->archive != NULL &&
            archive_write_data(writing->archive, writing->buffer, (size_t)count) != count)
            return explain(writing->archive, entry->path, err);
        left -= (uint64_t)count;
    }
    crypto_hash_sha256_final(&state, digest);
    char hex[PACK_DIGEST_SIZE];
    sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
    if (writing->archive != NULL && strcmp(hex, entry->sha256) != 0)
        return error_set(err, EBUSY, "'%s' changed while it was written", entry->path);
    memcpy(entry->sha256, hex, sizeof(hex));
    return 0;
}

static int open_file(const struct writing *writing, const char *path, struct error *err)
{
    int fd = path_open_beneath(writing->source->root, path, O_RDONLY | O_NONBLOCK, 0);
    return fd >= 0 ? fd : error_set(err, -fd, "open '%s'", path);
}

static int hash_file(struct writing *writing, const char *path, struct pack_entry *entry,
                     struct error *err)
{
    struct stat status;
    if (!pack_is_path(path))
        return error_set(err, EINVAL, "'%.100s' is no path that an archive may have", path);
    cleanup_fd int fd = open_file(writing, path, err);
    if (fd < 0)
        return fd;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return error_set(err, EINVAL, "'%s' is not a regular file", path);
    entry->path = strdup(path);
    if (entry->path == NULL)
        return error_set(err, ENOMEM, "list '%s'", path);
    writing->manifest->count++;
    entry->size = (uint64_t)status.st_size;
    entry->modified = status.st_mtime;
    writing->manifest->total += entry->size;
    if (entry->size > PACK_FILE_BYTES_MAX || writing->manifest->total > PACK_TOTAL_BYTES_MAX)
        return error_set(err, E2BIG, "'%s'", path);
    return pass_file(writing, fd, entry, err);
}

static int hash_files(struct writing *writing, struct error *err)
{
    char *const *paths = writing->source->paths;
    size_t count = 0;
    while (paths[count] != NULL)
        count++;
    if (count > PACK_ENTRIES_MAX)
        return error_set(err, E2BIG, "an archive of %zu files", count);
    writing->manifest->entries = calloc(count + 1, sizeof(struct pack_entry));
    if (writing->manifest->entries == NULL)
        return error_set(err, ENOMEM, "write an archive");
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = hash_file(writing, paths[i], &writing->manifest->entries[i], err);
    return result;
}

static int begin_member(struct writing *writing, const char *name, uint64_t size, int64_t modified)
{
    struct archive_entry *member = archive_entry_new();
    if (member == NULL)
        return ARCHIVE_FATAL;
    archive_entry_set_pathname(member, name);
    archive_entry_set_filetype(member, AE_IFREG);
    archive_entry_set_perm(member, 0600);
    archive_entry_set_size(member, (la_int64_t)size);
    archive_entry_set_mtime(member, modified, 0);
    int result = archive_write_header(writing->archive, member);
    archive_entry_free(member);
    return result;
}

static int write_text(struct writing *writing, const char *name, const char *text, size_t size,
                      struct error *err)
{
    if (begin_member(writing, name, size, 0) != ARCHIVE_OK ||
        archive_write_data(writing->archive, text, size) != (la_ssize_t)size)
        return explain(writing->archive, name, err);
    return 0;
}

static int write_manifest(struct writing *writing, struct error *err)
{
    unsigned char mac[crypto_auth_BYTES];
    char hex[2 * crypto_auth_BYTES + 1];
    cleanup_free char *text = NULL;
    size_t size = 0;
    int result = pack_manifest_render(writing->manifest, &text, &size, err);
    if (result < 0)
        return result;
    crypto_auth(mac, (const unsigned char *)text, size, writing->source->key);
    sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
    result = write_text(writing, PACK_MANIFEST_NAME, text, size, err);
    return result < 0 ? result : write_text(writing, PACK_MAC_NAME, hex, sizeof(hex) - 1, err);
}

static int write_file(struct writing *writing, struct pack_entry *entry, struct error *err)
{
    char name[PACK_PATH_BYTES_MAX + sizeof(PACK_DATA_PREFIX)];
    cleanup_fd int fd = open_file(writing, entry->path, err);
    if (fd < 0)
        return fd;
    snprintf(name, sizeof(name), PACK_DATA_PREFIX "%s", entry->path);
    if (begin_member(writing, name, entry->size, entry->modified) != ARCHIVE_OK)
        return explain(writing->archive, entry->path, err);
    return pass_file(writing, fd, entry, err);
}

static int write_archive(struct writing *writing, int fd, struct error *err)
{
    writing->archive = archive_write_new();
    if (writing->archive == NULL)
        return error_set(err, ENOMEM, "write an archive");
    if (archive_write_set_format_pax_restricted(writing->archive) != ARCHIVE_OK ||
        archive_write_add_filter_none(writing->archive) != ARCHIVE_OK ||
        archive_write_open_fd(writing->archive, fd) != ARCHIVE_OK)
        return explain(writing->archive, "begin", err);
    int result = write_manifest(writing, err);
    for (size_t i = 0; i < writing->manifest->count && result == 0; i++)
        result = write_file(writing, &writing->manifest->entries[i], err);
    if (result == 0 && archive_write_close(writing->archive) != ARCHIVE_OK)
        result = explain(writing->archive, "end", err);
    return result;
}

int pack_write(int fd, const struct pack_source *source, struct error *err)
{
    struct writing writing = {
        .source = source,
        .manifest = calloc(1, sizeof(struct pack_manifest)),
        .buffer = malloc(PACK_BUFFER_BYTES),
    };
    int result = 0;
    if (writing.manifest == NULL || writing.buffer == NULL)
        result = error_set(err, ENOMEM, "write an archive");
    if (result == 0) {
        writing.manifest->label = *source->label;
        result = hash_files(&writing, err);
    }
    if (result == 0)
        result = write_archive(&writing, fd, err);
    if (writing.archive != NULL)
        (void)archive_write_free(writing.archive);
    pack_manifest_free(writing.manifest);
    free(writing.buffer);
    return result;
}
