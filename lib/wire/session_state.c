/* state.json: what is known of a session, replaced whole and changed only under its lock. */
#include "lib/wire/session_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/wire/limits.h"

static const char *const phase_names[] = {"planned", "running", "ended", "collected", NULL};

static const char *check_session(const char *value)
{
    return manifest_is_session_id(value) ? NULL : "is not a session id";
}

static const char *check_key(const char *value)
{
    bool is_key = strlen(value) == AUDIT_PUBLIC_KEY_SIZE - 1 &&
                  value[strspn(value, "0123456789abcdef")] == '\0';
    return is_key || value[0] == '\0' ? NULL : "is not a public key in lower case hex";
}

#define AT(member) .offset = offsetof(struct session_state, member)

/* clang-format off */
const struct record_field session_state_fields[] = {
    {.key = "session",          .type = RECORD_TEXT_INLINE, AT(session), .size = MANIFEST_SESSION_SIZE, .check = check_session},
    {.key = "phase",            .type = RECORD_ENUM, AT(phase), .names = phase_names},
    {.key = "agent",            .type = RECORD_TEXT, AT(agent)},
    {.key = "name",             .type = RECORD_TEXT, AT(name)},
    {.key = "repository",       .type = RECORD_TEXT, AT(repository)},
    {.key = "branch",           .type = RECORD_TEXT, AT(branch)},
    {.key = "host_branch",      .type = RECORD_TEXT, AT(host_branch)},
    {.key = "base_commit",      .type = RECORD_TEXT, AT(base_commit)},
    {.key = "image",            .type = RECORD_TEXT, AT(image)},
    {.key = "container",        .type = RECORD_TEXT, AT(container)},
    {.key = "volume",           .type = RECORD_TEXT, AT(volume)},
    {.key = "network",          .type = RECORD_TEXT, AT(network)},
    {.key = "engine_context",   .type = RECORD_TEXT, AT(engine_context)},
    {.key = "engine_id",        .type = RECORD_TEXT, AT(engine_id)},
    {.key = "is_interactive",   .type = RECORD_BOOL, AT(is_interactive)},
    {.key = "is_persistent",    .type = RECORD_BOOL, AT(is_persistent)},
    {.key = "push_enabled",     .type = RECORD_BOOL, AT(push_enabled)},
    {.key = "created_at",       .type = RECORD_TEXT, AT(created_at)},
    {.key = "ended_at",         .type = RECORD_TEXT, AT(ended_at)},
    {.key = "exit_code",        .type = RECORD_INT,  AT(exit_code)},
    {.key = "cause",            .type = RECORD_TEXT, AT(cause)},
    {.key = "collected_commit", .type = RECORD_TEXT, AT(collected_commit)},
    {.key = "audit_key",        .type = RECORD_TEXT_INLINE, AT(audit_key), .size = AUDIT_PUBLIC_KEY_SIZE, .check = check_key,
                                .is_optional = true},
    {.key = NULL},
};
/* clang-format on */

const char *session_phase_name(enum session_phase phase)
{
    return (size_t)phase < ARRAY_LENGTH(phase_names) - 1 ? phase_names[phase] : "unknown";
}

void session_state_free(struct session_state *state)
{
    if (state == NULL)
        return;
    record_release(session_state_fields, state);
    free(state);
}

static int state_path(const char *session, const char *file, char path[PATH_MAX], struct error *err)
{
    char directory[PATH_MAX];
    int result = session_state_directory(session, directory, err);
    if (result == 0 && path_format(path, "%s/%s", directory, file) < 0)
        result = error_set(err, ENAMETOOLONG, "the state of session %s", session);
    return result;
}

/* The lock (an fd owned by the caller), held until it is closed; or -errno. */
static int lock_state(const char *session, struct error *err)
{
    char path[PATH_MAX];
    int result = state_path(session, "state.lock", path, err);
    if (result < 0)
        return result;
    cleanup_fd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_set(err, errno, "open '%s'", path);
    while (flock(fd, LOCK_EX) < 0)
        if (errno != EINTR)
            return error_set(err, errno, "lock '%s'", path);
    return steal_fd(&fd);
}

static int parse_state(const char *text, size_t size, struct session_state *state,
                       struct error *err)
{
    json_t *object = NULL;
    int result = record_parse(text, size, SESSION_STATE_VERSION, &object, err);
    if (result < 0)
        return result;
    result = record_read(session_state_fields, object, state, err);
    json_decref(object);
    return result;
}

int session_state_load(const char *session, struct session_state **state, struct error *err)
{
    char path[PATH_MAX];
    cleanup_free char *text = NULL;
    size_t size = 0;
    int result = state_path(session, "state.json", path, err);
    if (result == 0)
        result = fd_read_file(AT_FDCWD, path, LIMIT_STATE_BYTES, &text, &size, err);
    if (result < 0)
        return result;
    struct session_state *loaded = calloc(1, sizeof(*loaded));
    if (loaded == NULL)
        return error_set(err, ENOMEM, "session %s", session);
    result = parse_state(text, size, loaded, err);
    if (result == 0 && strcmp(loaded->session, session) != 0)
        result = error_set(err, EPROTO, "session is not %s", session);
    if (result < 0) {
        session_state_free(loaded);
        error_prefix(err, "'%s'", path);
        return result;
    }
    *state = loaded;
    return 0;
}

static int save_locked(const struct session_state *state, struct error *err)
{
    char path[PATH_MAX];
    cleanup_free char *text = NULL;
    size_t size = 0;
    json_t *object = NULL;
    int result = state_path(state->session, "state.json", path, err);
    if (result == 0)
        result = record_write(session_state_fields, state, &object, err);
    if (result == 0)
        result = record_render(object, SESSION_STATE_VERSION, &text, &size, err);
    if (result == 0)
        result = fd_write_file(AT_FDCWD, path, text, size, 0600, err);
    return result;
}

int session_state_save(const struct session_state *state, struct error *err)
{
    cleanup_fd int lock = lock_state(state->session, err);
    return lock < 0 ? lock : save_locked(state, err);
}

int session_state_update(const char *session,
                         void (*change)(struct session_state *state, void *context), void *context,
                         struct error *err)
{
    struct session_state *state = NULL;
    cleanup_fd int lock = lock_state(session, err);
    if (lock < 0)
        return lock;
    int result = session_state_load(session, &state, err);
    if (result < 0)
        return result;
    change(state, context);
    result = save_locked(state, err);
    session_state_free(state);
    return result;
}
