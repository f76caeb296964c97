/* The keeper itself over real sockets: who it lets in, what it takes, and what the log says
 * afterwards. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/wire/audit.h"
#include "lib/wire/channel.h"
#include "lib/wire/init_protocol.h"
#include "lib/wire/session.h"
#include "tests/unit/wire/support.h"

/* Root in the container, seen from the host, and a stranger. */
#define CONTAINER_ROOT 100000
#define STRANGER 12345
#define OTHER_SESSION "zzzzzzz7"

struct fixture {
    char directory[PATH_MAX];
    char session[MANIFEST_SESSION_SIZE];
    char socket[PATH_MAX];
    char log[PATH_MAX];
    int control; /* the launcher's end */
};

static char keeper_program[PATH_MAX];

static void say(const struct fixture *fixture, const char *line)
{
    assert_int_equal(send(fixture->control, line, strlen(line), MSG_NOSIGNAL),
                     (ssize_t)strlen(line));
}

/* One line of the keeper, or "" at its end. */
static void hear(const struct fixture *fixture, char line[512])
{
    size_t used = 0;
    struct pollfd wait = {.fd = fixture->control, .events = POLLIN};
    while (used < 511 && poll(&wait, 1, 20000) == 1 &&
           recv(fixture->control, line + used, 1, 0) == 1 && line[used] != '\n')
        used++;
    line[used] = '\0';
}

static void start_keeper(struct fixture *fixture, uid_t container_root)
{
    char fd_text[16], uid_text[16], line[512];
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    snprintf(fd_text, sizeof(fd_text), "%d", ends[1]);
    snprintf(uid_text, sizeof(uid_text), "%u", container_root);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        execl(keeper_program, keeper_program, "--session", fixture->session, "--control-fd",
              fd_text, "--container-root-uid", uid_text, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    fixture->control = ends[0];
    waitpid(pid, NULL, 0);
    hear(fixture, line);
    assert_string_equal(line, "READY");
}

static int prepare(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->control = -1;
    char path[PATH_MAX];
    support_directory_make(fixture->directory);
    /* No docker: these tests are about the channel. */
    setenv("PATH", "/nonexistent", 1);
    assert_int_equal(session_reserve(fixture->session, NULL), 0);
    struct session_state record = {.exit_code = -1, .phase = SESSION_RUNNING};
    memcpy(record.session, fixture->session, sizeof(record.session));
    assert_int_equal(session_state_save(&record, NULL), 0);
    assert_int_equal(session_runtime_directory(fixture->session, path, NULL), 0);
    assert_int_equal(path_format(fixture->socket, "%s/sockets/root.sock", path), 0);
    assert_int_equal(session_state_directory(fixture->session, path, NULL), 0);
    assert_int_equal(path_format(fixture->log, "%s/events.jsonl", path), 0);
    /* Other uids must reach the socket, as a mount lets them. */
    assert_int_equal(chmod(fixture->directory, 0711), 0);
    assert_int_equal(path_format(path, "%s/run", fixture->directory), 0);
    assert_int_equal(chmod(path, 0711), 0);
    *state = fixture;
    return 0;
}

/* Peers of other uids can only be made by root. */
static void needs_root(void)
{
    if (geteuid() != 0)
        skip();
}

static void open_to_all(const struct fixture *fixture)
{
    char path[PATH_MAX];
    assert_int_equal(path_format(path, "%s/run/coding-agents", fixture->directory), 0);
    assert_int_equal(chmod(path, 0711), 0);
    assert_int_equal(
        path_format(path, "%s/run/coding-agents/%s", fixture->directory, fixture->session), 0);
    assert_int_equal(chmod(path, 0711), 0);
}

static int dispose(void **state)
{
    struct fixture *fixture = *state;
    cleanup_close(&fixture->control);
    support_directory_remove(fixture->directory);
    free(fixture);
    return 0;
}

/* Lets the keeper end and proves the log. The text is owned by the caller. */
static char *finish(struct fixture *fixture)
{
    char line[512];
    struct audit_chain chain;
    struct error err = ERROR_INITIALIZER;
    size_t size = 0;
    say(fixture, "ABANDON the test is done\n");
    hear(fixture, line);
    assert_string_equal(line, "ENDED -1");
    hear(fixture, line);
    assert_string_equal(line, "");
    if (audit_log_verify(fixture->log, &chain, &err) != 0)
        fail_msg("%s", error_text(&err));
    assert_true(chain.is_closed);
    assert_int_equal(access(fixture->socket, F_OK), -1);
    return support_read(fixture->log, &size);
}

static size_t count(const char *text, const char *needle)
{
    size_t found = 0;
    for (const char *at = strstr(text, needle); at != NULL; at = strstr(at + 1, needle))
        found++;
    return found;
}

/* Runs WORK in a child of another uid; its return value is the child's. */
static int run_as(uid_t uid, const struct fixture *fixture,
                  int (*work)(const struct fixture *fixture))
{
    pid_t pid = fork();
    if (pid == 0) {
        if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
            _exit(99);
        _exit(work(fixture));
    }
    int status = -1;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int greet(const struct fixture *fixture, enum channel_role role)
{
    return channel_connect(fixture->socket, role, fixture->session, 2000, NULL);
}

static json_t *step_fields(void)
{
    return json_pack("{s:s, s:i, s:s}", "step", "git", "duration_us", 5, "outcome", "up");
}

static int boot_sends_a_step(const struct fixture *fixture)
{
    int fd = greet(fixture, CHANNEL_ROLE_BOOT);
    if (fd < 0)
        return 1;
    if (channel_send_event(fd, AUDIT_BOOT_STEP, step_fields(), NULL) < 0)
        return 2;
    return channel_flush(fd, 5000, NULL) == 0 ? 0 : 3;
}

static void records_what_its_roles_say(void **state)
{
    needs_root();
    struct fixture *fixture = *state;
    start_keeper(fixture, CONTAINER_ROOT);
    open_to_all(fixture);
    assert_int_equal(run_as(CONTAINER_ROOT, fixture, boot_sends_a_step), 0);
    cleanup_free char *log = finish(fixture);
    assert_int_equal(count(log, "\"event\":\"boot-step\""), 1);
    assert_int_equal(count(log, "\"program\":\"boot\",\"uid\":100000"), 1);
    assert_int_equal(count(log, "\"event\":\"session-end\""), 1);
    assert_int_equal(count(log, "nothing was started: the test is done"), 1);
    assert_int_equal(count(log, "\"event\":\"limit-hit\""), 0);
}

static void notes_the_end_in_the_state(void **state)
{
    struct fixture *fixture = *state;
    struct session_state *record = NULL;
    start_keeper(fixture, CONTAINER_ROOT);
    cleanup_free char *log = finish(fixture);
    assert_int_equal(session_state_load(fixture->session, &record, NULL), 0);
    assert_int_equal(record->phase, SESSION_ENDED);
    assert_int_equal(record->exit_code, -1);
    assert_string_equal(record->cause, "nothing was started: the test is done");
    assert_int_equal(strlen(record->ended_at), 27);
    session_state_free(record);
}

static int greets_as_boot(const struct fixture *fixture)
{
    return greet(fixture, CHANNEL_ROLE_BOOT) >= 0 ? 0 : 1;
}

static int greets_as_launcher(const struct fixture *fixture)
{
    return greet(fixture, CHANNEL_ROLE_LAUNCHER) >= 0 ? 0 : 1;
}

static int greets_for_another_session(const struct fixture *fixture)
{
    return channel_connect(fixture->socket, CHANNEL_ROLE_BOOT, OTHER_SESSION, 2000, NULL) >= 0 ? 0
                                                                                               : 1;
}

static int greets_without_a_role(const struct fixture *fixture)
{
    return greet(fixture, (enum channel_role)9) >= 0 ? 0 : 1;
}

static void lets_in_by_uid_role_and_session(void **state)
{
    needs_root();
    struct fixture *fixture = *state;
    start_keeper(fixture, CONTAINER_ROOT);
    open_to_all(fixture);
    assert_int_equal(run_as(STRANGER, fixture, greets_as_boot), 1);
    assert_int_equal(run_as(STRANGER, fixture, greets_as_boot), 1);
    assert_int_equal(run_as(CONTAINER_ROOT, fixture, greets_as_launcher), 1);
    assert_int_equal(run_as(CONTAINER_ROOT, fixture, greets_for_another_session), 1);
    assert_int_equal(run_as(CONTAINER_ROOT, fixture, greets_without_a_role), 1);
    assert_int_equal(run_as(getuid(), fixture, greets_as_boot), 1);
    assert_int_equal(run_as(CONTAINER_ROOT, fixture, greets_as_boot), 0);
    assert_int_equal(run_as(getuid(), fixture, greets_as_launcher), 0);
    cleanup_free char *log = finish(fixture);
    /* The stranger once, and once more with the sum. */
    assert_int_equal(count(log, "uid 12345: it has no role here"), 1);
    assert_int_equal(count(log, "uid 12345: in all\",\"what\":\"peer"), 1);
    assert_int_equal(count(log, "uid 100000: a role that is not this uid's"), 1);
}

/* Sends one raw datagram after an optional hello; 0 when the keeper hung up. */
static int sends_raw(const struct fixture *fixture, bool with_hello, const void *data, size_t size)
{
    char answer[64];
    int fd = greet(fixture, CHANNEL_ROLE_BOOT);
    if (fd < 0)
        return 1;
    if (!with_hello) {
        struct sockaddr_un address;
        int directory = -1;
        close(fd);
        fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
        if (channel_address(fixture->socket, &address, &directory) < 0 ||
            connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
            return 2;
    }
    int most = 1 << 20;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &most, sizeof(most));
    if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size)
        return 3;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, 3000) == 1 && recv(fd, answer, sizeof(answer), 0) == 0 ? 0 : 4;
}

static int sends_an_event_before_hello(const struct fixture *fixture)
{
    static const struct {
        struct channel_header header;
        char payload[2];
    } frame = {{CHANNEL_MAGIC, CHANNEL_VERSION, CHANNEL_EVENT, 2}, "{}"};
    return sends_raw(fixture, false, &frame, sizeof(frame.header) + 2);
}

static int sends_garbage(const struct fixture *fixture)
{
    return sends_raw(fixture, true, "garbage", 7);
}

static int sends_too_much(const struct fixture *fixture)
{
    static char data[LIMIT_CHANNEL_FRAME_BYTES + 100];
    const struct channel_header header = {CHANNEL_MAGIC, CHANNEL_VERSION, CHANNEL_EVENT,
                                          sizeof(data) - sizeof(header)};
    memcpy(data, &header, sizeof(header));
    return sends_raw(fixture, true, data, sizeof(data));
}

static void hangs_up_on_bad_frames(void **state)
{
    needs_root();
    struct fixture *fixture = *state;
    start_keeper(fixture, CONTAINER_ROOT);
    open_to_all(fixture);
    assert_int_equal(run_as(CONTAINER_ROOT, fixture, sends_an_event_before_hello), 0);
    assert_int_equal(run_as(CONTAINER_ROOT, fixture, sends_garbage), 0);
    assert_int_equal(run_as(CONTAINER_ROOT, fixture, sends_too_much), 0);
    assert_int_equal(run_as(CONTAINER_ROOT, fixture, boot_sends_a_step), 0);
    cleanup_free char *log = finish(fixture);
    assert_int_equal(count(log, "uid 100000: no hello came first"), 1);
    assert_int_equal(count(log, "\"count\":3,\"detail\":\"uid 100000: in all\",\"what\":\"frame\""),
                     1);
    assert_int_equal(count(log, "\"event\":\"boot-step\""), 1);
}

static struct init_event stop_event(void)
{
    return (struct init_event){.version = INIT_PROTOCOL_VERSION,
                               .kind = INIT_EVENT_STOP_REQUESTED,
                               .sequence = 1,
                               .value = SIGTERM};
}

static int init_sends_events(const struct fixture *fixture)
{
    struct init_event event = stop_event();
    int fd = greet(fixture, CHANNEL_ROLE_INIT);
    if (fd < 0)
        return 1;
    channel_send_frame(fd, CHANNEL_INIT_EVENT, &event, sizeof(event));
    event.kind = 99;
    channel_send_frame(fd, CHANNEL_INIT_EVENT, &event, sizeof(event));
    event.kind = INIT_EVENT_SERVICE_READY;
    memset(event.service, 'x', sizeof(event.service));
    channel_send_frame(fd, CHANNEL_INIT_EVENT, &event, sizeof(event));
    memcpy(event.service, "a\x1b[2J", 6);
    channel_send_frame(fd, CHANNEL_INIT_EVENT, &event, sizeof(event));
    memcpy(event.service, "agent", 6);
    channel_send_frame(fd, CHANNEL_INIT_EVENT, &event, sizeof(event));
    channel_send_event(fd, AUDIT_BOOT_STEP, step_fields(), NULL);
    return channel_flush(fd, 5000, NULL) == 0 ? 0 : 2;
}

static int boot_forges_an_init_event(const struct fixture *fixture)
{
    struct init_event event = stop_event();
    int fd = greet(fixture, CHANNEL_ROLE_BOOT);
    if (fd < 0)
        return 1;
    channel_send_frame(fd, CHANNEL_INIT_EVENT, &event, sizeof(event));
    return channel_flush(fd, 5000, NULL) == 0 ? 0 : 2;
}

static void takes_init_events_from_init_alone(void **state)
{
    needs_root();
    struct fixture *fixture = *state;
    start_keeper(fixture, CONTAINER_ROOT);
    open_to_all(fixture);
    assert_int_equal(run_as(STRANGER, fixture, init_sends_events), 1);
    assert_int_equal(run_as(getuid(), fixture, init_sends_events), 1);
    assert_int_equal(run_as(CONTAINER_ROOT, fixture, boot_forges_an_init_event), 0);
    assert_int_equal(run_as(CONTAINER_ROOT, fixture, init_sends_events), 0);
    cleanup_free char *log = finish(fixture);
    assert_int_equal(count(log, "\"event\":\"service\""), 2);
    assert_int_equal(count(log, "\"kind\":\"stop-requested\",\"service\":\"\",\"value\":15"), 1);
    assert_int_equal(count(log, "\"kind\":\"service-ready\",\"service\":\"agent\""), 1);
    assert_int_equal(count(log, "\"event\":\"boot-step\""), 0);
    assert_int_equal(count(log, "boot may not send frames of type 4"), 1);
}

enum { FLOOD = LIMIT_EVENTS_BURST + 3000 };

static int floods(const struct fixture *fixture)
{
    int fd = greet(fixture, CHANNEL_ROLE_BOOT);
    json_t *fields = step_fields();
    if (fd < 0)
        return 1;
    for (int i = 0; i < FLOOD;) {
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        int result = channel_send_event(fd, AUDIT_BOOT_STEP, fields, NULL);
        if (result == -EAGAIN)
            poll(&wait, 1, 1000);
        else if (result < 0)
            return 2;
        else
            i++;
    }
    return channel_flush(fd, 60000, NULL) == 0 ? 0 : 3;
}

/* The sum over records that count drops. */
static uint64_t count_drops(const char *log)
{
    uint64_t dropped = 0;
    for (const char *at = strstr(log, "\"fields\":{\"count\":"); at != NULL;
         at = strstr(at + 1, "\"fields\":{\"count\":"))
        dropped += strtoull(at + strlen("\"fields\":{\"count\":"), NULL, 10);
    return dropped;
}

static void counts_what_a_flood_loses(void **state)
{
    needs_root();
    struct fixture *fixture = *state;
    start_keeper(fixture, CONTAINER_ROOT);
    open_to_all(fixture);
    assert_int_equal(run_as(CONTAINER_ROOT, fixture, floods), 0);
    cleanup_free char *log = finish(fixture);
    size_t kept = count(log, "\"event\":\"boot-step\"");
    assert_in_range(kept, LIMIT_EVENTS_BURST, FLOOD - 1);
    assert_int_equal(kept + count_drops(log), FLOOD);
}

/* Connections that say nothing do not keep the launcher out. */
static int hoards_connections(const struct fixture *fixture)
{
    struct sockaddr_un address;
    int directory = -1, refused = 0;
    if (channel_address(fixture->socket, &address, &directory) < 0)
        return 1;
    for (int i = 0; i < 2 * LIMIT_CHANNEL_CONNECTIONS; i++) {
        int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
            return 2;
        refused += poll(&wait, 1, 200) == 1;
    }
    return refused == LIMIT_CHANNEL_CONNECTIONS + 2 && run_as(0, fixture, greets_as_launcher) != 0
               ? 0
               : 3;
}

static void keeps_places_for_the_host(void **state)
{
    needs_root();
    struct fixture *fixture = *state;
    start_keeper(fixture, CONTAINER_ROOT);
    open_to_all(fixture);
    pid_t pid = fork();
    if (pid == 0) {
        if (setresuid(CONTAINER_ROOT, CONTAINER_ROOT, CONTAINER_ROOT) < 0)
            _exit(99);
        int result = hoards_connections(fixture);
        if (result != 0)
            _exit(result);
        pause();
    }
    sleep(4);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    assert_int_equal(run_as(getuid(), fixture, greets_as_launcher), 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    cleanup_free char *log = finish(fixture);
    assert_int_equal(count(log, "too many connections"), 1);
}

static pid_t keeper_pid(const struct fixture *fixture)
{
    struct ucred credentials = {.pid = 0};
    socklen_t size = sizeof(credentials);
    cleanup_fd int fd =
        channel_connect(fixture->socket, CHANNEL_ROLE_LAUNCHER, fixture->session, 2000, NULL);
    assert_true(fd >= 0);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size), 0);
    return credentials.pid;
}

static void leaves_a_whole_log_when_killed(void **state)
{
    needs_root();
    struct fixture *fixture = *state;
    struct audit_chain chain;
    char line[512];
    start_keeper(fixture, CONTAINER_ROOT);
    open_to_all(fixture);
    assert_int_equal(run_as(CONTAINER_ROOT, fixture, boot_sends_a_step), 0);
    assert_int_equal(kill(keeper_pid(fixture), SIGKILL), 0);
    hear(fixture, line);
    assert_string_equal(line, "");
    assert_int_equal(audit_log_verify(fixture->log, &chain, NULL), 0);
    assert_int_equal(chain.count, 1);
    assert_false(chain.is_closed);
    /* Its successor takes the log and the socket over. */
    close(fixture->control);
    start_keeper(fixture, CONTAINER_ROOT);
    open_to_all(fixture);
    assert_int_equal(run_as(CONTAINER_ROOT, fixture, boot_sends_a_step), 0);
    cleanup_free char *log = finish(fixture);
    assert_int_equal(count(log, "\"event\":\"boot-step\""), 2);
}

static void is_private_and_alone(void **state)
{
    struct fixture *fixture = *state;
    char path[PATH_MAX], line[512];
    struct stat status;
    start_keeper(fixture, CONTAINER_ROOT);
    pid_t pid = keeper_pid(fixture);
    assert_int_equal(getsid(pid) == getsid(0), 0);
    snprintf(path, sizeof(path), "/proc/%d/cwd", pid);
    ssize_t length = readlink(path, line, sizeof(line) - 1);
    if (geteuid() == 0) {
        assert_int_equal(length, 1);
        assert_int_equal(line[0], '/');
    } else {
        /* Undumpable: not even its own user may look into it. */
        assert_int_equal(length, -1);
        assert_int_equal(errno, EACCES);
    }
    assert_int_equal(stat(fixture->socket, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0666);
    snprintf(path, sizeof(path), "%.*s", (int)(strrchr(fixture->socket, '/') - fixture->socket),
             fixture->socket);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0711);
    assert_int_equal(stat(fixture->log, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    cleanup_free char *log = finish(fixture);
}

static void ends_with_its_own_words_when_it_cannot_start(void **state)
{
    struct fixture *fixture = *state;
    char line[512], fd_text[16];
    int ends[2];
    support_write(fixture->log, "broken\n", 7);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    snprintf(fd_text, sizeof(fd_text), "%d", ends[1]);
    pid_t pid = fork();
    if (pid == 0) {
        execl(keeper_program, keeper_program, "--session", fixture->session, "--control-fd",
              fd_text, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    fixture->control = ends[0];
    waitpid(pid, NULL, 0);
    hear(fixture, line);
    assert_int_equal(strncmp(line, "FAILED ", 7), 0);
    assert_non_null(strstr(line, "line 1"));
}

/* clang-format off */
#define TEST(name) cmocka_unit_test_setup_teardown(name, prepare, dispose)
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(notes_the_end_in_the_state),
        TEST(is_private_and_alone),
        TEST(ends_with_its_own_words_when_it_cannot_start),
        TEST(records_what_its_roles_say),
        TEST(lets_in_by_uid_role_and_session),
        TEST(hangs_up_on_bad_frames),
        TEST(takes_init_events_from_init_alone),
        TEST(counts_what_a_flood_loses),
        TEST(keeps_places_for_the_host),
        TEST(leaves_a_whole_log_when_killed),
    };
    char directory[PATH_MAX];
    assert_int_equal(path_of_program(directory, NULL), 0);
    assert_int_equal(path_format(keeper_program,
                                 "%s/../../host/libexec/coding-agents/coding-agents-keeper",
                                 directory),
                     0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
