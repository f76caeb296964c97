/* The keeper itself: it starts, records, survives its own death, and ends. */
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
#include "lib/wire/session.h"
#include "tests/unit/keeper/fixture.h"

static void records_what_its_roles_say(void **state)
{
    fixture_needs_root();
    struct fixture *fixture = *state;
    fixture_start_keeper(fixture, CONTAINER_ROOT);
    fixture_open_to_all(fixture);
    assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, fixture_boot_sends_a_step), 0);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "\"event\":\"boot-step\""), 1);
    assert_int_equal(fixture_count(log, "\"program\":\"boot\",\"uid\":100000"), 1);
    assert_int_equal(fixture_count(log, "\"event\":\"session-end\""), 1);
    assert_int_equal(fixture_count(log, "nothing was started: the test is done"), 1);
    assert_int_equal(fixture_count(log, "\"event\":\"limit-hit\""), 0);
}

static void notes_the_end_in_the_state(void **state)
{
    struct fixture *fixture = *state;
    struct session_state *record = NULL;
    fixture_start_keeper(fixture, CONTAINER_ROOT);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(session_state_load(fixture->session, &record, NULL), 0);
    assert_int_equal(record->phase, SESSION_ENDED);
    assert_int_equal(record->exit_code, -1);
    assert_string_equal(record->cause, "nothing was started: the test is done");
    assert_int_equal(strlen(record->ended_at), 27);
    session_state_free(record);
}

static void leaves_a_whole_log_when_killed(void **state)
{
    fixture_needs_root();
    struct fixture *fixture = *state;
    struct audit_chain chain;
    char line[512];
    fixture_start_keeper(fixture, CONTAINER_ROOT);
    fixture_open_to_all(fixture);
    assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, fixture_boot_sends_a_step), 0);
    assert_int_equal(kill(fixture_keeper_pid(fixture), SIGKILL), 0);
    fixture_hear(fixture, line);
    assert_string_equal(line, "");
    assert_int_equal(audit_log_verify(fixture->log, &chain, NULL), 0);
    /* The key, and the step. */
    assert_int_equal(chain.count, 2);
    assert_false(chain.is_closed);
    char first_key[AUDIT_PUBLIC_KEY_SIZE];
    memcpy(first_key, chain.key, sizeof(first_key));
    /* Its successor takes the log and the socket over. */
    close(fixture->control);
    fixture_start_keeper(fixture, CONTAINER_ROOT);
    fixture_open_to_all(fixture);
    assert_int_equal(fixture_run_as(CONTAINER_ROOT, fixture, fixture_boot_sends_a_step), 0);
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "\"event\":\"boot-step\""), 2);
    /* It has a key of its own, since nobody has the dead one's. */
    assert_int_equal(audit_log_verify(fixture->log, &chain, NULL), 0);
    assert_true(chain.is_signed);
    assert_string_not_equal(chain.key, first_key);
}

/* The key is in the log, in its copy and in the state; its secret half is locked, and in no helper.
 */
static void records_its_key_before_anything(void **state)
{
    struct fixture *fixture = *state;
    struct session_state *record = NULL;
    struct audit_chain chain;
    char path[PATH_MAX];
    size_t size = 0;
    fixture_start_keeper(fixture, CONTAINER_ROOT);
    pid_t pid = fixture_keeper_pid(fixture);
    assert_int_equal(session_state_load(fixture->session, &record, NULL), 0);
    assert_int_equal(audit_log_verify(fixture->log, &chain, NULL), 0);
    assert_int_equal(chain.count, 1);
    assert_string_equal(record->audit_key, chain.key);
    session_state_free(record);
    snprintf(path, sizeof(path), "%.4000s/state/coding-agents/security-events.log",
             fixture->directory);
    cleanup_free char *copies = support_read(path, &size);
    assert_int_equal(fixture_count(copies, chain.key), 1);
    if (geteuid() == 0) {
        snprintf(path, sizeof(path), "/proc/%d/status", pid);
        cleanup_free char *status = support_read(path, &size);
        const char *locked = strstr(status, "VmLck:");
        assert_non_null(locked);
        assert_true(strtol(locked + strlen("VmLck:"), NULL, 10) > 0);
    }
    cleanup_free char *log = fixture_finish(fixture);
    assert_int_equal(fixture_count(log, "\"event\":\"audit-key\""), 1);
}

static void is_private_and_alone(void **state)
{
    struct fixture *fixture = *state;
    char path[PATH_MAX], line[512];
    struct stat status;
    fixture_start_keeper(fixture, CONTAINER_ROOT);
    pid_t pid = fixture_keeper_pid(fixture);
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
    cleanup_free char *log = fixture_finish(fixture);
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
        execl(fixture_keeper_program(), fixture_keeper_program(), "--session", fixture->session,
              "--control-fd", fd_text, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    fixture->control = ends[0];
    waitpid(pid, NULL, 0);
    fixture_hear(fixture, line);
    assert_int_equal(strncmp(line, "FAILED ", 7), 0);
    assert_non_null(strstr(line, "line 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(records_what_its_roles_say),
        FIXTURE_TEST(notes_the_end_in_the_state),
        FIXTURE_TEST(leaves_a_whole_log_when_killed),
        FIXTURE_TEST(records_its_key_before_anything),
        FIXTURE_TEST(is_private_and_alone),
        FIXTURE_TEST(ends_with_its_own_words_when_it_cannot_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
