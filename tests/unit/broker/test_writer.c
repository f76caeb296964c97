/* The process that writes a renewed login: started as a broker starts it, with the host's file
 * changed under its hands, its directory locked, and killed at each of its calls. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host-shim/broker/broker.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/host/login_renewal.h"
#include "tests/unit/broker/stage.h"

#define LOGIN(token) "{\"claudeAiOauth\":{\"accessToken\":\"" token "\"}}"
#define RENEWED LOGIN("renewed-token-0123456789")
#define OWN LOGIN("the-hosts-own")
/* The same tokens, and something else that has changed. */
#define SETTLED(token) "{\"claudeAiOauth\":{\"accessToken\":\"" token "\"},\"mcp\":{\"x\":1}}"

#define CALL_STOP (SIGTRAP | 0x80)
#define ANSWER_MS 10000

struct writer {
    pid_t pid;
    int fd; /* owned */
};

static void path_in_home(char path[PATH_MAX], const char *name)
{
    assert_int_equal(path_format(path, "%s/%s", getenv("HOME"), name), 0);
}

/* As programs replace theirs. */
static void replace_login(const char *text)
{
    char path[PATH_MAX], next[PATH_MAX];
    stage_login_path(path);
    path_in_home(next, "next");
    support_write(next, text, strlen(text));
    assert_int_equal(rename(next, path), 0);
}

/* For the login that is there now; it is ready when this returns. */
static struct writer start_writer(void)
{
    char program[PATH_MAX], fd_text[16];
    struct writer_target target = {.agent = "claude"};
    struct writer_answer answer;
    struct error err = ERROR_INITIALIZER;
    int ends[2];
    size_t size = 0;
    stage_login_path(target.path);
    cleanup_free char *text = support_read(target.path, &size);
    assert_int_equal(login_renewal_digest("claude", text, size, target.digest, &err), 0);
    stage_program(program);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    snprintf(fd_text, sizeof(fd_text), "%d", ends[1]);
    struct writer writer = {.pid = fork(), .fd = ends[0]};
    if (writer.pid == 0) {
        close(ends[0]);
        execl(program, program, "--writer-fd", fd_text, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    assert_int_equal(send(writer.fd, &target, sizeof(target), MSG_NOSIGNAL), sizeof(target));
    assert_int_equal(recv(writer.fd, &answer, sizeof(answer), 0), sizeof(answer));
    assert_int_equal(answer.outcome, WRITER_READY);
    return writer;
}

static void give(const struct writer *writer)
{
    json_t *renewal = NULL;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(login_renewal_read("claude", RENEWED, strlen(RENEWED), &renewal, &err), 0);
    cleanup_free char *text = json_dumps(renewal, JSON_COMPACT);
    json_decref(renewal);
    assert_int_equal(send(writer->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static bool has_answered(const struct writer *writer, int within_ms)
{
    struct pollfd wait = {.fd = writer->fd, .events = POLLIN};
    return poll(&wait, 1, within_ms) == 1;
}

/* What came of it; the writer has ended then. */
static struct writer_answer hear(struct writer *writer)
{
    struct writer_answer answer = {.outcome = WRITER_READY};
    assert_true(has_answered(writer, ANSWER_MS));
    assert_int_equal(recv(writer->fd, &answer, sizeof(answer), 0), sizeof(answer));
    cleanup_close(&writer->fd);
    (void)waitpid(writer->pid, NULL, 0);
    return answer;
}

/* How many files beside the login there are. */
static size_t count_left(void)
{
    char path[PATH_MAX];
    const struct dirent *entry;
    size_t count = 0;
    path_in_home(path, ".claude");
    cleanup_directory DIR *directory = opendir(path);
    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL)
        count += entry->d_name[0] != '.' ||
                 (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0);
    return count - 1;
}

static void link_outside(void)
{
    char path[PATH_MAX], other[PATH_MAX];
    stage_login_path(path);
    path_in_home(other, "outside");
    support_write(other, STAGE_LOGIN, strlen(STAGE_LOGIN));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(other, path), 0);
}

static void link_inside(void)
{
    char path[PATH_MAX], other[PATH_MAX];
    stage_login_path(path);
    path_in_home(other, ".claude/inside");
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink(other, path), 0);
}

static void change_owner(void)
{
    char path[PATH_MAX];
    stage_login_path(path);
    assert_int_equal(chown(path, STAGE_STRANGER_UID, STAGE_STRANGER_UID), 0);
}

static void leave_it(void)
{
}

/* Each has the very bytes that the session began with. */
static void replaces_the_users_own_file_alone(void **state)
{
    struct stage *stage = *state;
    static const struct {
        void (*change)(void);
        enum redeem_outcome outcome;
        const char *detail;
    } cases[] = {
        {leave_it, REDEEM_OUTCOME_WRITTEN, ""},
        /* Outside it cannot even be read. */
        {link_outside, REDEEM_OUTCOME_FAILED, "Permission denied"},
        {link_inside, REDEEM_OUTCOME_FAILED, "Operation not permitted"},
        {change_owner, REDEEM_OUTCOME_FAILED, "Operation not permitted"},
    };
    stage_needs_root();
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char path[PATH_MAX];
        struct stat before, after;
        stage_login_path(path);
        (void)unlink(path);
        stage_write_login(stage, STAGE_LOGIN);
        struct writer writer = start_writer();
        cases[i].change();
        assert_int_equal(lstat(path, &before), 0);
        give(&writer);
        struct writer_answer answer = hear(&writer);
        assert_int_equal(answer.outcome, cases[i].outcome);
        assert_non_null(strstr(answer.detail, cases[i].detail));
        stage_assert_login(cases[i].outcome == REDEEM_OUTCOME_WRITTEN ? RENEWED : STAGE_LOGIN);
        assert_int_equal(lstat(path, &after), 0);
        assert_int_equal(before.st_ino == after.st_ino, cases[i].outcome != REDEEM_OUTCOME_WRITTEN);
    }
}

/* Settings that the host's program changes are no other login: they stay, with the new tokens. */
static void keeps_what_changed_beside_the_tokens(void **state)
{
    struct stage *stage = *state;
    stage_write_login(stage, STAGE_LOGIN);
    struct writer writer = start_writer();
    replace_login(SETTLED(STAGE_TOKEN));
    give(&writer);
    assert_int_equal(hear(&writer).outcome, REDEEM_OUTCOME_WRITTEN);
    stage_assert_login(SETTLED("renewed-token-0123456789"));
    /* Tokens that changed are one, and none at all is logged out. */
    stage_write_login(stage, STAGE_LOGIN);
    writer = start_writer();
    replace_login(OWN);
    give(&writer);
    assert_int_equal(hear(&writer).outcome, REDEEM_OUTCOME_CHANGED);
    stage_assert_login(OWN);
    stage_write_login(stage, STAGE_LOGIN);
    writer = start_writer();
    replace_login("{\"mcp\":{\"x\":1}}");
    give(&writer);
    assert_int_equal(hear(&writer).outcome, REDEEM_OUTCOME_CHANGED);
    stage_assert_login("{\"mcp\":{\"x\":1}}");
}

static int lock_directory(void)
{
    char path[PATH_MAX];
    path_in_home(path, ".claude");
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    return fd;
}

/* Two sessions that end at once write one after the other; who keeps the directory is not waited
 * for. */
static void waits_for_another_writer(void **state)
{
    struct stage *stage = *state;
    stage_write_login(stage, STAGE_LOGIN);
    struct writer writer = start_writer();
    cleanup_fd int held = lock_directory();
    give(&writer);
    assert_false(has_answered(&writer, 500));
    stage_assert_login(STAGE_LOGIN);
    cleanup_close(&held);
    assert_int_equal(hear(&writer).outcome, REDEEM_OUTCOME_WRITTEN);
    stage_assert_login(RENEWED);

    stage_write_login(stage, STAGE_LOGIN);
    writer = start_writer();
    held = lock_directory();
    give(&writer);
    struct writer_answer answer = hear(&writer);
    assert_int_equal(answer.outcome, REDEEM_OUTCOME_FAILED);
    assert_non_null(strstr(answer.detail, "lock"));
    stage_assert_login(STAGE_LOGIN);
    cleanup_close(&held);

    /* Nor does it write once nobody is left to hear of it. */
    writer = start_writer();
    held = lock_directory();
    give(&writer);
    assert_false(has_answered(&writer, 100));
    cleanup_close(&writer.fd);
    cleanup_close(&held);
    (void)waitpid(writer.pid, NULL, 0);
    stage_assert_login(STAGE_LOGIN);
    assert_int_equal(count_left(), 0);
}

/* Gives WRITER its document and follows it call by call: ACT before its call number AT, or, for 0,
 * before its first fsync. False when it ended before. It is reaped. */
static bool follow(const struct writer *writer, unsigned int at, void (*act)(pid_t pid))
{
    const uintptr_t options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD;
    bool has_acted = false;
    unsigned int seen = 0;
    int status = 0;
    assert_int_equal(ptrace(PTRACE_SEIZE, writer->pid, NULL, options), 0);
    assert_int_equal(ptrace(PTRACE_INTERRUPT, writer->pid, NULL, NULL), 0);
    give(writer);
    while (waitpid(writer->pid, &status, __WALL) == writer->pid && WIFSTOPPED(status)) {
        struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};
        if (WSTOPSIG(status) == CALL_STOP)
            (void)ptrace(PTRACE_GET_SYSCALL_INFO, writer->pid, sizeof(info), &info);
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY && !has_acted) {
            has_acted = at == 0 ? info.entry.nr == SYS_fsync : ++seen == at;
            if (has_acted)
                act(writer->pid);
        }
        (void)ptrace(PTRACE_SYSCALL, writer->pid, NULL, NULL);
    }
    return has_acted;
}

static void renew_on_the_host(pid_t pid)
{
    (void)pid;
    replace_login(OWN);
}

static void settle_on_the_host(pid_t pid)
{
    (void)pid;
    replace_login(SETTLED(STAGE_TOKEN));
}

/* Between the look at the host's file and its replacement. */
static void loses_nothing_that_changes_meanwhile(void **state)
{
    struct stage *stage = *state;
    stage_needs_root();
    stage_write_login(stage, STAGE_LOGIN);
    struct writer writer = start_writer();
    assert_true(follow(&writer, 0, renew_on_the_host));
    assert_int_equal(hear(&writer).outcome, REDEEM_OUTCOME_CHANGED);
    stage_assert_login(OWN);
    assert_int_equal(count_left(), 0);
    stage_write_login(stage, STAGE_LOGIN);
    writer = start_writer();
    assert_true(follow(&writer, 0, settle_on_the_host));
    assert_int_equal(hear(&writer).outcome, REDEEM_OUTCOME_WRITTEN);
    stage_assert_login(SETTLED("renewed-token-0123456789"));
    assert_int_equal(count_left(), 0);
}

static void end_it(pid_t pid)
{
    kill(pid, SIGKILL);
}

/* The login is the old one or the new one, and tokens that were on their way do not stay. */
static void leaves_nothing_wherever_it_is_killed(void **state)
{
    struct stage *stage = *state;
    size_t left = 0;
    unsigned int at = 1;
    stage_needs_root();
    for (bool was_killed = true; was_killed; at++) {
        char path[PATH_MAX];
        size_t size = 0;
        stage_write_login(stage, STAGE_LOGIN);
        struct writer writer = start_writer();
        was_killed = follow(&writer, at, end_it);
        cleanup_close(&writer.fd);
        left += count_left();
        stage_login_path(path);
        cleanup_free char *text = support_read(path, &size);
        assert_true(strcmp(text, STAGE_LOGIN) == 0 || strcmp(text, RENEWED) == 0);
        writer = start_writer();
        if (count_left() != 0)
            fail_msg("killed before its call %u it left something for ever", at);
        give(&writer);
        struct writer_answer answer = hear(&writer);
        assert_true(answer.outcome == REDEEM_OUTCOME_WRITTEN ||
                    answer.outcome == REDEEM_OUTCOME_UNCHANGED);
        stage_assert_login(RENEWED);
    }
    /* Some were killed with the tokens half written: there was something to sweep. */
    assert_true(at > 10 && left > 0);
    print_message("killed before each of %u calls, %zu times with tokens beside the login\n",
                  at - 2, left);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(replaces_the_users_own_file_alone),
        STAGE_TEST(keeps_what_changed_beside_the_tokens),
        STAGE_TEST(waits_for_another_writer),
        STAGE_TEST(loses_nothing_that_changes_meanwhile),
        STAGE_TEST(leaves_nothing_wherever_it_is_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
