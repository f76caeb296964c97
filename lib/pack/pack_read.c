/* Reads an archive that may be hostile: nothing in it counts before all of it was seen. */
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/pack/pack_format.h"

#define MAC_LENGTH ((size_t)2 * crypto_auth_BYTES)

struct reading {
    const struct pack_reader *reader;
    struct archive *archive;
    struct archive_entry *member;   /* borrowed from the archive */
    struct pack_manifest *manifest; /* owned */
    unsigned char *buffer;          /* owned, PACK_BUFFER_BYTES */
};

static int reject_member(const struct reading *reading, const char *why, struct error *err)
{
    const char *name = archive_entry_pathname(reading->member);
    return pack_reject(err, "'%.100s' %s", name != NULL ? name : "?", why);
}

/* What is wrong with the member besides its name and size; NULL: nothing. */
static const char *refusal_of(struct archive_entry *member)
{
    if (archive_entry_hardlink(member) != NULL || archive_entry_symlink(member) != NULL)
        return "is a link";
    if (archive_entry_filetype(member) != AE_IFREG)
        return "is not a regular file";
    if ((archive_entry_perm(member) & 07111) != 0)
        return "is set-uid, set-gid, sticky or executable";
    if (archive_entry_sparse_count(member) > 0)
        return "has holes";
    if (archive_entry_xattr_count(member) > 0 || archive_entry_acl_types(member) != 0)
        return "has extended attributes";
    return archive_entry_size_is_set(member) ? NULL : "has no size";
}

/* The next member, which must be NAME. 0 or -EBADMSG. */
static int next_member(struct reading *reading, const char *name, struct error *err)
{
    int status = archive_read_next_header(reading->archive, &reading->member);
    if (status == ARCHIVE_EOF)
        return pack_reject(err, "'%.100s' is missing", name);
    if (status != ARCHIVE_OK)
        return pack_reject(err, "before '%.100s' it is no archive any more", name);
    const char *found = archive_entry_pathname(reading->member);
    if (found == NULL || strcmp(found, name) != 0)
        return pack_reject(err, "'%.100s' is not what the manifest lists; it lists '%.100s'",
                           found != NULL ? found : "?", name);
    const char *why = refusal_of(reading->member);
    return why == NULL ? 0 : reject_member(reading, why, err);
}

/* The member's text of at most MOST bytes, in *TEXT, owned. */
static int read_text(struct reading *reading, size_t most, char **text, size_t *size,
                     struct error *err)
{
    la_int64_t length = archive_entry_size(reading->member);
    if (length <= 0 || (uint64_t)length > most)
        return reject_member(reading, "is empty, or larger than it may be", err);
    cleanup_free char *read = malloc((size_t)length + 1);
    if (read == NULL)
        return error_set(err, ENOMEM, "read an archive");
    if (archive_read_data(reading->archive, read, (size_t)length) != length)
        return reject_member(reading, "is cut off", err);
    read[length] = '\0';
    *size = (size_t)length;
    *text = steal_pointer(&read);
    return 0;
}

static int check_mac(struct reading *reading, const char *text, size_t size, struct error *err)
{
    unsigned char key[PACK_KEY_BYTES];
    unsigned char mac[crypto_auth_BYTES];
    cleanup_free char *hex = NULL;
    size_t length = 0;
    int result = next_member(reading, PACK_MAC_NAME, err);
    if (result == 0)
        result = read_text(reading, MAC_LENGTH, &hex, &length, err);
    if (result < 0)
        return result;
    if (sodium_hex2bin(mac, sizeof(mac), hex, length, NULL, &length, NULL) != 0 ||
        length != sizeof(mac))
        return reject_member(reading, "is no MAC", err);
    struct error why = ERROR_INITIALIZER;
    if (reading->reader->find_key(&reading->manifest->label, key, reading->reader->context, &why) <
        0)
        return pack_reject(err, "%s", error_text(&why));
    result = crypto_auth_verify(mac, (const unsigned char *)text, size, key);
    sodium_memzero(key, sizeof(key));
    return result == 0 ? 0 : pack_reject(err, "its manifest was not made with the key it needs");
}

static int read_manifest(struct reading *reading, struct error *err)
{
    cleanup_free char *text = NULL;
    size_t size = 0;
    int result = next_member(reading, PACK_MANIFEST_NAME, err);
    if (result == 0)
        result = read_text(reading, PACK_MANIFEST_BYTES_MAX, &text, &size, err);
    if (result == 0)
        result = pack_manifest_parse(text, size, &reading->manifest, err);
    return result < 0 ? result : check_mac(reading, text, size, err);
}

/* The directories of PATH below STAGING, in which nobody else makes anything. */
static int make_parents(int staging, const char *path, struct error *err)
{
    char parent[PACK_PATH_BYTES_MAX + 1];
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
        if (mkdirat(staging, parent, 0700) < 0 && errno != EEXIST)
            return error_set(err, errno, "make '%s'", parent);
    }
    return 0;
}

/* -1 when files are only looked at. */
static int make_file(const struct reading *reading, const char *path, int *fd, struct error *err)
{
    int staging = reading->reader->staging;
    *fd = -1;
    if (staging < 0)
        return 0;
    int result = make_parents(staging, path, err);
    if (result < 0)
        return result;
    *fd = path_open_beneath(staging, path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    return *fd >= 0 ? 0 : error_set(err, -*fd, "make '%s'", path);
}

/* Copies the member to FD (or nowhere) and hashes it. */
static int pass_data(struct reading *reading, const struct pack_entry *entry, int fd,
                     struct error *err)
{
    crypto_hash_sha256_state state;
    unsigned char digest[crypto_hash_sha256_BYTES];
    char hex[PACK_DIGEST_SIZE];
    uint64_t left = entry->size;
    crypto_hash_sha256_init(&state);
    while (left > 0) {
        size_t most = left < PACK_BUFFER_BYTES ? (size_t)left : PACK_BUFFER_BYTES;
        la_ssize_t count = archive_read_data(reading->archive, reading->buffer, most);
        if (count <= 0)
            return reject_member(reading, "is cut off", err);
        crypto_hash_sha256_update(&state, reading->buffer, (unsigned long long)count);
        int result = fd >= 0 ? fd_write_all(fd, reading->buffer, (size_t)count) : 0;
        if (result < 0)
            return error_set(err, -result, "write '%s'", entry->path);
        left -= (uint64_t)count;
    }
    crypto_hash_sha256_final(&state, digest);
    sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
    return strcmp(hex, entry->sha256) == 0 ? 0 : reject_member(reading, "has another digest", err);
}

static int read_file(struct reading *reading, const struct pack_entry *entry, struct error *err)
{
    char name[PACK_PATH_BYTES_MAX + sizeof(PACK_DATA_PREFIX)];
    cleanup_fd int fd = -1;
    snprintf(name, sizeof(name), PACK_DATA_PREFIX "%s", entry->path);
    int result = next_member(reading, name, err);
    if (result < 0)
        return result;
    if ((uint64_t)archive_entry_size(reading->member) != entry->size)
        return reject_member(reading, "has another size than the manifest says", err);
    result = make_file(reading, entry->path, &fd, err);
    if (result == 0)
        result = pass_data(reading, entry, fd, err);
    /* The newest are given out first: nobody's is newer than now. */
    const time_t now = time(NULL);
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                      {.tv_sec = entry->modified < now ? entry->modified : now}};
    if (result == 0 && fd >= 0 && futimens(fd, times) < 0)
        result = error_set(err, errno, "set the time of '%s'", entry->path);
    return result;
}

static int read_all(struct reading *reading, struct error *err)
{
    int result = read_manifest(reading, err);
    for (size_t i = 0; result == 0 && i < reading->manifest->count; i++)
        result = read_file(reading, &reading->manifest->entries[i], err);
    if (result < 0)
        return result;
    int status = archive_read_next_header(reading->archive, &reading->member);
    if (status == ARCHIVE_OK || status == ARCHIVE_WARN)
        return reject_member(reading, "is not listed in the manifest", err);
    return status == ARCHIVE_EOF ? 0 : pack_reject(err, "behind its last file it is no archive");
}

/* No compression: what is read is as large as what it says, so nothing can be a bomb. */
static int begin(struct reading *reading, int fd, struct error *err)
{
    reading->archive = archive_read_new();
    reading->buffer = malloc(PACK_BUFFER_BYTES);
    if (reading->archive == NULL || reading->buffer == NULL || sodium_init() < 0)
        return error_set(err, ENOMEM, "read an archive");
    if (archive_read_support_format_tar(reading->archive) != ARCHIVE_OK ||
        archive_read_open_fd(reading->archive, fd, PACK_BUFFER_BYTES) != ARCHIVE_OK)
        return pack_reject(err, "it is no archive of agent data");
    return 0;
}

int pack_read(int fd, const struct pack_reader *reader, struct pack_manifest **manifest,
              struct error *err)
{
    struct reading reading = {.reader = reader};
    int result = begin(&reading, fd, err);
    if (result == 0)
        result = read_all(&reading, err);
    if (reading.archive != NULL)
        (void)archive_read_free(reading.archive);
    free(reading.buffer);
    if (result == 0)
        *manifest = steal_pointer(&reading.manifest);
    pack_manifest_free(reading.manifest);
    return result;
}
