/* A real keeper for tests: started as the launcher starts it, visited by peers of other uids,
 * ended, its log proven. */
#include "tests/unit/keeper/fixture.h"

#include <errno.h>
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
#include "lib/wire/session.h"

const char *fixture_keeper_program(void)
{
    static char program[PATH_MAX];
    char directory[PATH_MAX];
    assert_int_equal(path_of_program(directory, NULL), 0);
    assert_int_equal(
        path_format(program, "%s/../../host/libexec/coding-agents/coding-agents-keeper", directory),
        0);
    return program;
}

void fixture_say(const struct fixture *fixture, const char *line)
{
    assert_int_equal(send(fixture->control, line, strlen(line), MSG_NOSIGNAL),
                     (ssize_t)strlen(line));
}

/* One line of the keeper, or "" at its end. */
void fixture_hear(const struct fixture *fixture, char line[512])
{
    size_t used = 0;
    struct pollfd wait = {.fd = fixture->control, .events = POLLIN};
    while (used < 511 && poll(&wait, 1, 20000) == 1 &&
           recv(fixture->control, line + used, 1, 0) == 1 && line[used] != '\n')
        used++;
    line[used] = '\0';
}

void fixture_start_keeper(struct fixture *fixture, uid_t container_root)
{
    char fd_text[16], uid_text[16], line[512];
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    snprintf(fd_text, sizeof(fd_text), "%d", ends[1]);
    snprintf(uid_text, sizeof(uid_text), "%u", container_root);
    const char *program = fixture_keeper_program();
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        execl(program, program, "--session", fixture->session, "--control-fd", fd_text,
              "--container-root-uid", uid_text, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    fixture->control = ends[0];
    waitpid(pid, NULL, 0);
    fixture_hear(fixture, line);
    assert_string_equal(line, "READY");
}

int fixture_prepare(void **state)
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
void fixture_needs_root(void)
{
    if (geteuid() != 0)
        skip();
}

void fixture_open_to_all(const struct fixture *fixture)
{
    char path[PATH_MAX];
    assert_int_equal(path_format(path, "%s/run/coding-agents", fixture->directory), 0);
    assert_int_equal(chmod(path, 0711), 0);
    assert_int_equal(
        path_format(path, "%s/run/coding-agents/%s", fixture->directory, fixture->session), 0);
    assert_int_equal(chmod(path, 0711), 0);
}

int fixture_dispose(void **state)
{
    struct fixture *fixture = *state;
    cleanup_close(&fixture->control);
    support_directory_remove(fixture->directory);
    free(fixture);
    return 0;
}

/* Lets the keeper end and proves the log. The text is owned by the caller. */
char *fixture_finish(struct fixture *fixture)
{
    char line[512];
    struct audit_chain chain;
    struct error err = ERROR_INITIALIZER;
    size_t size = 0;
    fixture_say(fixture, "ABANDON the test is done\n");
    fixture_hear(fixture, line);
    assert_string_equal(line, "ENDED -1");
    fixture_hear(fixture, line);
    assert_string_equal(line, "");
    if (audit_log_verify(fixture->log, &chain, &err) != 0)
        fail_msg("%s", error_text(&err));
    assert_true(chain.is_closed && chain.is_signed);
    assert_int_equal(access(fixture->socket, F_OK), -1);
    return support_read(fixture->log, &size);
}

size_t fixture_count(const char *text, const char *needle)
{
    size_t found = 0;
    for (const char *at = strstr(text, needle); at != NULL; at = strstr(at + 1, needle))
        found++;
    return found;
}

/* Runs WORK in a child of another uid; its return value is the child's. */
int fixture_run_as(uid_t uid, const struct fixture *fixture,
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

int fixture_greet(const struct fixture *fixture, enum channel_role role)
{
    return channel_connect(fixture->socket, role, fixture->session, 2000, NULL);
}

json_t *fixture_step_fields(void)
{
    return json_pack("{s:s, s:i, s:s}", "step", "git", "duration_us", 5, "outcome", "up");
}

int fixture_boot_sends_a_step(const struct fixture *fixture)
{
    int fd = fixture_greet(fixture, CHANNEL_ROLE_BOOT);
    if (fd < 0)
        return 1;
    if (channel_send_event(fd, AUDIT_BOOT_STEP, fixture_step_fields(), NULL) < 0)
        return 2;
    return channel_flush(fd, 5000, NULL) == 0 ? 0 : 3;
}

int fixture_greets_as_boot(const struct fixture *fixture)
{
    return fixture_greet(fixture, CHANNEL_ROLE_BOOT) >= 0 ? 0 : 1;
}

int fixture_greets_as_launcher(const struct fixture *fixture)
{
    return fixture_greet(fixture, CHANNEL_ROLE_LAUNCHER) >= 0 ? 0 : 1;
}

pid_t fixture_keeper_pid(const struct fixture *fixture)
{
    struct ucred credentials = {.pid = 0};
    socklen_t size = sizeof(credentials);
    cleanup_fd int fd =
        channel_connect(fixture->socket, CHANNEL_ROLE_LAUNCHER, fixture->session, 2000, NULL);
    assert_true(fd >= 0);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size), 0);
    return credentials.pid;
}
