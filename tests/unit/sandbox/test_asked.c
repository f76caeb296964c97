/*
 * Execs below the listener of a sandbox, by every way that a caller can hide what it runs: each is
 * judged as what it is, or denied and on record as what could not be read. Without a rule that
 * could deny it the same call runs: the kernel reads what the listener cannot.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "sandbox/agent-task-sandbox/nested.h"
#include "tests/unit/sandbox/hidden_calls.h"

#define SOMEBODY 10000
#define CANNOT_TRY 77
#define PATIENCE_MS 60000

#define POLICY_START                                                           \
    "{\"version\": 1, \"profiles\": {\"default\": {\"network\": \"inherit\", " \
    "\"linger_seconds\": 1, \"warm\": 1}}, \"rules\": ["
#define POLICY_RULE(action)                                                           \
    "{\"id\": \"stop\", \"match\": {\"program\": \"true\", \"arguments\": [\"...\", " \
    "\"stop\"]}, \"action\": \"" action "\", \"tier\": \"network\", \"message\": \"no\"}"
#define POLICY_OF(action) POLICY_START POLICY_RULE(action) "]}"

#define TRUE_PATH "/bin/true"
#define NONE UINT32_MAX

/* clang-format off */
static const struct {
    const char *name;
    hidden_call *run;
    const char *rule;    /* on record; NULL: nothing is */
    const char *program; /* the file that is on record, by any name; NULL: what is said as it is */
    const char *said;
    uint32_t count;
    int denied;          /* what the call fails with while a rule denies */
    int allowed;         /* and while none does */
} ways[] = {
    {"plain",                     run_plain,                "stop",       TRUE_PATH, NULL, 2, EACCES, 0},
    {"harmless",                  run_harmless,             "default",    TRUE_PATH, NULL, 1, 0, 0},
    {"missing",                   run_missing,              NULL,         NULL, NULL, 0, ENOENT, ENOENT},
    {"/proc/self/fd",             run_descriptor,           "stop",       TRUE_PATH, NULL, 2, EACCES, 0},
    {"/proc/thread-self/fd",      run_thread_descriptor,    "stop",       TRUE_PATH, NULL, 2, EACCES, 0},
    {"/dev/fd",                   run_dev_descriptor,       "stop",       TRUE_PATH, NULL, 2, EACCES, 0},
    {"a descriptor",              run_bare_descriptor,      "stop",       TRUE_PATH, NULL, 2, EACCES, 0},
    {"below /proc",               run_in_proc,              "unreadable", NULL, "self/fd/99", 0, EACCES, 0},
    {"a link to a descriptor",    run_link,                 "unreadable", NULL, "link", 0, EACCES, 0},
    {"a link to nothing",         run_dangling,             NULL,         NULL, NULL, 0, ENOENT, ENOENT},
    {"a path below a file",       run_below_file,           NULL,         NULL, NULL, 0, ENOTDIR, ENOTDIR},
    {"a link to itself",          run_loop,                 NULL,         NULL, NULL, 0, ELOOP, ELOOP},
    {"/proc/self/exe",            run_itself,               "default",    "/bin/sh", NULL, 3, 0, 0},
    {"not dumpable",              run_hidden,               "unreadable", NULL, "", 0, EACCES, 0},
    {"an argument not to read",   run_with_unread_argument, "unreadable", TRUE_PATH, NULL, 0, EACCES, 0},
    {"a path not to read",        run_with_unread_path,     "unreadable", NULL, "", 0, EACCES, 0},
    {"an argument in [vvar]",     run_with_kernel_page,     "unreadable", TRUE_PATH, NULL, 0, EACCES, 0},
    {"many arguments",            run_with_many,            "stop",       TRUE_PATH, NULL, HIDDEN_CALLS_MANY + 2, EACCES, 0},
};
/* clang-format on */

struct sight {
    struct nested nested;
    int told; /* where records arrive */
    bool denies;
};

/* The last of what is on record; false when nothing is. */
static bool take_record(const struct sight *sight, struct task_nested *last)
{
    static char message[sizeof(*last) + TASK_ARGUMENTS_SHOWN];
    bool is_there = false;

    while (recv(sight->told, message, sizeof(message), MSG_DONTWAIT) >= (ssize_t)sizeof(*last)) {
        memcpy(last, message, sizeof(*last));
        is_there = true;
    }
    return is_there;
}

/* Answers until the child ends. Its exit code. */
static int serve(struct sight *sight, pid_t pid)
{
    struct pollfd wait = {.fd = sight->nested.listener, .events = POLLIN};
    int status = -1;

    for (int left = PATIENCE_MS; left > 0 && waitpid(pid, &status, WNOHANG) == 0; left -= 10) {
        if (poll(&wait, 1, 10) > 0 && (wait.revents & POLLIN) != 0)
            nested_answer(&sight->nested);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool is_file(const char *one, const char *other)
{
    struct stat first;
    struct stat second;

    return stat(one, &first) == 0 && stat(other, &second) == 0 && first.st_ino == second.st_ino &&
           first.st_dev == second.st_dev;
}

static bool is_recorded(const struct sight *sight, size_t way)
{
    struct task_nested record;
    const char *rule = ways[way].rule;

    if (!take_record(sight, &record))
        return rule == NULL;
    if (rule == NULL)
        return false;
    if (!sight->denies && strcmp(rule, "stop") == 0)
        rule = "default";
    fprintf(stderr, "%s: %s '%s' %u\n", ways[way].name, record.rule, record.program,
            record.argument_count);
    return strcmp(record.rule, rule) == 0 && record.argument_count == ways[way].count &&
           (ways[way].program != NULL ? is_file(record.program, ways[way].program)
                                      : strcmp(record.program, ways[way].said) == 0);
}

static int try_way(struct sight *sight, size_t way)
{
    int wanted = sight->denies ? ways[way].denied : ways[way].allowed;
    pid_t pid = fork();
    int result;

    if (pid == 0)
        _exit(hidden_calls_open() < 0 ? CANNOT_TRY : ways[way].run());
    result = serve(sight, pid);
    if (result == wanted && is_recorded(sight, way))
        return 0;
    fprintf(stderr, "%s, %s: %d instead of %d\n", ways[way].name,
            sight->denies ? "with a rule that denies" : "without one", result, wanted);
    return 1;
}

#define FLOOD 100

/* Records that nobody reads are lost, and counted to the last one. 0 when all were told of. */
static int try_flood(struct sight *sight)
{
    struct task_nested record;
    size_t told = 0;
    size_t sent = 0;

    for (int i = 0; i < FLOOD; i++) {
        pid_t pid = fork();

        if (pid == 0)
            _exit(run_harmless());
        (void)serve(sight, pid);
    }
    for (int round = 0; round < 2; round++) {
        static char message[sizeof(record) + TASK_ARGUMENTS_SHOWN];

        while (recv(sight->told, message, sizeof(message), MSG_DONTWAIT) >=
               (ssize_t)sizeof(record)) {
            memcpy(&record, message, sizeof(record));
            told += 1 + record.lost;
            sent++;
        }
        nested_flush(&sight->nested);
    }
    fprintf(stderr, "of %d execs %zu were told of, in %zu records\n", FLOOD, told, sent);
    return told == FLOOD && sent < FLOOD ? 0 : 1;
}

/* Not root, which may read everything, and as readable as a program is after its exec. */
static bool become_somebody(void)
{
    return (geteuid() != 0 ||
            (setgroups(0, NULL) == 0 && setresgid(SOMEBODY, SOMEBODY, SOMEBODY) == 0 &&
             setresuid(SOMEBODY, SOMEBODY, SOMEBODY) == 0)) &&
           prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static int prepare(struct sight *sight, const char *policy_text)
{
    const char *const files[] = {"policy.json", NULL};
    struct error err = ERROR_INITIALIZER;
    struct sock_fprog filter = {.len = 0};
    const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct policy *policy = NULL;
    int ends[2];
    cleanup_fd int text = open("policy.json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    cleanup_fd int code = open("filter", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (write(text, policy_text, strlen(policy_text)) < 0 ||
        write(code, &allow, sizeof(allow)) < 0 || symlink("/proc/self/fd/99", "link") < 0 ||
        symlink("loop", "loop") < 0 || symlink("/no/such/thing", "nowhere") < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
        return CANNOT_TRY;
    if (policy_load(files, NULL, &policy, &err) < 0 ||
        nested_make_filter("filter", &filter, &err) < 0 || !become_somebody() ||
        nested_listen(&filter, &sight->nested, &err) < 0) {
        fprintf(stderr, "%s\n", error_text(&err));
        return CANNOT_TRY;
    }
    sight->nested.policy = policy;
    sight->nested.control = ends[0];
    sight->told = ends[1];
    return 0;
}

static int try_all(const char *policy, bool denies)
{
    struct sight sight = {.denies = denies};
    int result = prepare(&sight, policy);

    for (size_t i = 0; i < ARRAY_LENGTH(ways) && result != CANNOT_TRY; i++)
        result += try_way(&sight, i);
    return result == 0 ? try_flood(&sight) : result;
}

static void try_in_child(const char *policy, bool denies)
{
    char place[] = "/tmp/test-asked-XXXXXX";
    char command[64];
    int status;
    pid_t pid;

    assert_non_null(mkdtemp(place));
    assert_int_equal(chmod(place, 0755), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(chdir(place) < 0 ? CANNOT_TRY : try_all(policy, denies));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    for (size_t i = 0; i < 5; i++) {
        static const char *const names[] = {"policy.json", "filter", "link", "loop", "nowhere"};

        snprintf(command, sizeof(command), "%s/%s", place, names[i]);
        (void)unlink(command);
    }
    (void)rmdir(place);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_what_is_hidden_is_denied(void **state)
{
    (void)state;
    try_in_child(POLICY_OF("deny"), true);
}

static void test_what_is_hidden_is_denied_where_a_rule_asks(void **state)
{
    (void)state;
    try_in_child(POLICY_OF("ask"), true);
}

static void test_what_no_rule_could_deny_runs(void **state)
{
    (void)state;
    try_in_child(POLICY_START "]}", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_hidden_is_denied),
        cmocka_unit_test(test_what_is_hidden_is_denied_where_a_rule_asks),
        cmocka_unit_test(test_what_no_rule_could_deny_runs),
    };

    return cmocka_run_group_tests_name("asked", tests, NULL, NULL);
}
