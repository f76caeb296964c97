/* Below the filter of a sandbox every exec is asked about, but for the one that has the pass. */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/base/syscalls.h"
#include "sandbox/agent-task-sandbox/nested.h"

#define PROGRAM "/bin/true"
#define CANNOT_TRY 77
#define PATIENCE_MS 30000

enum { WENT_ON, ASKED, NEITHER };

/* What comes of an exec with SIXTH in a child. */
static int try_exec(const struct nested *nested, uint64_t sixth)
{
    static char name[] = PROGRAM;
    char *const words[] = {name, NULL};
    int status = -1;
    pid_t pid = fork();
    cleanup_fd int end = -1;

    if (pid == 0) {
        (void)sys_execve_with(PROGRAM, words, words + 1, sixth);
        _exit(CANNOT_TRY);
    }
    end = sys_pidfd_open(pid, 0);
    struct pollfd polls[] = {{.fd = nested->listener, .events = POLLIN},
                             {.fd = end, .events = POLLIN}};
    (void)poll(polls, ARRAY_LENGTH(polls), PATIENCE_MS);
    bool has_asked = (polls[0].revents & POLLIN) != 0;
    if (has_asked)
        (void)kill(pid, SIGKILL);
    (void)waitpid(pid, &status, 0);
    if (has_asked)
        return ASKED;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? WENT_ON : NEITHER;
}

/* A filter at PATH that permits everything. */
static bool write_filter(char *path)
{
    const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    cleanup_fd int fd = mkstemp(path);

    return fd >= 0 && write(fd, &allow, sizeof(allow)) == sizeof(allow);
}

static int try_all(const char *path)
{
    struct nested nested = {.listener = -1};
    struct sock_fprog filter = {.len = 0};
    struct error err = ERROR_INITIALIZER;

    if (nested_make_filter(path, &filter, &err) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        nested_listen(&filter, &nested, &err) < 0) {
        fprintf(stderr, "%s\n", error_text(&err));
        return CANNOT_TRY;
    }
    const struct {
        uint64_t sixth;
        int wanted;
    } tries[] = {
        {nested.pass, WENT_ON},         {0, ASKED},
        {nested.pass ^ 2, ASKED},       {nested.pass ^ UINT64_C(1) << 40, ASKED},
        {(uint32_t)nested.pass, ASKED}, {nested.pass >> 32, ASKED},
        {nested.pass, WENT_ON},
    };
    if (nested.pass >> 32 == 0)
        return 1; /* once in four billion times */
    for (size_t i = 0; i < ARRAY_LENGTH(tries); i++) {
        int result = try_exec(&nested, tries[i].sixth);

        if (result != tries[i].wanted) {
            fprintf(stderr, "exec %zu: %d instead of %d\n", i, result, tries[i].wanted);
            return 1;
        }
    }
    free(filter.filter);
    return 0;
}

static void test_only_the_pass_is_not_asked_about(void **state)
{
    char path[] = "/tmp/test-nested-XXXXXX";
    int status;
    pid_t pid;

    (void)state;
    assert_true(write_filter(path));
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(try_all(path));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    unlink(path);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Another one each time, and never 0, which is none. */
static void test_no_two_passes_are_the_same(void **state)
{
    char path[] = "/tmp/test-nested-XXXXXX";
    uint64_t passes[2] = {0, 0};

    (void)state;
    assert_true(write_filter(path));
    for (size_t i = 0; i < ARRAY_LENGTH(passes); i++) {
        int ends[2];

        assert_int_equal(pipe(ends), 0);
        pid_t pid = fork();
        if (pid == 0) {
            struct nested nested = {.listener = -1};
            struct sock_fprog filter = {.len = 0};

            (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            (void)!(nested_make_filter(path, &filter, NULL) == 0 &&
                    nested_listen(&filter, &nested, NULL) == 0 &&
                    write(ends[1], &nested.pass, sizeof(nested.pass)) > 0);
            _exit(0);
        }
        close(ends[1]);
        assert_int_equal(read(ends[0], &passes[i], sizeof(passes[i])), sizeof(passes[i]));
        close(ends[0]);
        (void)waitpid(pid, NULL, 0);
        assert_true(passes[i] != 0);
    }
    unlink(path);
    assert_true(passes[0] != passes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_pass_is_not_asked_about),
        cmocka_unit_test(test_no_two_passes_are_the_same),
    };

    return cmocka_run_group_tests_name("nested", tests, NULL, NULL);
}
