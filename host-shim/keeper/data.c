/* Serves an agent's data over the root channel: in at boot, out at shutdown. */
#include "host-shim/keeper/data.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host-shim/keeper/data_parts.h"
#include "host-shim/keeper/keeper.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/wait_limit.h"
#include "lib/host/data_key.h"
#include "lib/host/data_store.h"
#include "lib/host/install_paths.h"
#include "lib/wire/record.h"
#include "lib/wire/session.h"

/* A lock on a file that is about to be removed is held for a moment. */
#define SPOOL_ATTEMPTS 40
#define SPOOL_WAIT_NS (5 * 1000 * 1000)

/* A request as it came: its head, and what is behind that, borrowed. */
struct request {
    struct data_message head;
    const void *bytes;
    size_t count;
};

static const char *direction_of(enum data_action action)
{
    return action < DATA_EXPORT_BEGIN ? "import" : "export";
}

void data_reply(struct peer *peer, const struct data_message *head, const void *bytes, size_t count)
{
    char payload[sizeof(*head) + DATA_CHUNK_BYTES];
    if (peer == NULL)
        return;
    memcpy(payload, head, sizeof(*head));
    if (count > 0)
        memcpy(payload + sizeof(*head), bytes, count);
    /* One answer for each request: who has no room for it did not wait for the last. */
    if (channel_send_frame(peer->fd, CHANNEL_DATA_ANSWER, payload, sizeof(*head) + count) < 0)
        peers_close(peer);
}

void data_refuse(struct keeper *keeper, struct peer *peer, enum data_action action, const char *why)
{
    const struct data_message head = {.action = action, .outcome = DATA_REFUSED};
    json_t *fields = json_pack("{s:s}", "direction", direction_of(action));
    keeper->data.is_told |= action >= DATA_EXPORT_BEGIN;
    /* As many as boot may send events: it could ask for refusals all day. */
    if (!admission_take(&keeper->admission, clock_monotonic_ns(), strlen(why)))
        log_drop(keeper);
    else if (fields != NULL && record_set_text(fields, "message", why) == 0)
        log_own(keeper, AUDIT_DATA_REFUSED, json_incref(fields));
    json_decref(fields);
    data_reply(peer, &head, why, strlen(why));
}

/* The key and the limits of one direction. */
void data_reply_terms(struct keeper *keeper, struct peer *peer, enum data_action action,
                      uint64_t offset)
{
    struct data_terms terms = {.counter = keeper->data.counter, .most = DATA_EXPORT_BYTES_MAX};
    struct pack_label label = {.direction =
                                   action == DATA_EXPORT_BEGIN ? PACK_EXPORT : PACK_IMPORT};
    struct data_message head = {.action = action, .outcome = DATA_DONE, .offset = offset};
    struct error err = ERROR_INITIALIZER;
    memcpy(label.agent, keeper->data.agent, sizeof(label.agent));
    memcpy(label.session, keeper->session, sizeof(label.session));
    if (data_key_of(&label, terms.key, &err) < 0)
        data_refuse(keeper, peer, action, error_text(&err));
    else
        data_reply(peer, &head, &terms, sizeof(terms));
    sodium_memzero(&terms, sizeof(terms));
}

int data_import_path(const struct keeper *keeper, char path[PATH_MAX])
{
    return path_format(path, "%s/data.tar", keeper->state_directory);
}

int data_spool_path(const struct keeper *keeper, bool is_whole, char path[PATH_MAX])
{
    char root[PATH_MAX];
    char name[DATA_SPOOL_SIZE];
    int result = session_state_root(root, NULL);
    data_spool_name(name, keeper->data.agent, keeper->session, is_whole);
    return result < 0 ? result : path_format(path, "%s/data/%s", root, name);
}

/* An archive for the session that was not given: a keeper was killed, or has to go. */
static void remove_import(const struct keeper *keeper)
{
    char path[PATH_MAX];
    if (data_import_path(keeper, path) == 0)
        (void)unlink(path);
}

/* Once: each costs the host an archive, and everybody else the store meanwhile. */
static int begin_import(struct peer *peer, struct error *err)
{
    char path[PATH_MAX];
    struct data *data = &peer->keeper->data;
    if (data->was_given)
        return error_set(err, EPROTO, "this session was given its data already");
    if (data_import_path(peer->keeper, path) < 0)
        return error_set(err, ENAMETOOLONG, "the state directory");
    remove_import(peer->keeper);
    data->was_given = true;
    data->taker = peer;
    return data_run(peer, DATA_IMPORT_BEGIN, path, err);
}

static int read_import(struct peer *peer, const struct request *request, struct error *err)
{
    char bytes[DATA_CHUNK_BYTES];
    struct data *data = &peer->keeper->data;
    if (data->import < 0 || request->head.offset > INT64_MAX)
        return error_set(err, EPROTO, "nothing is being given");
    ssize_t count = pread(data->import, bytes, sizeof(bytes), (off_t)request->head.offset);
    if (count < 0)
        return error_set(err, errno, "read the archive for the session");
    /* It is removed already: its bytes go with the last look. */
    if (count == 0)
        cleanup_close(&data->import);
    data_reply(peer, &request->head, bytes, (size_t)count);
    return 0;
}

/* Removes what there is of an export that did not become whole. */
static void discard(struct keeper *keeper)
{
    char path[PATH_MAX];
    if (keeper->data.spool >= 0 && !keeper->data.is_whole &&
        data_spool_path(keeper, false, path) == 0)
        (void)unlink(path);
    cleanup_close(&keeper->data.spool);
    keeper->data.is_whole = false;
    keeper->data.received = 0;
    keeper->data.giver = NULL;
}

/* Locked, and still there: whoever merges leftovers may have removed it before the lock, or holds
 * it to do so. */
static int make_spool(const char *path)
{
    const struct timespec moment = {.tv_nsec = SPOOL_WAIT_NS};
    for (int attempt = 0; attempt < SPOOL_ATTEMPTS; attempt++) {
        struct stat status;
        cleanup_fd int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
            if (errno != EWOULDBLOCK)
                return -errno;
            wait_limit_lift();
            (void)nanosleep(&moment, NULL);
            wait_limit_set();
        } else if (fstat(fd, &status) == 0 && status.st_nlink == 1) {
            return steal_fd(&fd);
        }
    }
    return -EAGAIN;
}

/* What nobody could merge lies on the disk until somebody sees to it: not without limit. */
static int check_room(const struct keeper *keeper, int root, struct error *err)
{
    uint64_t bytes = 0;
    int result = data_spool_measure(root, keeper->data.agent, &bytes, err);
    if (result < 0 || bytes <= DATA_STORE_BYTES_MAX)
        return result;
    return error_set(err, EDQUOT,
                     "sessions of '%s' left %llu MiB that could not be merged: see why in their "
                     "logs, or remove .%s.*.tar from the data of agents",
                     keeper->data.agent, (unsigned long long)bytes / 1024 / 1024,
                     keeper->data.agent);
}

static int begin_export(struct peer *peer, struct error *err)
{
    struct keeper *keeper = peer->keeper;
    char path[PATH_MAX];
    cleanup_fd int root = data_root_open(err);
    if (root < 0)
        return root;
    if (keeper->data.was_ended)
        return error_set(err, EPROTO, "this session gave its data back already");
    int result = check_room(keeper, root, err);
    if (result < 0)
        return result;
    discard(keeper);
    if (data_spool_path(keeper, false, path) < 0)
        return error_set(err, ENAMETOOLONG, "the state directory");
    keeper->data.spool = make_spool(path);
    if (keeper->data.spool < 0)
        return error_set(err, -keeper->data.spool, "make '%s'", path);
    keeper->data.giver = peer;
    keeper->data.counter++;
    data_reply_terms(keeper, peer, DATA_EXPORT_BEGIN, 0);
    return 0;
}

static int write_export(struct peer *peer, const struct request *request, struct error *err)
{
    struct data *data = &peer->keeper->data;
    struct data_message head = request->head;
    if (data->spool < 0 || data->is_whole || data->giver != peer)
        return error_set(err, EPROTO, "nothing is being given back");
    if (head.offset != data->received)
        return error_set(err, EPROTO, "it goes on at %llu, not where it ended",
                         (unsigned long long)head.offset);
    if (request->count > DATA_EXPORT_BYTES_MAX - data->received)
        return error_set(err, EPROTO, "it is larger than %llu MiB",
                         DATA_EXPORT_BYTES_MAX / 1024 / 1024);
    int result = fd_write_all(data->spool, request->bytes, request->count);
    if (result < 0)
        return error_set(err, -result, "keep what the session gives back");
    data->received += request->count;
    head.offset = data->received;
    data_reply(peer, &head, NULL, 0);
    return 0;
}

/* From here on it is not lost, whatever ends: it has the name of what is whole, on the disk. */
static int end_export(struct peer *peer, const struct request *request, struct error *err)
{
    struct keeper *keeper = peer->keeper;
    struct data *data = &keeper->data;
    char from[PATH_MAX];
    char to[PATH_MAX];
    const struct data_message head = request->head;
    if (data->spool < 0 || data->is_whole || data->giver != peer ||
        (head.offset != 0 && head.offset != data->received))
        return error_set(err, EPROTO, "it ends where it did not");
    if (head.offset == 0) {
        data->is_told = true;
        discard(keeper);
        data_reply(peer, &head, NULL, 0);
        return 0;
    }
    if (data_spool_path(keeper, false, from) < 0 || data_spool_path(keeper, true, to) < 0)
        return error_set(err, ENAMETOOLONG, "the state directory");
    cleanup_fd int root = data_root_open(err);
    if (root < 0)
        return root;
    if (fsync(data->spool) < 0 || rename(from, to) < 0 || fsync(root) < 0)
        return error_set(err, errno, "keep '%s'", to);
    data->is_whole = true;
    data->was_ended = true;
    return data_run(peer, DATA_EXPORT_END, to, err);
}

static int serve(struct peer *peer, const struct request *request, struct error *err)
{
    switch ((enum data_action)request->head.action) {
    case DATA_IMPORT_BEGIN:
        return begin_import(peer, err);
    case DATA_IMPORT_READ:
        return read_import(peer, request, err);
    case DATA_EXPORT_BEGIN:
        return begin_export(peer, err);
    case DATA_EXPORT_WRITE:
        return write_export(peer, request, err);
    case DATA_EXPORT_END:
        return end_export(peer, request, err);
    }
    return error_set(err, EPROTO, "the data request is not known");
}

int data_serve(struct peer *peer, const void *payload, size_t size, struct error *err)
{
    struct keeper *keeper = peer->keeper;
    struct request request = {.bytes = NULL};
    struct error why = ERROR_INITIALIZER;
    int result =
        data_message_parse(payload, size, &request.head, &request.bytes, &request.count, err);
    if (result < 0)
        return result;
    const enum data_action action = (enum data_action)request.head.action;
    if (!keeper->data.is_wanted) {
        const struct data_message head = {.action = action, .outcome = DATA_UNWANTED};
        data_reply(peer, &head, NULL, 0);
        return 0;
    }
    /* Whoever waits no longer asks on, which spoils nothing of what runs. */
    if (data_is_busy(keeper)) {
        data_refuse(keeper, peer, action, "the last data request is not answered yet");
        return 0;
    }
    result = serve(peer, &request, &why);
    if (result == 0)
        return 0;
    if (action >= DATA_EXPORT_BEGIN)
        discard(keeper);
    data_refuse(keeper, peer, action, error_text(&why));
    return 0;
}

void data_lose(struct peer *peer)
{
    struct keeper *keeper = peer->keeper;
    struct data *data = &keeper->data;
    if (data->peer == peer)
        data->peer = NULL;
    if (data->taker == peer) {
        data->taker = NULL;
        cleanup_close(&data->import);
    }
    if (data->giver != peer)
        return;
    data->giver = NULL;
    if (data->spool < 0 || data->is_whole)
        return;
    discard(keeper);
    data_refuse(keeper, NULL, DATA_EXPORT_END,
                "the session ended before all of what it left had come; nothing was merged");
}

void data_settle(struct keeper *keeper)
{
    const struct data *data = &keeper->data;
    if (data->was_given && !data->is_told)
        data_refuse(keeper, NULL, DATA_EXPORT_BEGIN,
                    "the session ended before it gave back what the agent left, which was in its "
                    "memory and is gone");
}

bool data_is_busy(const struct keeper *keeper)
{
    return keeper->data.pid > 0;
}

int data_start(struct keeper *keeper, struct error *err)
{
    struct session_state *state = NULL;
    struct data *data = &keeper->data;
    struct pack_places places;
    char table[PATH_MAX];
    int result = session_state_load(keeper->session, &state, err);
    if (result < 0)
        return result;
    snprintf(data->agent, sizeof(data->agent), "%s", state->agent);
    session_state_free(state);
    result = install_path_share("policies/agent-data.tab", table, err);
    if (result == 0)
        result = pack_places_load(table, data->agent, &places, err);
    remove_import(keeper);
    if (result == 0)
        data->is_wanted = !keeper->is_without_data && places.count > 0;
    return result;
}

void data_end(struct keeper *keeper)
{
    struct data *data = &keeper->data;
    if (data->pid > 0) {
        log_note("data, %s: it took too long", direction_of(data->action));
        kill(data->pid, SIGKILL);
        event_loop_remove(&keeper->loop, data->source);
        while (waitpid(data->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        data->pid = 0;
    }
    cleanup_close(&data->output);
    cleanup_close(&data->import);
    remove_import(keeper);
    discard(keeper);
}
