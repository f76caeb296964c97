/* What sessions gave back and nobody has merged: their keeper, or the machine, went down. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/host/data_store.h"
#include "lib/wire/manifest.h"

void data_spool_name(char name[DATA_SPOOL_SIZE], const char *agent, const char *session,
                     bool is_whole)
{
    snprintf(name, DATA_SPOOL_SIZE, ".%s.%s.%s", agent, session, is_whole ? "tar" : "part");
}

/* True when NAME is one of AGENT's; then whose, and whether all of it is there. */
static bool parse_name(const char *name, const char *agent, char session[PACK_SESSION_SIZE],
                       bool *is_whole)
{
    char expected[DATA_SPOOL_SIZE];
    size_t length = strlen(agent);
    if (strlen(name) < length + PACK_SESSION_SIZE + 2)
        return false;
    snprintf(session, PACK_SESSION_SIZE, "%s", name + length + 2);
    for (int whole = 0; whole <= 1; whole++) {
        data_spool_name(expected, agent, session, whole == 1);
        *is_whole = whole == 1;
        if (manifest_is_session_id(session) && strcmp(expected, name) == 0)
            return true;
    }
    return false;
}

/* Lists what became of SESSION's archive, as long as the list is short enough for its reader. */
static void note(struct data_left *left, const char *session, const char *outcome, json_t *report)
{
    if (report != NULL && json_array_size(left->list) < DATA_LEFT_LISTED_MAX &&
        json_object_set_new(report, "session", json_string(session)) == 0 &&
        json_object_set_new(report, "outcome", json_string(outcome)) == 0)
        (void)json_array_append(left->list, report);
    json_decref(report);
}

static void note_failure(struct data_left *left, const char *session, const char *outcome,
                         const struct error *why)
{
    char text[DATA_LEFT_MESSAGE_SIZE];
    snprintf(text, sizeof(text), "%s", error_text(why));
    note(left, session, outcome, json_pack("{s:s}", "message", text));
}

/* The rest of it was in the memory of a container that has ended, or can no longer give it. */
static void note_part(struct data_store *store, const char *session, const char *name,
                      const struct stat *status, struct data_left *left)
{
    struct error why = ERROR_INITIALIZER;
    error_set(&why, EPROTO, "its keeper ended when %lld bytes of it had come; the rest is gone",
              (long long)status->st_size);
    left->refused++;
    note_failure(left, session, "refused", &why);
    (void)unlinkat(store->root, name, 0);
}

/* What is merged or refused goes; what the store stood in the way of stays, and in nobody's way. */
static void merge_one(struct data_store *store, const char *session, const char *name, int fd,
                      struct data_left *left)
{
    struct stat status = {.st_size = 0};
    struct data_report report;
    struct error why = ERROR_INITIALIZER;
    int result = data_store_merge(store, fd, &report, &why);
    if (result == 0) {
        left->merged++;
        json_t *counts = data_report_json(&report);
        (void)fstat(fd, &status);
        if (counts != NULL)
            (void)json_object_set_new(counts, "bytes", json_integer((json_int_t)status.st_size));
        note(left, session, "merged", counts);
    } else if (result == -EBADMSG) {
        left->refused++;
        note_failure(left, session, "refused", &why);
    } else {
        left->kept++;
        note_failure(left, session, "kept", &why);
        return;
    }
    if (unlinkat(store->root, name, 0) < 0 && errno != ENOENT) {
        error_set(&why, errno, "remove '%s'", name);
        note_failure(left, session, "kept", &why);
    }
}

static void take(struct data_store *store, struct data_session *session, const char *name,
                 struct data_left *left)
{
    bool is_whole = false;
    struct stat status;
    if (!parse_name(name, store->agent, session->id, &is_whole))
        return;
    cleanup_fd int fd = openat(store->root, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    /* Locked: its keeper lives, and sees to it. Gone: that keeper has. */
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &status) < 0 ||
        status.st_nlink == 0)
        return;
    if (!is_whole) {
        note_part(store, session->id, name, &status, left);
        return;
    }
    store->session = session;
    merge_one(store, session->id, name, fd, left);
    store->session = NULL;
}

int data_spool_merge_left(struct data_store *store, const struct pack_places *places,
                          struct data_left *left, struct error *err)
{
    struct data_session session = {.places = *places};
    int fd = openat(store->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup_directory DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    *left = (struct data_left){.list = json_array()};
    if (directory == NULL || left->list == NULL) {
        if (directory == NULL)
            cleanup_close(&fd);
        return error_set(err, directory == NULL ? errno : ENOMEM, "list the data of agents");
    }
    while ((entry = readdir(directory)) != NULL)
        take(store, &session, entry->d_name, left);
    return 0;
}

int data_spool_measure(int root, const char *agent, uint64_t *bytes, struct error *err)
{
    int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup_directory DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    *bytes = 0;
    if (directory == NULL) {
        error_set(err, errno, "list the data of agents");
        cleanup_close(&fd);
        return -EIO;
    }
    while ((entry = readdir(directory)) != NULL) {
        char session[PACK_SESSION_SIZE];
        bool is_whole = false;
        struct stat status;
        if (parse_name(entry->d_name, agent, session, &is_whole) && is_whole &&
            fstatat(root, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
            *bytes += (uint64_t)status.st_size;
    }
    return 0;
}
