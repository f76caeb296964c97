/* Who the keeper lets in and what it takes, over real sockets and from other uids. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/wire/init_protocol.h"
#include "tests/attack/linger.h"
#include "tests/unit/keeper/fixture.h"

#define OTHER_SESSION "zzzzzzz7"

static int greets_for_another_session(const struct fixture *fixture)
{
    return channel_connect(fixture->socket, CHANNEL_ROLE_BOOT, OTHER_SESSION, 2000, NULL) >= 0 ? 0
                                                                                               : 1;
}

static int greets_without_a_role(const struct fixture *fixture)
{
    return fixture_greet(fixture, (enum channel_role)9) >= 0 ? 0 : 1;
}

static void lets_in_by_uid_role_and_session(void **state)
{
    fixture_needs_root();
    struct fixture *fixture = *state;
    fixture_start_keeper(fixture, CONTAINER_ROOT);
    fixture_open_to_all(fixture);
    assert_int_equal(fixture_run_as(STRANGER, fixture, fixture_greets_as_boot), 1);
    assert_int_equal(fixture_run_as(STRANGER, fixture, fixture_greets_as_boot), 1);
    assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, fixture_greets_as_launcher), 1);
    assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, greets_for_another_session), 1);
    assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, greets_without_a_role), 1);
    assert_int_equal(fixture_run_as(getuid(), fixture, fixture_greets_as_boot), 1);
    assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, fixture_greets_as_boot), 0);
    assert_int_equal(fixture_run_as(getuid(), fixture, fixture_greets_as_launcher), 0);
    cleanup_free char *log = fixture_finish(fixture);
    /* The stranger once, and once more with the sum. */
    assert_int_equal(fixture_count(log, "uid 12345: it has no role here"), 1);
    assert_int_equal(fixture_count(log, "uid 12345: in all\",\"what\":\"peer"), 1);
    assert_int_equal(fixture_count(log, "uid 100000: a role that is not this uid's"), 1);
}

/* A connection without a hello, or -1. CONTEXT is the fixture. */
static int connect_silently(const void *context)
{
    const struct fixture *fixture = context;
    struct sockaddr_un address;
    cleanup_fd int directory = -1;
    cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (channel_address(fixture->socket, &address, &directory) < 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return -1;
    return steal_fd(&fd);
}

/* Sends one raw datagram after an optional hello; 0 when the keeper hung up. */
static int sends_raw(const struct fixture *fixture, bool with_hello, const void *data, size_t size)
{
    char answer[64];
    int fd = fixture_greet(fixture, CHANNEL_ROLE_BOOT);
    if (fd < 0)
        return 1;
    if (!with_hello) {
        close(fd);
        fd = connect_silently(fixture);
        if (fd < 0)
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
    fixture_needs_root();
    struct fixture *fixture = *state;
    fixture_start_keeper(fixture, CONTAINER_ROOT);
    fixture_open_to_all(fixture);
    assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, sends_an_event_before_hello), 0);
    assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, sends_garbage), 0);
    assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, sends_too_much), 0);
    assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, fixture_boot_sends_a_step), 0);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "uid 100000: no hello came first"), 1);
    assert_int_equal(
        fixture_count(log, "\"count\":3,\"detail\":\"uid 100000: in all\",\"what\":\"frame\""), 1);
    assert_int_equal(fixture_count(log, "\"event\":\"boot-step\""), 1);
}

/* Root of the container, who is heard, and a stranger, who is not even that. */
static void serves_others_whatever_descriptors_come(void **state)
{
    static const uid_t uids[] = {CONTAINER_ROOT, STRANGER};
    fixture_needs_root();
    struct fixture *fixture = *state;
    pid_t standing[ARRAY_LENGTH(uids)];
    fixture_start_keeper(fixture, CONTAINER_ROOT);
    fixture_open_to_all(fixture);
    for (enum linger_way way = 0; way < LINGER_WAYS; way++)
        assert_true(linger_stops_naive(way)); /* the control */
    for (size_t i = 0; i < ARRAY_LENGTH(uids); i++) {
        standing[i] = linger_stand(uids[i], connect_silently, fixture);
        assert_true(standing[i] > 0);
        assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, fixture_boot_sends_a_step), 0);
    }
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "\"event\":\"boot-step\""), ARRAY_LENGTH(uids));
    for (size_t i = 0; i < ARRAY_LENGTH(uids); i++) {
        kill(standing[i], SIGKILL);
        waitpid(standing[i], NULL, 0);
    }
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
    int fd = fixture_greet(fixture, CHANNEL_ROLE_INIT);
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
    channel_send_event(fd, AUDIT_BOOT_STEP, fixture_step_fields(), NULL);
    return channel_flush(fd, 5000, NULL) == 0 ? 0 : 2;
}

static int boot_forges_an_init_event(const struct fixture *fixture)
{
    struct init_event event = stop_event();
    int fd = fixture_greet(fixture, CHANNEL_ROLE_BOOT);
    if (fd < 0)
        return 1;
    channel_send_frame(fd, CHANNEL_INIT_EVENT, &event, sizeof(event));
    return channel_flush(fd, 5000, NULL) == 0 ? 0 : 2;
}

static void takes_init_events_from_init_alone(void **state)
{
    fixture_needs_root();
    struct fixture *fixture = *state;
    fixture_start_keeper(fixture, CONTAINER_ROOT);
    fixture_open_to_all(fixture);
    assert_int_equal(fixture_run_as(STRANGER, fixture, init_sends_events), 1);
    assert_int_equal(fixture_run_as(getuid(), fixture, init_sends_events), 1);
    assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, boot_forges_an_init_event), 0);
    assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, init_sends_events), 0);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "\"event\":\"service\""), 2);
    assert_int_equal(
        fixture_count(log, "\"kind\":\"stop-requested\",\"service\":\"\",\"value\":15"), 1);
    assert_int_equal(fixture_count(log, "\"kind\":\"service-ready\",\"service\":\"agent\""), 1);
    assert_int_equal(fixture_count(log, "\"event\":\"boot-step\""), 0);
    assert_int_equal(fixture_count(log, "boot may not send frames of type 4"), 1);
}

/* Enough for a machine that hardly sends faster than the keeper lets in. */
enum { FLOOD = LIMIT_EVENTS_BURST + 18000 };

static int floods(const struct fixture *fixture)
{
    int fd = fixture_greet(fixture, CHANNEL_ROLE_BOOT);
    json_t *fields = fixture_step_fields();
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
    fixture_needs_root();
    struct fixture *fixture = *state;
    fixture_start_keeper(fixture, CONTAINER_ROOT);
    fixture_open_to_all(fixture);
    assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, floods), 0);
    cleanup_free char *log = fixture_finish(fixture);
    size_t kept = fixture_count(log, "\"event\":\"boot-step\"");
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
    return refused == LIMIT_CHANNEL_CONNECTIONS + LIMIT_CHANNEL_HOST_CONNECTIONS &&
                   fixture_run_as(0, fixture, fixture_greets_as_launcher) != 0
               ? 0
               : 3;
}

static void keeps_places_for_the_host(void **state)
{
    fixture_needs_root();
    struct fixture *fixture = *state;
    fixture_start_keeper(fixture, CONTAINER_ROOT);
    fixture_open_to_all(fixture);
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
    assert_int_equal(fixture_run_as(getuid(), fixture, fixture_greets_as_launcher), 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "too many connections"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(lets_in_by_uid_role_and_session),
        FIXTURE_TEST(hangs_up_on_bad_frames),
        FIXTURE_TEST(takes_init_events_from_init_alone),
        FIXTURE_TEST(counts_what_a_flood_loses),
        FIXTURE_TEST(keeps_places_for_the_host),
        FIXTURE_TEST(serves_others_whatever_descriptors_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
