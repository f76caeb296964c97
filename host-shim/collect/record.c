/* Writes down that work was collected: in the audit log and in the session's state. */
#include "host-shim/collect/collection.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/host/printable.h"
#include "lib/wire/audit.h"
#include "lib/wire/channel.h"

#define KEEPER_ANSWER_MS 5000

static json_t *event_fields(const struct collection *collection)
{
    json_t *fields = json_object();
    if (fields == NULL)
        return NULL;
    cleanup_free char *repository =
        printable_text(collection->state->repository, strlen(collection->state->repository));
    if (repository == NULL ||
        json_object_set_new(fields, "branch", json_string(collection->host_branch)) < 0 ||
        json_object_set_new(fields, "commit", json_string(collection->answer.tip)) < 0 ||
        json_object_set_new(fields, "repository", json_string(repository)) < 0) {
        json_decref(fields);
        return NULL;
    }
    return fields;
}

static int tell_keeper(const struct collection *collection, enum audit_event event,
                       const json_t *fields, struct error *err)
{
    char directory[PATH_MAX];
    char path[PATH_MAX];
    const char *session = collection->state->session;
    int result = session_runtime_directory(session, directory, err);
    if (result == 0 && path_format(path, "%s/sockets/root.sock", directory) < 0)
        result = error_set(err, ENAMETOOLONG, "the socket of the keeper");
    if (result < 0)
        return result;
    cleanup_fd int fd = channel_connect(path, CHANNEL_ROLE_COLLECT, session, KEEPER_ANSWER_MS, err);
    if (fd < 0)
        return fd;
    result = channel_send_event(fd, event, fields, err);
    return result < 0 ? result : channel_flush(fd, KEEPER_ANSWER_MS, err);
}

static int append_to_log(const struct collection *collection, enum audit_event event,
                         const json_t *fields, struct error *err)
{
    char root[PATH_MAX];
    char directory[PATH_MAX];
    char path[PATH_MAX];
    char forward[PATH_MAX];
    int result = session_state_root(root, err);
    if (result == 0)
        result = session_state_directory(collection->state->session, directory, err);
    if (result == 0 && (path_format(path, "%s/events.jsonl", directory) < 0 ||
                        path_format(forward, "%s/security-events.log", root) < 0))
        result = error_set(err, ENAMETOOLONG, "the audit log below '%s'", root);
    if (result < 0)
        return result;
    struct audit_log *log = NULL;
    result = audit_log_open(path, collection->state->session, forward, &log, err);
    if (result < 0)
        return result;
    struct audit_source source = {.program = "collect", .uid = getuid(), .pid = getpid()};
    result = audit_log_note_tear(log, &source, err);
    if (result == 0)
        result = audit_log_append(log, event, &source, fields, err);
    audit_log_close(log);
    return result;
}

/* Without a keeper the log is ours to write; with one it is locked. */
int collection_record_event(const struct collection *collection, enum audit_event event,
                            const json_t *fields, struct error *err)
{
    int result = tell_keeper(collection, event, fields, NULL);
    return result < 0 ? append_to_log(collection, event, fields, err) : 0;
}

struct state_change {
    const struct collection *collection;
    bool failed;
};

static void change_state(struct session_state *state, void *context)
{
    struct state_change *change = context;
    const struct collection *collection = change->collection;
    bool has_work = collection->answer.outcome == FETCH_UPDATED ||
                    collection->answer.outcome == FETCH_UNCHANGED;
    /* A session that may still push is not done; one without its last commit is not either, nor one
     * whose last commit was never pushed to where it is fetched from. */
    bool is_done = !collection->is_running && collection->recovery_error[0] == '\0' &&
                   (state->push_enabled || collection->has_recovered);
    if (has_work) {
        char *commit = strdup(collection->answer.tip);
        change->failed = commit == NULL;
        if (commit != NULL) {
            free(state->collected_commit);
            state->collected_commit = commit;
        }
    }
    if (is_done)
        state->phase = SESSION_COLLECTED;
}

int collection_record(struct collection *collection, struct error *err)
{
    int result = 0;
    if (collection->answer.outcome != FETCH_NOTHING) {
        json_t *fields = event_fields(collection);
        if (fields == NULL)
            return error_set(err, ENOMEM, "record the collection");
        result = collection_record_event(collection, AUDIT_WORK_COLLECTED, fields, err);
        json_decref(fields);
    }
    if (result < 0)
        return error_prefix(err, "record the collection");
    struct state_change change = {.collection = collection, .failed = false};
    result = session_state_update(collection->state->session, change_state, &change, err);
    if (result == 0 && change.failed)
        result = error_set(err, ENOMEM, "record the collection");
    return result;
}
