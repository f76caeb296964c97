/* A login that its agent renewed: that it comes to lie where it was found and nowhere else, and is
 * on record. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "tests/unit/broker/lease.h"
#include "tests/unit/broker/stage.h"

#define NEW_TOKEN "renewed-token-0123456789"
#define RENEWED "{\"claudeAiOauth\":{\"accessToken\":\"" NEW_TOKEN "\"}}"

static void comes_to_lie_where_it_was_found(void **state)
{
    struct stage *stage = *state;
    struct lease lease;
    struct stat before, after;
    char path[PATH_MAX];
    stage_needs_root();
    lease_open(stage, &lease);
    stage_login_path(path);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(lease_renew(&lease, REDEEM_FILE, RENEWED), REDEEM_OUTCOME_WRITTEN);
    stage_assert_login(RENEWED);
    assert_int_equal(stat(path, &after), 0);
    /* Replaced, never written into: who reads has the old one or the new one. */
    assert_true(before.st_ino != after.st_ino);
    assert_int_equal(after.st_mode & 0777, 0600);
    assert_int_equal(stage_hear(stage, "\"outcome\":\"written\"", 1), 1);
    assert_null(strstr(stage->told, NEW_TOKEN));
    /* Once. */
    assert_int_equal(lease_renew(&lease, REDEEM_FILE, STAGE_LOGIN), -REDEEM_REASON_MALFORMED);
    stage_assert_login(RENEWED);
    close(lease.fd);
}

static void through_a_link_to_the_file_itself(void **state)
{
    struct stage *stage = *state;
    struct lease lease;
    struct stat status;
    char path[PATH_MAX], real[PATH_MAX], last[512];
    stage_needs_root();
    stage_write_login(stage, STAGE_LOGIN);
    stage_login_path(path);
    assert_int_equal(path_format(real, "%s/elsewhere", getenv("HOME")), 0);
    assert_int_equal(rename(path, real), 0);
    assert_int_equal(symlink(real, path), 0);
    stage_start(stage, NULL, NULL, last);
    assert_string_equal(last, "READY");
    assert_int_equal(stage_greet(stage, stage->session), REDEEM_OK);
    assert_int_equal(stage_bind(stage, stage->program, STAGE_HOLDER_UID), REDEEM_OK);
    lease_take(stage, &lease);
    assert_int_equal(lease_renew(&lease, REDEEM_FILE, RENEWED), REDEEM_OUTCOME_WRITTEN);
    assert_int_equal(lstat(path, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    stage_assert_login(RENEWED);
    close(lease.fd);
}

static void what_the_host_has_changed_stays(void **state)
{
    struct stage *stage = *state;
    static const char own[] = "{\"claudeAiOauth\":{\"accessToken\":\"the-hosts-own\"}}";
    struct lease lease;
    char path[PATH_MAX];
    stage_needs_root();
    lease_open(stage, &lease);
    stage_write_login(stage, own);
    assert_int_equal(lease_renew(&lease, REDEEM_FILE, RENEWED), REDEEM_OUTCOME_CHANGED);
    stage_assert_login(own);
    close(lease.fd);
    stage_kill(stage);
    /* And where there is none any more, none comes. */
    lease_open(stage, &lease);
    stage_login_path(path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(lease_renew(&lease, REDEEM_FILE, RENEWED), REDEEM_OUTCOME_CHANGED);
    assert_true(access(path, F_OK) < 0);
    close(lease.fd);
}

static void what_is_no_login_stays_out(void **state)
{
    struct stage *stage = *state;
    static const struct {
        enum redeem_kind kind;
        const char *text;
        enum redeem_outcome outcome;
    } tries[] = {
        {REDEEM_FILE, "{broken", REDEEM_OUTCOME_MALFORMED},
        {REDEEM_FILE, "{}", REDEEM_OUTCOME_MALFORMED},
        {REDEEM_FILE, "sk-ant-0123456789", REDEEM_OUTCOME_MALFORMED},
        {REDEEM_VARIABLE, RENEWED, REDEEM_OUTCOME_MALFORMED},
        {REDEEM_FILE, STAGE_LOGIN, REDEEM_OUTCOME_UNCHANGED},
        {REDEEM_FILE, RENEWED, REDEEM_OUTCOME_WRITTEN},
    };
    stage_needs_root();
    for (size_t i = 0; i < ARRAY_LENGTH(tries); i++) {
        struct lease lease;
        lease_open(stage, &lease);
        assert_int_equal(lease_renew(&lease, tries[i].kind, tries[i].text), tries[i].outcome);
        stage_assert_login(tries[i].outcome == REDEEM_OUTCOME_WRITTEN ? RENEWED : STAGE_LOGIN);
        close(lease.fd);
        stage_kill(stage);
    }
}

/* As a user with 8 MiB to lock, who is root and holder of the session at once: 0 when the broker
 * takes each of these documents apart, or does not, and lives. */
static int renew_in_little_memory(void)
{
    static const char *const parts[] = {"{},", "[", "1,", "{\"a\":", "\"\\u00e9\","};
    static const struct rlimit little = {8 << 20, 8 << 20};
    static char text[REDEEM_SECRET_BYTES_MAX + 1];
    uid_t uid = STAGE_HOLDER_UID;
    if (setrlimit(RLIMIT_MEMLOCK, &little) < 0 || setgroups(0, NULL) < 0 ||
        setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
        return 1;
    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
        struct lease lease;
        char granted[512];
        void *state = NULL;
        stage_prepare(&state);
        struct stage *stage = state;
        stage_open(stage, NULL, NULL);
        if (stage_redeem_keeping(stage, granted, &lease.fd, &lease.session, &lease.binding) !=
            REDEEM_OK)
            return 2;
        size_t used =
            (size_t)(stpcpy(text, "{\"claudeAiOauth\":{\"accessToken\":\"a\"},\"x\":[") - text);
        while (used + strlen(parts[i]) < sizeof(text) - 1)
            used = (size_t)(stpcpy(text + used, parts[i]) - text);
        if (lease_renew(&lease, REDEEM_FILE, text) != REDEEM_OUTCOME_MALFORMED ||
            kill(stage->pid, 0) < 0 || stage_hear(stage, "secret-renewed", 1) != 1)
            return 3;
        close(lease.fd);
        stage_dispose(&state);
    }
    return 0;
}

static void hostile_documents_do_not_end_the_broker(void **state)
{
    (void)state;
    int status = 0;
    stage_needs_root();
    pid_t pid = fork();
    if (pid == 0)
        _exit(renew_in_little_memory());
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void nothing_is_written_where_the_user_says_so(void **state)
{
    struct stage *stage = *state;
    static const char discard[] = "{\"version\":1,\"when_renewed\":\"discard\"}";
    struct lease lease;
    char path[PATH_MAX];
    struct error err = ERROR_INITIALIZER;
    stage_needs_root();
    assert_int_equal(path_format(path, "%s/.config/coding-agents", getenv("HOME")), 0);
    assert_int_equal(path_make_directories(path, 0700, &err), 0);
    assert_int_equal(path_format(path, "%s/.config/coding-agents/secrets.json", getenv("HOME")), 0);
    support_write(path, discard, strlen(discard));
    lease_open(stage, &lease);
    assert_int_equal(lease_renew(&lease, REDEEM_FILE, RENEWED), REDEEM_OUTCOME_ELSEWHERE);
    stage_assert_login(STAGE_LOGIN);
    close(lease.fd);
}

/* Ended, whether somebody reaped it or not. */
static bool has_ended(pid_t pid)
{
    char path[64], byte;
    snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 || read(fd, &byte, 1) <= 0;
}

static pid_t find_writer(const struct stage *stage)
{
    char path[64], text[64] = "";
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", stage->pid, stage->pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    pid_t writer = (pid_t)strtol(text, NULL, 10);
    assert_true(writer > 0);
    return writer;
}

/* The writer is no broker: it may do less than the user, and ends with its broker. */
static void the_writer_is_confined_and_goes_with_its_broker(void **state)
{
    struct stage *stage = *state;
    char path[64];
    stage_open(stage, NULL, NULL);
    pid_t writer = find_writer(stage);
    snprintf(path, sizeof(path), "/proc/%d/status", writer);
    size_t size = 0;
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char whole[8192];
    size = fread(whole, 1, sizeof(whole) - 1, file);
    fclose(file);
    whole[size] = '\0';
    assert_non_null(strstr(whole, "NoNewPrivs:\t1"));
    assert_null(strstr(whole, "VmLck:\t       0 kB"));
    stage_kill(stage);
    assert_false(has_ended(getpid()));
    for (int i = 0; i < 500 && !has_ended(writer); i++)
        usleep(20000);
    assert_true(has_ended(writer));
}

/* Its holder says what was renewed and is gone; WRITER, which is held up, has it. */
static void leave_behind(struct stage *stage, pid_t *writer)
{
    struct lease lease;
    lease_open(stage, &lease);
    *writer = find_writer(stage);
    assert_int_equal(kill(*writer, SIGSTOP), 0);
    lease_send_renewed(&lease, REDEEM_FILE, RENEWED);
    close(lease.fd);
    assert_int_equal(stage_hear(stage, "capability-released", 1), 1);
}

/* The host's login is never replaced without a word on record. */
static void is_on_record_without_its_holder(void **state)
{
    struct stage *stage = *state;
    pid_t writer;
    stage_needs_root();
    leave_behind(stage, &writer);
    stage_assert_login(STAGE_LOGIN);
    assert_int_equal(kill(writer, SIGCONT), 0);
    assert_int_equal(stage_hear(stage, "\"outcome\":\"written\"", 1), 1);
    stage_assert_login(RENEWED);
}

/* The session ends meanwhile: the broker waits for the answer, and not for ever. */
static void is_on_record_when_the_session_ends(void **state)
{
    struct stage *stage = *state;
    static const char *const words[] = {"\"outcome\":\"written\"", "the writer took too long"};
    stage_needs_root();
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        pid_t writer;
        stage->told[0] = '\0';
        leave_behind(stage, &writer);
        assert_int_equal(shutdown(stage->keeper, SHUT_WR), 0);
        usleep(200000);
        if (i == 0)
            assert_int_equal(kill(writer, SIGCONT), 0);
        stage_end(stage);
        kill(writer, SIGKILL);
        assert_non_null(strstr(stage->told, words[i]));
        assert_non_null(strstr(stage->told, "the session ended"));
        stage_assert_login(i == 0 ? RENEWED : STAGE_LOGIN);
    }
}

/* Who cannot write says so: what came from a file is not said to be of somewhere else. */
static void a_writer_that_died_is_named(void **state)
{
    struct stage *stage = *state;
    struct lease lease;
    stage_needs_root();
    lease_open(stage, &lease);
    pid_t writer = find_writer(stage);
    assert_int_equal(kill(writer, SIGKILL), 0);
    for (int i = 0; i < 500 && !has_ended(writer); i++)
        usleep(20000);
    /* And the broker has heard of it. */
    usleep(200000);
    assert_int_equal(lease_renew(&lease, REDEEM_FILE, RENEWED), REDEEM_OUTCOME_FAILED);
    assert_int_equal(stage_hear(stage, "the writer has ended", 1), 1);
    stage_assert_login(STAGE_LOGIN);
    close(lease.fd);
}

/* As a user whose login lies in a directory of MODE: what came of a renewal, or minus a step. */
static int renew_in_directory(mode_t mode)
{
    struct lease lease;
    char path[PATH_MAX], text[512];
    void *state = NULL;
    uid_t uid = STAGE_HOLDER_UID;
    if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
        return 101;
    stage_prepare(&state);
    struct stage *stage = state;
    stage_write_login(stage, STAGE_LOGIN);
    if (path_format(path, "%s/.claude", getenv("HOME")) < 0 || chmod(path, mode) < 0)
        return 102;
    stage_start(stage, NULL, NULL, text);
    if (strcmp(text, "READY") != 0 || stage_greet(stage, stage->session) != REDEEM_OK ||
        stage_bind(stage, stage->program, STAGE_HOLDER_UID) != REDEEM_OK ||
        stage_redeem_keeping(stage, text, &lease.fd, &lease.session, &lease.binding) != REDEEM_OK)
        return 103;
    int outcome = lease_renew(&lease, REDEEM_FILE, RENEWED);
    bool is_said =
        stage_hear(stage, "secret-renewed", 1) == 1 &&
        (outcome != REDEEM_OUTCOME_FAILED || strstr(stage->told, "Permission denied") != NULL);
    close(lease.fd);
    stage_kill(stage);
    chmod(path, 0700);
    stage_dispose(&state);
    return is_said ? outcome : 104;
}

/* A login in a directory that may only be searched is one: what cannot be is the way back. */
static void a_session_starts_where_nothing_can_be_written(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        enum redeem_outcome outcome;
    } tries[] = {{0700, REDEEM_OUTCOME_WRITTEN}, {0311, REDEEM_OUTCOME_FAILED}};
    stage_needs_root();
    for (size_t i = 0; i < ARRAY_LENGTH(tries); i++) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0)
            _exit(renew_in_directory(tries[i].mode));
        waitpid(pid, &status, 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), tries[i].outcome);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(comes_to_lie_where_it_was_found),
        STAGE_TEST(through_a_link_to_the_file_itself),
        STAGE_TEST(what_the_host_has_changed_stays),
        STAGE_TEST(what_is_no_login_stays_out),
        cmocka_unit_test(hostile_documents_do_not_end_the_broker),
        STAGE_TEST(nothing_is_written_where_the_user_says_so),
        STAGE_TEST(the_writer_is_confined_and_goes_with_its_broker),
        STAGE_TEST(is_on_record_without_its_holder),
        STAGE_TEST(is_on_record_when_the_session_ends),
        STAGE_TEST(a_writer_that_died_is_named),
        cmocka_unit_test(a_session_starts_where_nothing_can_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
