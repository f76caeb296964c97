/* The allow-list of engine arguments, with the table that ships and with broken ones. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/fd.h"
#include "lib/host/policy.h"
#include "tests/unit/host/support.h"

#define SHIPPED "policies/engine-args.tab"

/* clang-format off */
static const char *const allowed[] = {
    "--hostname=box", "--dns=1.1.1.1", "--dns=2606:4700::1111", "--dns-search=example.com", "--shm-size=1g",
    "--add-host=db:10.0.0.1", "--add-host=host.example:host-gateway", "--label=team=x", "--label=a.b/c=hello world",
    "--ulimit=nofile=1024:2048", "--cpuset-cpus=0-1,3", "--oom-score-adj=500", "--memory-reservation=1g",
};
static const char *const refused[] = {
    "--privileged", "--privileged=true", "--volume=/:/host", "-v=/:/host", "--mount=type=bind,source=/,target=/h",
    "--env=A=B", "--cap-add=ALL", "--security-opt=seccomp=unconfined", "--device=/dev/sda", "--pid=host",
    "--network=host", "--user=0", "--userns=host", "--entrypoint=sh", "--runtime=x", "--label=coding-agents.session=x",
    "--label=coding-agents.=x", "--ulimit=core=-1", "--ulimit=core=0:0", "--dns=$(id)", "--dns=", "--hostname",
    "--hostname=", "--hostname=-x", "--hostname box", "--dnsx=1.1.1.1", "--dns-searchx=a", "hostname=box", "",
    "--oom-score-adj=-1000", "--shm-size=0", "--publish=80:80", "--rm", "--add-host=a:xyz", "--label=x",
};
/* clang-format on */

static int check(const char *path, const char *argument, struct error *err)
{
    struct string_list list = {.items = NULL};
    string_list_add(&list, argument);
    int status = policy_check_engine_arguments(path, &list, err);
    string_list_free(&list);
    return status;
}

static void test_allowed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(allowed); i++) {
        struct error err = ERROR_INITIALIZER;
        if (check(SHIPPED, allowed[i], &err) != 0)
            fail_msg("%s", error_text(&err));
    }
}

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
        struct error err = ERROR_INITIALIZER;
        if (check(SHIPPED, refused[i], &err) != -EPERM)
            fail_msg("'%s' passed", refused[i]);
    }
}

static void test_one_bad_among_good(void **state)
{
    (void)state;
    struct string_list list = {.items = NULL};
    struct error err = ERROR_INITIALIZER;
    string_list_add(&list, "--dns=1.1.1.1");
    string_list_add(&list, "--pid=host");
    string_list_add(&list, "--dns=8.8.8.8");
    assert_int_equal(policy_check_engine_arguments(SHIPPED, &list, &err), -EPERM);
    assert_non_null(strstr(error_text(&err), "--pid=host"));
    string_list_free(&list);
}

static void test_broken_tables(void **state)
{
    (void)state;
    static const char *const tables[] = {
        "--dns [0-9 - unbalanced\n",
        "--dns [0-9]+ ( unbalanced\n",
        "--dns [0-9]+\n",
        "--dns\n",
    };
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s/table", support_directory);
    for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
        struct error err = ERROR_INITIALIZER;
        assert_int_equal(fd_write_file(AT_FDCWD, path, tables[i], strlen(tables[i]), 0600, &err),
                         0);
        int status = check(path, "--dns=1", &err);
        assert_true(status < 0 && status != -EPERM);
        assert_non_null(strstr(error_text(&err), "1"));
    }
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(check("/nonexistent/table", "--dns=1", &err), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_one_bad_among_good),
        cmocka_unit_test_setup_teardown(test_broken_tables, support_enter, support_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
