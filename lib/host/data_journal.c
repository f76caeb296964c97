/* Makes a merge happen whole or not at all. */
#include "lib/host/data_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/pack/limits.h"

#define JOURNAL "commit"
#define STAGING "in"
#define MADE "new"
#define JOURNAL_BYTES_MAX PACK_MANIFEST_BYTES_MAX

#define WORK_SIZE (PACK_AGENT_SIZE + 8)

static void work_name(const struct data_store *store, char name[WORK_SIZE])
{
    snprintf(name, WORK_SIZE, ".%s.work", store->agent);
}

static int open_directory(int parent, const char *name, struct error *err)
{
    int fd = path_open_beneath(parent, name, O_RDONLY | O_DIRECTORY, 0);
    return fd >= 0 ? fd : error_set(err, -fd, "open '%s' of the data of agents", name);
}

static int sync_directory(int fd, struct error *err)
{
    return fsync(fd) < 0 ? error_set(err, errno, "write the data of agents") : 0;
}

/* The journal first: what is half removed is then nothing that was decided. */
static int remove_work(const struct data_store *store, struct error *err)
{
    char name[WORK_SIZE];
    char journal[WORK_SIZE + sizeof(JOURNAL) + 1];
    work_name(store, name);
    snprintf(journal, sizeof(journal), "%s/" JOURNAL, name);
    if (unlinkat(store->root, journal, 0) < 0 && errno != ENOENT && errno != ENOTDIR)
        return error_set(err, errno, "remove '%s'", journal);
    return path_remove_tree(store->root, name, err);
}

int data_journal_begin(struct data_journal *journal, const struct data_store *store,
                       struct error *err)
{
    char name[WORK_SIZE];
    work_name(store, name);
    *journal =
        (struct data_journal){.store = store, .work = -1, .staging = -1, .moves = json_array()};
    if (journal->moves == NULL)
        return error_set(err, ENOMEM, "begin a merge");
    if (mkdirat(store->root, name, 0700) < 0)
        return error_set(err, errno, "make '%s'", name);
    journal->work = open_directory(store->root, name, err);
    if (journal->work < 0)
        return journal->work;
    if (mkdirat(journal->work, STAGING, 0700) < 0 || mkdirat(journal->work, MADE, 0700) < 0)
        return error_set(err, errno, "make directories in '%s'", name);
    journal->staging = open_directory(journal->work, STAGING, err);
    return journal->staging < 0 ? journal->staging : 0;
}

void data_journal_close(struct data_journal *journal)
{
    bool is_decided = journal->work >= 0 && faccessat(journal->work, JOURNAL, F_OK, 0) == 0;
    cleanup_close(&journal->staging);
    cleanup_close(&journal->work);
    json_decref(journal->moves);
    journal->moves = NULL;
    if (!is_decided)
        (void)remove_work(journal->store, NULL);
}

static int add_move(struct data_journal *journal, const char *from, const char *to,
                    struct error *err)
{
    return json_array_append_new(journal->moves, json_pack("{s:s, s:s}", "from", from, "to", to)) <
                   0
               ? error_set(err, ENOMEM, "list '%s'", to)
               : 0;
}

int data_journal_move(struct data_journal *journal, const char *path, struct error *err)
{
    char from[PACK_PATH_BYTES_MAX + sizeof(STAGING) + 2];
    snprintf(from, sizeof(from), STAGING "/%s", path);
    return add_move(journal, from, path, err);
}

int data_journal_make(struct data_journal *journal, const char *path, int *fd, struct error *err)
{
    char from[64];
    snprintf(from, sizeof(from), MADE "/%zu", journal->made++);
    *fd = path_open_beneath(journal->work, from, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (*fd < 0)
        return error_set(err, -*fd, "make '%s'", from);
    return add_move(journal, from, path, err);
}

/* What is moved must be on the disk before the decision is; the moves before their list goes. Once
 * for all of them: they are as many as a session likes. */
static int sync_all(int fd, struct error *err)
{
    return syncfs(fd) < 0 ? error_set(err, errno, "write the data of agents") : 0;
}

/* One that is not there any more was made before. */
static int make_move(const struct data_store *store, int work, const json_t *move,
                     struct error *err)
{
    const char *from = json_string_value(json_object_get(move, "from"));
    const char *to = json_string_value(json_object_get(move, "to"));
    if (from == NULL || to == NULL || !path_is_plain_relative(from) || !pack_is_path(to))
        return error_set(err, EPROTO, "the journal of a merge is malformed");
    cleanup_fd int parent = path_open_parent(store->tree, to);
    if (parent < 0)
        return error_set(err, -parent, "open the directory of '%s'", to);
    const char *slash = strrchr(to, '/');
    if (renameat(work, from, parent, slash == NULL ? to : slash + 1) < 0 && errno != ENOENT)
        return error_set(err, errno, "put '%s' into its place", to);
    return 0;
}

static int make_moves(const struct data_store *store, int work, const json_t *moves,
                      struct error *err)
{
    int result = 0;
    for (size_t i = 0; i < json_array_size(moves) && result == 0; i++)
        result = make_move(store, work, json_array_get(moves, i), err);
    return result < 0 ? result : sync_all(work, err);
}

int data_journal_commit(struct data_journal *journal, struct error *err)
{
    if (json_array_size(journal->moves) == 0)
        return remove_work(journal->store, err);
    int result = sync_all(journal->work, err);
    cleanup_free char *text =
        result == 0 ? json_dumps(journal->moves, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (result == 0 && text == NULL)
        result = error_set(err, ENOMEM, "write the journal of a merge");
    if (result == 0)
        result = fd_write_file(journal->work, JOURNAL, text, strlen(text), 0600, err);
    if (result == 0)
        result = sync_directory(journal->work, err);
    if (result == 0)
        result = make_moves(journal->store, journal->work, journal->moves, err);
    return result < 0 ? result : remove_work(journal->store, err);
}

int data_journal_recover(const struct data_store *store, struct error *err)
{
    char name[WORK_SIZE];
    cleanup_free char *text = NULL;
    size_t size = 0;
    work_name(store, name);
    cleanup_fd int work = path_open_beneath(store->root, name, O_RDONLY | O_DIRECTORY, 0);
    if (work == -ENOENT)
        return 0;
    if (work < 0)
        return error_set(err, -work, "open '%s'", name);
    int result = fd_read_file(work, JOURNAL, JOURNAL_BYTES_MAX, &text, &size, err);
    if (result == 0) {
        json_t *moves = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
        result = json_is_array(moves)
                     ? make_moves(store, work, moves, err)
                     : error_set(err, EPROTO, "the journal '%s/" JOURNAL "' is malformed", name);
        json_decref(moves);
    } else if (result == -ENOENT) {
        result = 0;
    }
    return result < 0 ? result : remove_work(store, err);
}
