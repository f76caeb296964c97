/* The broker as it is meant to be used: one secret, one holder, one lease; and what can be seen of
 * it meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host-shim/broker/broker.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/host/broker_client.h"
#include "tests/unit/broker/stage.h"

static void a_login_is_redeemed_once(void **state)
{
    struct stage *stage = *state;
    stage_needs_root();
    stage_open(stage, NULL, NULL);
    assert_int_equal(stage_redeem_as(stage, STAGE_HOLDER_UID), REDEEM_OK);
    assert_int_equal(stage_hear(stage, "capability-redeemed", 1), 1);
    assert_int_equal(stage_redeem_as(stage, STAGE_HOLDER_UID), REDEEM_REASON_SPENT);
    assert_int_equal(stage_hear(stage, "\"reason\": \"spent\"", 0) +
                         stage_hear(stage, "\"reason\":\"spent\"", 1),
                     1);
    stage_end(stage);
    assert_non_null(strstr(stage->told, "capabilities-issued"));
    assert_non_null(strstr(stage->told, "capability-revoked"));
    /* By digest, never by value. */
    assert_null(strstr(stage->told, STAGE_TOKEN));
}

static void without_a_login_there_is_nothing_to_hold(void **state)
{
    struct stage *stage = *state;
    char last[512];
    stage_start(stage, NULL, NULL, last);
    assert_string_equal(last, "NONE");
    stage_kill(stage);
    /* What a program leaves behind when it logs out. */
    stage_write_login(stage, "{\"claudeAiOauth\":{}}");
    stage_start(stage, NULL, NULL, last);
    assert_string_equal(last, "NONE");
}

static void a_malformed_login_is_refused_by_name(void **state)
{
    struct stage *stage = *state;
    static const char *const texts[] = {("{broken " STAGE_TOKEN), "two words"};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        char last[512];
        stage->told[0] = '\0';
        stage_write_login(stage, texts[i]);
        stage_start(stage, NULL, NULL, last);
        assert_non_null(strstr(last, "FAILED the login of claude (file "));
        assert_non_null(strstr(last, ".claude/.credentials.json"));
        assert_non_null(strstr(stage->told, "secret-refused"));
        assert_null(strstr(stage->told, STAGE_TOKEN));
        stage_kill(stage);
    }
}

/* The file below /proc of the broker as a text. */
static char *look(const struct stage *stage, const char *name, size_t *size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", stage->pid, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char *text = calloc(1, 65536);
    *size = fread(text, 1, 65535, file);
    fclose(file);
    return text;
}

static unsigned long status_of(const char *text, const char *key)
{
    const char *line = strstr(text, key);
    assert_non_null(line);
    return strtoul(line + strlen(key), NULL, 10);
}

static void it_is_confined_and_locked_before_it_listens(void **state)
{
    struct stage *stage = *state;
    size_t size = 0;
    stage_open(stage, NULL, NULL);
    cleanup_free char *status = look(stage, "status", &size);
    assert_int_equal(status_of(status, "NoNewPrivs:\t"), 1);
    assert_int_equal(status_of(status, "Seccomp:\t"), 2);
    /* All of it but what the kernel does not count: the vDSO and its like. */
    assert_true(status_of(status, "VmLck:\t") + 256 >= status_of(status, "VmSize:\t"));
    cleanup_free char *limits = look(stage, "limits", &size);
    assert_int_equal(status_of(limits, "Max core file size "), 0);
}

/* What a process of the same uid sees of PID: 1 nothing, 0 all there is. */
static int is_closed(pid_t pid)
{
    char path[64];
    struct stat status;
    snprintf(path, sizeof(path), "/proc/%d/mem", pid);
    /* proc(5): what cannot be dumped is root's. */
    bool is_roots = stat(path, &status) == 0 && status.st_uid == 0;
    cleanup_fd int memory = open(path, O_RDONLY | O_CLOEXEC);
    return is_roots && memory < 0 && errno == EACCES;
}

/* Ends PID as a crash would. True when that left a core. */
static bool dumps_core(pid_t pid)
{
    int status = 0;
    kill(pid, SIGABRT);
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && WCOREDUMP(status);
}

/* Without power over others, which root has: 0 when all is as it must be. */
static int look_without_power(void)
{
    static const struct rlimit any = {RLIM_INFINITY, RLIM_INFINITY};
    uid_t uid = STAGE_STRANGER_UID;
    void *state = NULL;
    char last[512];
    (void)setrlimit(RLIMIT_CORE, &any);
    if (geteuid() == 0 &&
        (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0))
        return 1;
    stage_prepare(&state);
    struct stage *stage = state;
    stage_write_login(stage, STAGE_LOGIN);
    stage_start(stage, NULL, NULL, last);
    /* A process of the same kind that does not mind. */
    pid_t open_one = fork();
    if (open_one == 0) {
        prctl(PR_SET_DUMPABLE, 1);
        pause();
    }
    usleep(100000);
    int result = strcmp(last, "READY") != 0 ? 2 : is_closed(open_one) ? 3 : 0;
    if (result == 0 && !is_closed(stage->pid))
        result = 4;
    if (result == 0 && chdir(stage->directory) == 0 && !dumps_core(open_one))
        print_message("no program leaves a core here\n");
    if (result == 0 && dumps_core(stage->pid))
        result = 5;
    stage->pid = 0;
    stage_dispose(&state);
    return result;
}

static void nobody_of_its_uid_looks_into_it(void **state)
{
    (void)state;
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(look_without_power());
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void no_secret_stays_in_its_environment_or_arguments(void **state)
{
    struct stage *stage = *state;
    char last[512];
    size_t size = 0;
    /* Nobody else can look there at all. */
    stage_needs_root();
    setenv("ANTHROPIC_API_KEY", STAGE_TOKEN, 1);
    stage_start(stage, NULL, NULL, last);
    unsetenv("ANTHROPIC_API_KEY");
    assert_string_equal(last, "READY");
    assert_non_null(strstr(stage->told, "variable ANTHROPIC_API_KEY"));
    cleanup_free char *environment = look(stage, "environ", &size);
    /* The name is there: it is the very place where the value was. */
    assert_non_null(memmem(environment, size, "ANTHROPIC_API_KEY=", 18));
    assert_null(memmem(environment, size, STAGE_TOKEN, strlen(STAGE_TOKEN)));
    cleanup_free char *arguments = look(stage, "cmdline", &size);
    assert_null(memmem(arguments, size, STAGE_TOKEN, strlen(STAGE_TOKEN)));
}

/* Waits for the end of LEASE. True when it was told that it is revoked. */
static bool is_told(int lease)
{
    uint8_t data[64];
    struct redeem_message message;
    struct pollfd wait = {.fd = lease, .events = POLLIN};
    assert_int_equal(poll(&wait, 1, 20000), 1);
    ssize_t count = recv(lease, data, sizeof(data), 0);
    return count > 0 && redeem_parse(data, (size_t)count, &message, NULL) == 0 &&
           message.type == REDEEM_REVOKED;
}

/* As the test's own uid, which the bond may name too: what is looked at is the lease. */
static int open_lease(struct stage *stage)
{
    char text[512], last[512];
    int lease = -1;
    stage_write_login(stage, STAGE_LOGIN);
    stage_start(stage, NULL, NULL, last);
    assert_string_equal(last, "READY");
    assert_int_equal(stage_greet(stage, stage->session), REDEEM_OK);
    assert_int_equal(stage_bind(stage, stage->program, STAGE_HOLDER_UID), REDEEM_OK);
    stage_open_to_all(stage);
    assert_int_equal(seteuid(STAGE_HOLDER_UID), 0);
    enum redeem_reason reason = stage_redeem(stage, text, &lease);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(reason, REDEEM_OK);
    assert_string_equal(text, STAGE_LOGIN);
    return lease;
}

/* A container that takes every connection it can have; the last of them hear that it is too many.
 */
static void a_crowd_keeps_nobody_from_revoking(void **state)
{
    struct stage *stage = *state;
    struct error err = ERROR_INITIALIZER;
    int crowd[BROKER_VISITORS];
    struct redeem_count count = {.leases = 0};
    stage_open(stage, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(crowd); i++)
        crowd[i] = stage_connect(stage);
    assert_true(stage_hear(stage, "too many connections", 1) >= 1);
    assert_int_equal(broker_client_revoke(stage->session, "claude", &count, &err), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(crowd); i++)
        close(crowd[i]);
}

static void a_revoked_lease_ends(void **state)
{
    struct stage *stage = *state;
    struct error err = ERROR_INITIALIZER;
    struct redeem_count count = {.leases = 99};
    stage_needs_root();
    cleanup_fd int lease = open_lease(stage);
    assert_int_equal(broker_client_revoke(stage->session, "codex", &count, &err), 0);
    assert_int_equal(count.leases + count.secrets, 0);
    assert_int_equal(broker_client_revoke(stage->session, "claude", &count, &err), 0);
    assert_int_equal(count.leases, 1);
    assert_int_equal(count.secrets, 1);
    assert_true(is_told(lease));
    assert_int_equal(stage_redeem_as(stage, STAGE_HOLDER_UID), REDEEM_REASON_REVOKED);
    assert_int_equal(stage_hear(stage, "capability-revoked", 1), 1);
}

static void the_end_of_the_broker_ends_the_lease(void **state)
{
    struct stage *stage = *state;
    stage_needs_root();
    cleanup_fd int lease = open_lease(stage);
    stage_kill(stage);
    assert_false(is_told(lease));
}

static void a_holder_that_goes_gives_its_lease_back(void **state)
{
    struct stage *stage = *state;
    stage_needs_root();
    int lease = open_lease(stage);
    cleanup_close(&lease);
    assert_int_equal(stage_hear(stage, "capability-released", 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(a_login_is_redeemed_once),
        STAGE_TEST(without_a_login_there_is_nothing_to_hold),
        STAGE_TEST(a_malformed_login_is_refused_by_name),
        STAGE_TEST(it_is_confined_and_locked_before_it_listens),
        cmocka_unit_test(nobody_of_its_uid_looks_into_it),
        STAGE_TEST(no_secret_stays_in_its_environment_or_arguments),
        STAGE_TEST(a_revoked_lease_ends),
        STAGE_TEST(a_crowd_keeps_nobody_from_revoking),
        STAGE_TEST(the_end_of_the_broker_ends_the_lease),
        STAGE_TEST(a_holder_that_goes_gives_its_lease_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
