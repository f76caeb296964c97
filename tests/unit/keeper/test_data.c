/* An agent's data over the root channel, with a real keeper and the program that it runs. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/host/data_store.h"
#include "lib/wire/data_message.h"
#include "lib/wire/session.h"
#include "tests/unit/keeper/fixture.h"

static void set_agent(struct session_state *state, void *context)
{
    (void)context;
    free(state->agent);
    state->agent = strdup("claude");
}

/* A keeper of a session of claude; we are root in its container. The channel. */
static int begin(struct fixture *fixture)
{
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(session_state_update(fixture->session, set_agent, NULL, &err), 0);
    fixture_start_keeper(fixture, getuid());
    int fd = fixture_greet(fixture, CHANNEL_ROLE_BOOT);
    assert_true(fd >= 0);
    return fd;
}

struct answer {
    enum data_outcome outcome;
    uint64_t offset;
    size_t count;
    char bytes[DATA_CHUNK_BYTES];
    struct error err;
};

static void ask(int fd, enum data_action action, uint64_t offset, const char *bytes,
                struct answer *answer)
{
    struct data_exchange exchange = {.channel = fd,
                                     .action = action,
                                     .offset = offset,
                                     .bytes = bytes,
                                     .count = bytes != NULL ? strlen(bytes) : 0,
                                     .answer = answer->bytes,
                                     .answer_size = sizeof(answer->bytes),
                                     .timeout_ms = 20000};
    answer->err = (struct error)ERROR_INITIALIZER;
    if (data_exchange_run(&exchange, &answer->err) != 0)
        fail_msg("%s", error_text(&answer->err));
    answer->outcome = exchange.outcome;
    answer->offset = exchange.answer_offset;
    answer->count = exchange.answer_count;
}

/* The path of the spool; whether there is one. */
static bool has_spool(const struct fixture *fixture, bool is_whole)
{
    char name[DATA_SPOOL_SIZE], path[PATH_MAX];
    data_spool_name(name, "claude", fixture->session, is_whole);
    assert_int_equal(path_format(path, "%s/state/coding-agents/data/%s", fixture->directory, name),
                     0);
    return access(path, F_OK) == 0;
}

static void gives_an_archive_and_lets_go_of_it(void **state)
{
    struct fixture *fixture = *state;
    static struct answer answer;
    cleanup_fd int fd = begin(fixture);
    ask(fd, DATA_IMPORT_READ, 0, NULL, &answer);
    assert_int_equal(answer.outcome, DATA_REFUSED);
    ask(fd, DATA_IMPORT_BEGIN, 0, NULL, &answer);
    assert_int_equal(answer.outcome, DATA_DONE);
    assert_int_equal(answer.count, sizeof(struct data_terms));
    uint64_t size = answer.offset;
    assert_true(size > 0);
    ask(fd, DATA_IMPORT_READ, 0, NULL, &answer);
    assert_int_equal(answer.count, size);
    ask(fd, DATA_IMPORT_READ, size, NULL, &answer);
    assert_int_equal(answer.count, 0);
    ask(fd, DATA_IMPORT_READ, 0, NULL, &answer);
    assert_int_equal(answer.outcome, DATA_REFUSED);
    cleanup_close(&fd);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "data-given"), 1);
    /* It had a history, and nothing came back. */
    assert_int_equal(fixture_count(log, "data-refused"), 3);
    assert_non_null(strstr(log, "the session ended before it gave back what the agent left"));
}

/* As often as it likes, a session would fill the host's disk, and keep all others waiting. */
static void serves_each_direction_once(void **state)
{
    struct fixture *fixture = *state;
    static struct answer answer;
    cleanup_fd int fd = begin(fixture);
    ask(fd, DATA_IMPORT_BEGIN, 0, NULL, &answer);
    assert_int_equal(answer.outcome, DATA_DONE);
    ask(fd, DATA_IMPORT_BEGIN, 0, NULL, &answer);
    assert_int_equal(answer.outcome, DATA_REFUSED);
    assert_non_null(strstr(error_text(&answer.err), "was given its data already"));
    /* The refusal takes nothing away. */
    ask(fd, DATA_IMPORT_READ, 0, NULL, &answer);
    assert_int_equal(answer.outcome, DATA_DONE);
    ask(fd, DATA_EXPORT_BEGIN, 0, NULL, &answer);
    ask(fd, DATA_EXPORT_WRITE, 0, "no archive", &answer);
    ask(fd, DATA_EXPORT_END, 10, NULL, &answer);
    assert_int_equal(answer.outcome, DATA_REFUSED);
    ask(fd, DATA_EXPORT_BEGIN, 0, NULL, &answer);
    assert_int_equal(answer.outcome, DATA_REFUSED);
    assert_non_null(strstr(error_text(&answer.err), "gave its data back already"));
    ask(fd, DATA_EXPORT_END, 10, NULL, &answer);
    assert_int_equal(answer.outcome, DATA_REFUSED);
    cleanup_close(&fd);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "data-given"), 1);
}

/* Opens NAME in the directory of all data, made when it is missing, and locks it. */
static int lock(const struct fixture *fixture, const char *name)
{
    char path[PATH_MAX];
    assert_int_equal(path_format(path, "%s/state/coding-agents/data", fixture->directory), 0);
    assert_int_equal(path_make_directories(path, 0700, NULL), 0);
    assert_int_equal(path_format(path, "%s/state/coding-agents/data/%s", fixture->directory, name),
                     0);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    return fd;
}

/* Who asks again before the answer is refused, and neither loses its connection nor the answer. */
static void refuses_while_it_is_busy(void **state)
{
    struct fixture *fixture = *state;
    static struct answer answer;
    const struct data_message end = {.action = DATA_EXPORT_END, .offset = 10};
    cleanup_fd int fd = begin(fixture);
    ask(fd, DATA_EXPORT_BEGIN, 0, NULL, &answer);
    ask(fd, DATA_EXPORT_WRITE, 0, "no archive", &answer);
    /* Another session merges. */
    cleanup_fd int held = lock(fixture, ".claude.lock");
    assert_int_equal(channel_send_frame(fd, CHANNEL_DATA, &end, sizeof(end)), 0);
    ask(fd, DATA_EXPORT_END, 0, NULL, &answer);
    assert_int_equal(answer.outcome, DATA_REFUSED);
    assert_non_null(strstr(error_text(&answer.err), "is not answered yet"));
    assert_true(has_spool(fixture, true));
    cleanup_close(&held);
    const struct channel_wait wait = {.type = CHANNEL_DATA_ANSWER,
                                      .data = answer.bytes,
                                      .room = sizeof(answer.bytes),
                                      .timeout_ms = 20000};
    const void *payload = NULL;
    size_t size = 0;
    assert_int_equal(channel_await(fd, &wait, &payload, &size, NULL), 0);
    assert_false(has_spool(fixture, true));
    ask(fd, DATA_IMPORT_BEGIN, 0, NULL, &answer);
    assert_int_equal(answer.outcome, DATA_DONE);
    cleanup_close(&fd);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "\"refusal\""), 0);
    assert_int_equal(fixture_count(log, "is refused: it is no archive"), 1);
}

/* Whoever removes what is left over holds its lock for a moment. */
static void waits_for_a_lock_that_is_let_go(void **state)
{
    struct fixture *fixture = *state;
    static struct answer answer;
    char name[DATA_SPOOL_SIZE];
    cleanup_fd int fd = begin(fixture);
    data_spool_name(name, "claude", fixture->session, false);
    cleanup_fd int held = lock(fixture, name);
    pid_t pid = fork();
    if (pid == 0) {
        usleep(40000);
        _exit(flock(held, LOCK_UN));
    }
    ask(fd, DATA_EXPORT_BEGIN, 0, NULL, &answer);
    assert_int_equal(answer.outcome, DATA_DONE);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    ask(fd, DATA_EXPORT_END, 0, NULL, &answer);
    cleanup_close(&fd);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "data-refused"), 0);
}

/* What a keeper left is on record once it is gone, and what nobody took goes with its keeper. */
static void records_what_others_left(void **state)
{
    struct fixture *fixture = *state;
    static struct answer answer;
    char path[PATH_MAX];
    cleanup_fd int fd = begin(fixture);
    cleanup_fd int left = lock(fixture, ".claude.abcdefg2.tar");
    cleanup_close(&left);
    assert_int_equal(path_format(path, "%s/state/coding-agents/sessions/%s/data.tar",
                                 fixture->directory, fixture->session),
                     0);
    ask(fd, DATA_IMPORT_BEGIN, 0, NULL, &answer);
    assert_int_equal(answer.outcome, DATA_DONE);
    support_write(path, "x", 1);
    cleanup_close(&fd);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "\"left_by\":\"abcdefg2\""), 1);
    assert_int_equal(access(path, F_OK), -1);
}

static void takes_bytes_in_their_order_only(void **state)
{
    struct fixture *fixture = *state;
    static struct answer answer;
    cleanup_fd int fd = begin(fixture);
    ask(fd, DATA_EXPORT_WRITE, 0, "early", &answer);
    assert_int_equal(answer.outcome, DATA_REFUSED);
    ask(fd, DATA_EXPORT_BEGIN, 0, NULL, &answer);
    assert_int_equal(answer.outcome, DATA_DONE);
    ask(fd, DATA_EXPORT_WRITE, 0, "12345", &answer);
    assert_int_equal(answer.offset, 5);
    assert_true(has_spool(fixture, false));
    ask(fd, DATA_EXPORT_WRITE, 4, "56", &answer);
    assert_int_equal(answer.outcome, DATA_REFUSED);
    assert_non_null(strstr(error_text(&answer.err), "not where it ended"));
    /* Refused once, all of it is: the rest makes no archive. */
    assert_false(has_spool(fixture, false));
    ask(fd, DATA_EXPORT_END, 5, NULL, &answer);
    assert_int_equal(answer.outcome, DATA_REFUSED);
    /* Anew, and then nothing after all. */
    ask(fd, DATA_EXPORT_BEGIN, 0, NULL, &answer);
    ask(fd, DATA_EXPORT_WRITE, 0, "12345", &answer);
    ask(fd, DATA_EXPORT_END, 0, NULL, &answer);
    assert_int_equal(answer.outcome, DATA_DONE);
    assert_false(has_spool(fixture, false) || has_spool(fixture, true));
    cleanup_close(&fd);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "data-merged"), 0);
    assert_int_equal(fixture_count(log, "data-refused"), 3);
}

static void refuses_what_is_no_archive(void **state)
{
    struct fixture *fixture = *state;
    static struct answer answer;
    cleanup_fd int fd = begin(fixture);
    ask(fd, DATA_EXPORT_BEGIN, 0, NULL, &answer);
    ask(fd, DATA_EXPORT_WRITE, 0, "no archive", &answer);
    ask(fd, DATA_EXPORT_END, 10, NULL, &answer);
    assert_int_equal(answer.outcome, DATA_REFUSED);
    assert_non_null(strstr(error_text(&answer.err), "is refused"));
    assert_false(has_spool(fixture, false) || has_spool(fixture, true));
    cleanup_close(&fd);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "data-refused"), 1);
}

static void throws_half_of_one_away(void **state)
{
    struct fixture *fixture = *state;
    static struct answer answer;
    cleanup_fd int fd = begin(fixture);
    ask(fd, DATA_EXPORT_BEGIN, 0, NULL, &answer);
    ask(fd, DATA_EXPORT_WRITE, 0, "half", &answer);
    /* Another connection of boot's has nothing to do with it. */
    cleanup_fd int other = fixture_greet(fixture, CHANNEL_ROLE_BOOT);
    assert_true(other >= 0);
    cleanup_close(&fd);
    while (has_spool(fixture, false))
        usleep(1000);
    ask(other, DATA_EXPORT_END, 4, NULL, &answer);
    assert_int_equal(answer.outcome, DATA_REFUSED);
    cleanup_close(&other);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "the session ended before all of what it left had come"),
                     1);
}

/* Frames that are none cost the connection, from whoever is not boot as well. */
static void hangs_up_on_what_is_no_request(void **state)
{
    struct fixture *fixture = *state;
    const struct data_message good = {.action = DATA_IMPORT_BEGIN};
    const struct data_message unknown = {.action = 77};
    struct {
        struct data_message head;
        char more[8];
    } long_one = {.head = good};
    const struct {
        enum channel_role role;
        const void *data;
        size_t size;
    } rows[] = {
        {CHANNEL_ROLE_BOOT, &unknown, sizeof(unknown)},
        {CHANNEL_ROLE_BOOT, &good, sizeof(good) - 1},
        {CHANNEL_ROLE_BOOT, &long_one, sizeof(long_one)},
        {CHANNEL_ROLE_INIT, &good, sizeof(good)},
        {CHANNEL_ROLE_RUNNER, &good, sizeof(good)},
        {CHANNEL_ROLE_LAUNCHER, &good, sizeof(good)},
    };
    cleanup_fd int fd = begin(fixture);
    cleanup_close(&fd);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char frame[64];
        cleanup_fd int peer = fixture_greet(fixture, rows[i].role);
        const struct channel_wait wait = {
            .type = CHANNEL_DATA_ANSWER, .data = frame, .room = sizeof(frame), .timeout_ms = 20000};
        const void *payload = NULL;
        size_t size = 0;
        assert_true(peer >= 0);
        assert_int_equal(channel_send_frame(peer, CHANNEL_DATA, rows[i].data, rows[i].size), 0);
        assert_int_equal(channel_await(peer, &wait, &payload, &size, NULL), -ECONNRESET);
    }
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "data-refused"), 0);
}

static void has_nothing_to_do_with_an_agent_without_places(void **state)
{
    struct fixture *fixture = *state;
    static struct answer answer;
    fixture_start_keeper(fixture, getuid());
    cleanup_fd int fd = fixture_greet(fixture, CHANNEL_ROLE_BOOT);
    ask(fd, DATA_IMPORT_BEGIN, 0, NULL, &answer);
    assert_int_equal(answer.outcome, DATA_UNWANTED);
    ask(fd, DATA_EXPORT_BEGIN, 0, NULL, &answer);
    assert_int_equal(answer.outcome, DATA_UNWANTED);
    cleanup_close(&fd);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "data-refused"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(gives_an_archive_and_lets_go_of_it),
        FIXTURE_TEST(serves_each_direction_once),
        FIXTURE_TEST(refuses_while_it_is_busy),
        FIXTURE_TEST(waits_for_a_lock_that_is_let_go),
        FIXTURE_TEST(records_what_others_left),
        FIXTURE_TEST(takes_bytes_in_their_order_only),
        FIXTURE_TEST(refuses_what_is_no_archive),
        FIXTURE_TEST(throws_half_of_one_away),
        FIXTURE_TEST(hangs_up_on_what_is_no_request),
        FIXTURE_TEST(has_nothing_to_do_with_an_agent_without_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
