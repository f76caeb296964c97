/* Merges an archive into the store: what each file becomes is decided first, and made then. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/host/data_journal.h"
#include "lib/host/data_rolling.h"
#include "lib/pack/limits.h"
#include "lib/pack/pack_key.h"

struct merge {
    const struct data_store *store;
    struct data_journal journal;
    struct data_report *report;
    uint64_t growth; /* of the store, as data_quota_charge counts */
};

static int find_key(const struct pack_label *label, unsigned char key[PACK_KEY_BYTES],
                    void *context, struct error *err)
{
    const struct data_store *store = context;
    if (strcmp(label->agent, store->agent) != 0)
        return error_set(err, EPROTO, "it is of the agent '%s', not of '%s'", label->agent,
                         store->agent);
    if (store->session != NULL && strcmp(label->session, store->session->id) != 0)
        return error_set(err, EPROTO, "it is not of session %s", store->session->id);
    /* What goes into a session is under a key that the session has. */
    if ((label->direction == PACK_EXPORT) != (label->session[0] != '\0'))
        return error_set(err, EPROTO, "it is for a session, or comes out of one and names none");
    pack_key_derive(store->master, label, key);
    return 0;
}

int data_store_check(const struct data_store *store, int fd, struct pack_manifest **manifest,
                     struct error *err)
{
    const struct pack_reader reader = {
        .find_key = find_key, .context = (void *)(uintptr_t)store, .staging = -1};
    return pack_read(fd, &reader, manifest, err);
}

/* The whole file on FD, of which PATH is the name. 0 or -errno. */
static int read_file(int fd, const char *path, char **text, struct data_bytes *bytes,
                     struct error *err)
{
    int result = fd_read_all(fd, PACK_FILE_BYTES_MAX, text, &bytes->size);
    bytes->bytes = *text;
    return result < 0 ? error_set(err, -result, "read '%s'", path) : 0;
}

static int extend(struct merge *merge, const char *path, const struct data_bytes *ours,
                  const struct data_bytes *theirs, struct error *err)
{
    cleanup_free char *added = NULL;
    size_t size = 0;
    cleanup_fd int fd = -1;
    int result = data_rolling_new(ours, theirs, &added, &size);
    if (result < 0)
        return error_set(err, -result, "merge '%s'", path);
    if (added == NULL) {
        merge->report->unchanged++;
        return 0;
    }
    /* With a newline that ours may lack. What is above the cap no session could be given. */
    if (ours->size + 1 + size > PACK_FILE_BYTES_MAX) {
        merge->report->left++;
        return 0;
    }
    result = data_journal_make(&merge->journal, path, &fd, err);
    if (result < 0)
        return result;
    bool lacks_end = ours->size > 0 && ours->bytes[ours->size - 1] != '\n';
    result = fd_write_all(fd, ours->bytes, ours->size);
    if (result == 0 && lacks_end)
        result = fd_write_all(fd, "\n", 1);
    if (result == 0)
        result = fd_write_all(fd, added, size);
    merge->report->extended++;
    merge->growth += size;
    return result < 0 ? error_set(err, -result, "write '%s'", path) : 0;
}

static bool ends_with(const char *path, const char *suffix)
{
    size_t length = strlen(path), size = strlen(suffix);
    return length >= size && strcmp(path + length - size, suffix) == 0;
}

/* True for a file that has one meaning, which two states of it do not share: one with an id. */
static bool is_unique(const struct merge *merge, const char *path)
{
    const struct data_session *session = merge->store->session;
    const struct pack_place *place =
        session != NULL ? pack_places_find(&session->places, path) : NULL;
    return place != NULL ? place->is_unique : pack_path_has_id(path);
}

/* Decides about a file that is there already. Nothing of ours is lost: whoever has one session's
 * key writes about all others' conversations. */
static int join(struct merge *merge, const char *path, const struct data_bytes *ours,
                const struct data_bytes *theirs, struct error *err)
{
    bool has_lines = ends_with(path, ".jsonl") || !is_unique(merge, path);
    if (data_is_continuation(ours, theirs)) {
        merge->report->unchanged++;
        return 0;
    }
    if (is_unique(merge, path) && data_is_continuation(theirs, ours)) {
        merge->report->replaced++;
        merge->growth += theirs->size - ours->size;
        return data_journal_move(&merge->journal, path, err);
    }
    if (has_lines && data_is_text(ours) && data_is_text(theirs))
        return extend(merge, path, ours, theirs, err);
    merge->report->left++;
    return 0;
}

static int join_files(struct merge *merge, const char *path, int our_fd, struct error *err)
{
    cleanup_free char *our_text = NULL;
    cleanup_free char *their_text = NULL;
    struct data_bytes ours = {.size = 0}, theirs = {.size = 0};
    int result = read_file(our_fd, path, &our_text, &ours, err);
    if (result == -EFBIG) {
        merge->report->left++;
        return 0;
    }
    if (result < 0)
        return result;
    cleanup_fd int their_fd =
        path_open_beneath(merge->journal.staging, path, O_RDONLY | O_NONBLOCK, 0);
    if (their_fd < 0)
        return error_set(err, -their_fd, "open '%s'", path);
    result = read_file(their_fd, path, &their_text, &theirs, err);
    return result < 0 ? result : join(merge, path, &ours, &theirs, err);
}

/* A directory where the file is to be, or a file on the way. Below a unique place sessions do that
 * themselves, with names that they choose, and it is theirs alone that is left; elsewhere somebody
 * on the host did. */
static int meet_obstacle(struct merge *merge, const char *path, struct error *err)
{
    if (!is_unique(merge, path))
        return error_set(err, EINVAL, "'%s' is not a regular file in the store", path);
    merge->report->left++;
    return 0;
}

static int merge_file(struct merge *merge, const struct pack_entry *entry, struct error *err)
{
    const char *path = entry->path;
    const struct data_session *session = merge->store->session;
    struct stat status;
    if (session != NULL && !pack_places_have(&session->places, path))
        return pack_reject(err, "'%.100s' is no place of what '%s' leaves behind", path,
                           merge->store->agent);
    cleanup_fd int fd = path_open_beneath(merge->store->tree, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd == -ENOENT) {
        merge->report->added++;
        merge->growth += data_quota_charge(entry->size);
        return data_journal_move(&merge->journal, path, err);
    }
    if (fd == -ENOTDIR)
        return meet_obstacle(merge, path, err);
    if (fd < 0)
        return error_set(err, -fd, "open '%s'", path);
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return meet_obstacle(merge, path, err);
    return join_files(merge, path, fd, err);
}

json_t *data_report_json(const struct data_report *report)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "added", (json_int_t)report->added, "replaced",
                     (json_int_t)report->replaced, "extended", (json_int_t)report->extended,
                     "unchanged", (json_int_t)report->unchanged, "left", (json_int_t)report->left);
}

int data_store_merge(const struct data_store *store, int fd, struct data_report *report,
                     struct error *err)
{
    struct pack_manifest *manifest = NULL;
    struct merge merge = {.store = store, .report = report};
    *report = (struct data_report){.added = 0};
    int result = data_journal_begin(&merge.journal, store, err);
    const struct pack_reader reader = {.find_key = find_key,
                                       .context = (void *)(uintptr_t)store,
                                       .staging = merge.journal.staging};
    if (result == 0)
        result = pack_read(fd, &reader, &manifest, err);
    for (size_t i = 0; result == 0 && i < manifest->count; i++)
        result = merge_file(&merge, &manifest->entries[i], err);
    /* A person's own archive is a person's own business. */
    if (result == 0 && store->session != NULL)
        result = data_quota_check(store, merge.growth, err);
    if (result == 0)
        result = data_journal_commit(&merge.journal, err);
    pack_manifest_free(manifest);
    data_journal_close(&merge.journal);
    return result;
}
