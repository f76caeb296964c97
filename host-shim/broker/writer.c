/* Writes one renewed login to where it was found: a process that has that directory alone. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-shim/broker/broker.h"
#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"
#include "lib/base/fd.h"
#include "lib/base/syscalls.h"
#include "lib/host/login_renewal.h"

#define SOCKET_FD 3
/* Behind the login's name, while it is written: always the same, so what a writer that was killed
 * left is found by the next one. */
#define TEMPORARY ".coding-agents.new"
/* Another session's writer has the directory; the holder waits 20 seconds for its answer. */
#define LOCK_MS 3000
#define LOCK_STEP_MS 20
/* So often the host's file may change while its successor is written. */
#define TRIES 3

struct writer {
    struct writer_target target;
    char directory_path[PATH_MAX];
    char name[NAME_MAX + 1];
    char temporary[NAME_MAX + 1];
    int directory; /* owned */
};

/* Through links to the file itself: it is that which is replaced. */
static int find(struct writer *writer, struct error *err)
{
    char *path = realpath(writer->target.path, NULL);
    if (path == NULL)
        return error_set(err, errno, "find '%s'", writer->target.path);
    char *slash = strrchr(path, '/');
    snprintf(writer->name, sizeof(writer->name), "%.*s", NAME_MAX, slash + 1);
    int length = snprintf(writer->temporary, sizeof(writer->temporary), "%.*s" TEMPORARY, NAME_MAX,
                          slash + 1);
    slash[slash == path ? 1 : 0] = '\0';
    snprintf(writer->directory_path, sizeof(writer->directory_path), "%s", path);
    free(path);
    if (length > NAME_MAX)
        return error_set(err, ENAMETOOLONG, "write beside '%s'", writer->target.path);
    writer->directory = open(writer->directory_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return writer->directory < 0 ? error_set(err, errno, "open '%s'", writer->directory_path) : 0;
}

/* Among writers, not against the host's own program: that knows of no lock. 0 or -errno. */
static int lock(const struct writer *writer, struct error *err)
{
    for (int waited = 0; flock(writer->directory, LOCK_EX | LOCK_NB) < 0; waited += LOCK_STEP_MS) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || waited >= LOCK_MS)
            return error_set(err, errno, "lock '%s'", writer->directory_path);
        (void)poll(NULL, 0, LOCK_STEP_MS);
    }
    return 0;
}

/* Tokens that a writer left which was killed; not those that one is about to write. */
static void sweep(const struct writer *writer)
{
    if (flock(writer->directory, LOCK_EX | LOCK_NB) < 0)
        return;
    (void)unlinkat(writer->directory, writer->temporary, 0);
    flock(writer->directory, LOCK_UN);
}

static int prepare(struct writer *writer, struct error *err)
{
    ssize_t count = recv(SOCKET_FD, &writer->target, sizeof(writer->target), 0);
    if (count != (ssize_t)sizeof(writer->target) ||
        memchr(writer->target.path, '\0', sizeof(writer->target.path)) == NULL ||
        memchr(writer->target.agent, '\0', sizeof(writer->target.agent)) == NULL)
        return error_set(err, EPROTO, "hear what is to be written");
    if (sodium_init() < 0)
        return error_set(err, EIO, "start libsodium");
    secret_wipe_json();
    int result = confine_memory(err);
    if (result == 0)
        result = find(writer, err);
    return result < 0 ? result : confine_to_directory(writer->directory_path, err);
}

/* What is there is the caller's own, and its tokens are still those that the session began with. */
static enum redeem_outcome judge(const struct writer *writer, const char *text, size_t size,
                                 struct error *err)
{
    uint8_t digest[CAPABILITY_DIGEST_BYTES];
    struct stat status;
    /* No login any more is logged out. */
    if (login_renewal_digest(writer->target.agent, text, size, digest, err) < 0 ||
        sodium_memcmp(digest, writer->target.digest, sizeof(digest)) != 0)
        return REDEEM_OUTCOME_CHANGED;
    if (fstatat(writer->directory, writer->name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISREG(status.st_mode) || status.st_uid != geteuid()) {
        error_set(err, EPERM, "replace '%s'", writer->target.path);
        return REDEEM_OUTCOME_FAILED;
    }
    return REDEEM_OUTCOME_WRITTEN;
}

/* SIZE bytes at TEXT are what is there, to the byte. */
static bool is_still(const struct writer *writer, const char *text, size_t size)
{
    struct error err = ERROR_INITIALIZER;
    char *now = NULL;
    size_t now_size = 0;
    if (fd_read_file(writer->directory, writer->name, REDEEM_SECRET_BYTES_MAX, &now, &now_size,
                     &err) < 0)
        return false;
    bool is_same = now_size == size && memcmp(now, text, size) == 0;
    sodium_memzero(now, now_size);
    free(now);
    return is_same;
}

/* The broker has ended, or told by now that nothing came of it. What it is confined by keeps its
 * end from killing us. */
static bool is_alone(void)
{
    struct pollfd wait = {.fd = SOCKET_FD};
    return poll(&wait, 1, 0) > 0;
}

/* LENGTH bytes at RENEWED take the place of SIZE bytes at TEXT. 0, -EAGAIN when those have changed
 * meanwhile, or -errno. */
static int put(const struct writer *writer, const char *renewed, size_t length, const char *text,
               size_t size, struct error *err)
{
    (void)unlinkat(writer->directory, writer->temporary, 0);
    int result = fd_write_new(writer->directory, writer->temporary, renewed, length, 0600, err);
    if (result < 0)
        return result;
    /* As late as can be: there is no call that replaces what it has compared. */
    if (!is_still(writer, text, size))
        result = -EAGAIN;
    else if (is_alone())
        result = error_set(err, EPIPE, "write '%s'", writer->target.path);
    else if (renameat(writer->directory, writer->temporary, writer->directory, writer->name) < 0)
        result = error_set(err, errno, "write '%s'", writer->target.path);
    if (result < 0)
        (void)unlinkat(writer->directory, writer->temporary, 0);
    else if (fsync(writer->directory) < 0)
        result = error_set(err, errno, "write '%s'", writer->target.path);
    return result;
}

/* *IS_LATE: it changed while it was written. */
static enum redeem_outcome replace(const struct writer *writer, const json_t *renewal,
                                   const char *text, size_t size, bool *is_late, struct error *err)
{
    char *renewed = NULL;
    int result = login_renewal_apply(writer->target.agent, renewal, text, size, &renewed, err);
    if (result == -ENODATA)
        return REDEEM_OUTCOME_UNCHANGED;
    if (result < 0)
        return REDEEM_OUTCOME_MALFORMED;
    size_t length = strlen(renewed);
    result = put(writer, renewed, length, text, size, err);
    sodium_memzero(renewed, length);
    free(renewed);
    *is_late = result == -EAGAIN;
    if (*is_late)
        return REDEEM_OUTCOME_CHANGED;
    return result < 0 ? REDEEM_OUTCOME_FAILED : REDEEM_OUTCOME_WRITTEN;
}

static enum redeem_outcome try_once(const struct writer *writer, const json_t *renewal,
                                    bool *is_late, struct error *err)
{
    char *text = NULL;
    size_t size = 0;
    int result =
        fd_read_file(writer->directory, writer->name, REDEEM_SECRET_BYTES_MAX, &text, &size, err);
    /* Logged out meanwhile. */
    if (result == -ENOENT)
        return REDEEM_OUTCOME_CHANGED;
    if (result < 0)
        return REDEEM_OUTCOME_FAILED;
    enum redeem_outcome outcome = judge(writer, text, size, err);
    if (outcome == REDEEM_OUTCOME_WRITTEN)
        outcome = replace(writer, renewal, text, size, is_late, err);
    sodium_memzero(text, size);
    free(text);
    return outcome;
}

static enum redeem_outcome write_back(const struct writer *writer, const json_t *renewal,
                                      struct error *err)
{
    enum redeem_outcome outcome = REDEEM_OUTCOME_FAILED;
    bool is_late = lock(writer, err) == 0;
    for (int i = 0; i < TRIES && is_late; i++) {
        is_late = false;
        outcome = try_once(writer, renewal, &is_late, err);
    }
    return outcome;
}

static void say(uint32_t outcome, const struct error *err)
{
    struct writer_answer answer = {.outcome = outcome};
    snprintf(answer.detail, sizeof(answer.detail), "%.250s", err->message);
    (void)send(SOCKET_FD, &answer, sizeof(answer), MSG_NOSIGNAL);
}

/* One document, or the end of the broker. */
static void serve(const struct writer *writer)
{
    static char text[REDEEM_SECRET_BYTES_MAX];
    struct error err = ERROR_INITIALIZER;
    enum redeem_outcome outcome = REDEEM_OUTCOME_MALFORMED;
    ssize_t count;
    do
        count = recv(SOCKET_FD, text, sizeof(text), 0);
    while (count < 0 && errno == EINTR);
    if (count <= 0)
        return;
    json_t *renewal = json_loadb(text, (size_t)count, JSON_REJECT_DUPLICATES, NULL);
    sodium_memzero(text, sizeof(text));
    if (json_is_object(renewal))
        outcome = write_back(writer, renewal, &err);
    json_decref(renewal);
    say(outcome, &err);
}

int writer_run(int socket)
{
    static struct writer writer = {.directory = -1};
    struct error err = ERROR_INITIALIZER;
    if (socket != SOCKET_FD && dup2(socket, SOCKET_FD) < 0)
        return EXIT_AUDIT;
    sys_close_range(SOCKET_FD + 1, UINT_MAX, 0);
    fd_set_close_on_exec(SOCKET_FD, true);
    umask(0077);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    int result = prepare(&writer, &err);
    if (result == 0)
        sweep(&writer);
    say(result < 0 ? REDEEM_OUTCOME_FAILED : WRITER_READY, &err);
    if (result == 0)
        serve(&writer);
    cleanup_close(&writer.directory);
    return result < 0 ? EXIT_AUDIT : 0;
}
