/* Environments, programs and the file that says how identities share files. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "sandbox/confine/confine.h"
#include "sandbox/confine/environment.h"
#include "sandbox/confine/program.h"

static const struct user user = {
    .name = "agentuser", .uid = 10000, .gid = 10000, .home = "/home/agentuser"};

static void test_fresh_environment_holds_four(void **state)
{
    cleanup_string_list struct string_list list = {0};

    (void)state;
    assert_int_equal(environment_fresh(&user, &list, NULL), 0);
    assert_int_equal(list.count, 4);
    assert_string_equal(environment_get(&list, "PATH"), ENVIRONMENT_PATH);
    assert_string_equal(environment_get(&list, "HOME"), "/home/agentuser");
    assert_string_equal(environment_get(&list, "USER"), "agentuser");
    assert_string_equal(environment_get(&list, "LANG"), "C.UTF-8");
}

static void test_service_environment(void **state)
{
    char *inherited[] = {
        (char[]){"NOTIFY_FD=9"}, (char[]){"HOME=/root"}, (char[]){"USER=root"},
        (char[]){"FOO=1"},       (char[]){"FOO=2"},      (char[]){"NOTIFY_FDX=kept"},
        (char[]){"nonsense"},    (char[]){"9BAD=1"},     (char[]){"PATH=/opt/bin"},
        (char[]){"=x"},          (char[]){"TERM=xterm"}, NULL};
    cleanup_string_list struct string_list list = {0};

    (void)state;
    assert_int_equal(environment_of_service(inherited, &user, &list, NULL), 0);
    assert_null(environment_get(&list, "NOTIFY_FD"));
    assert_null(environment_get(&list, "9BAD"));
    assert_null(environment_get(&list, ""));
    assert_string_equal(environment_get(&list, "NOTIFY_FDX"), "kept");
    assert_string_equal(environment_get(&list, "HOME"), "/home/agentuser");
    assert_string_equal(environment_get(&list, "USER"), "agentuser");
    assert_string_equal(environment_get(&list, "LOGNAME"), "agentuser");
    assert_string_equal(environment_get(&list, "FOO"), "2");
    assert_string_equal(environment_get(&list, "PATH"), "/opt/bin");
    assert_string_equal(environment_get(&list, "SHELL"), "/bin/bash");
    assert_false(string_list_contains(&list, "FOO=1"));
}

static void test_assignments(void **state)
{
    (void)state;
    assert_true(environment_is_assignment("A=1"));
    assert_true(environment_is_assignment("_a9="));
    assert_false(environment_is_assignment("A"));
    assert_false(environment_is_assignment("=1"));
    assert_false(environment_is_assignment("9A=1"));
    assert_false(environment_is_assignment("A-B=1"));
    assert_false(environment_is_assignment(""));
}

static int read_views(const char *text, struct views *views)
{
    char path[] = "/tmp/test_confine.XXXXXX";
    int fd = mkstemp(path);
    int result;

    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
    close(fd);
    result = views_read(path, views, NULL);
    unlink(path);
    return result;
}

static void test_views(void **state)
{
    static const char *const wrong[] = {"",
                                        "idmapped \n",
                                        "plain\n",
                                        "shared-group\n",
                                        "shared-group \n",
                                        "shared-group x\n",
                                        "shared-group 0\n",
                                        "shared-group 10000 1\n",
                                        "shared-group -1\n",
                                        "shared-group 99999999999999999999\n"};
    struct views views = {.kind = VIEWS_NONE};

    (void)state;
    assert_int_equal(read_views("idmapped\n", &views), 0);
    assert_int_equal(views.kind, VIEWS_IDMAPPED);
    assert_int_equal(read_views("shared-group 10002\n", &views), 0);
    assert_int_equal(views.kind, VIEWS_SHARED_GROUP);
    assert_int_equal(views.group, 10002);
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct views untouched = {.kind = VIEWS_IDMAPPED, .group = 7};

        assert_int_equal(read_views(wrong[i], &untouched), -EINVAL);
        assert_int_equal(untouched.group, 7);
    }
    assert_int_equal(views_read("/nonexistent/views", &views, NULL), 0);
    assert_int_equal(views.kind, VIEWS_NONE);
}

static void test_programs(void **state)
{
    struct error err = ERROR_INITIALIZER;

    (void)state;
    assert_int_equal(program_find("sh", ENVIRONMENT_PATH, false, &err), 0);
    assert_int_equal(program_find("/bin/sh", NULL, false, &err), 0);
    assert_int_equal(program_find("no-such-program", ENVIRONMENT_PATH, false, &err), -ENOENT);
    assert_non_null(strstr(error_text(&err), "no-such-program"));
    assert_int_equal(program_find("", ENVIRONMENT_PATH, false, &err), -ENOENT);
    assert_int_equal(program_find("sh", NULL, false, &err), -ENOENT);
    assert_int_equal(program_find("/etc/passwd", NULL, false, &err), -EACCES);
    assert_int_equal(program_find("/etc/passwd", NULL, true, &err), -EACCES);
    assert_int_equal(program_find("/etc", NULL, true, &err), -EACCES);
    assert_int_equal(program_find("sh", ENVIRONMENT_PATH, true, &err), 0);
    assert_int_equal(program_find("/etc", NULL, false, &err), -EACCES);
    assert_int_equal(program_find("passwd", "/nonexistent:/etc:/also-not", false, &err), -EACCES);
    assert_int_equal(program_exit_code(ENOENT), 127);
    assert_int_equal(program_exit_code(EACCES), 126);
    assert_int_equal(program_exit_code(ENOEXEC), 126);
}

static int count_call(struct confine *confine, struct error *err)
{
    (void)err;
    (*(int *)confine->program)++;
    return 0;
}

static int refuse(struct confine *confine, struct error *err)
{
    (void)confine;
    return error_set(err, EPERM, "do it");
}

static void test_first_failure_ends_the_table(void **state)
{
    static const struct confine_step steps[] = {{.name = "one", .run = count_call},
                                                {.name = "two", .run = refuse},
                                                {.name = "three", .run = count_call}};
    struct error err = ERROR_INITIALIZER;
    int calls = 0;
    struct confine confine = {.program = &calls};

    (void)state;
    assert_int_equal(confine_run(steps, 3, &confine, &err), -EPERM);
    assert_int_equal(calls, 1);
    assert_string_equal(error_text(&err), "two: do it: Operation not permitted");
    assert_int_equal(confine_run(steps, 1, &confine, &err), 0);
}

/* The proof must notice an unconfined process: this one. */
static void test_proof_fails_unconfined(void **state)
{
    struct confine confine = {.user = user};
    struct error err = ERROR_INITIALIZER;

    (void)state;
    assert_int_equal(confine_proof(&confine, &err), -EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fresh_environment_holds_four),
        cmocka_unit_test(test_service_environment),
        cmocka_unit_test(test_assignments),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_programs),
        cmocka_unit_test(test_first_failure_ends_the_table),
        cmocka_unit_test(test_proof_fails_unconfined),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
