/* The strings of a request, and the environment made of them: hostile bytes, and what must come
 * through. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "sandbox/agent-task-sandbox/block.h"
#include "sandbox/agent-task-sandbox/variables.h"

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static const char good[] = "sh\0-c\0true\0A=1\0B=\0/workspace";
static const struct task_run good_run = {
    .argument_count = 3, .environment_count = 2, .block_size = sizeof(good)};

static void test_strings_are_found(void **state)
{
    struct block block = {0};

    (void)state;
    assert_int_equal(block_parse(good, sizeof(good), &good_run, &block), 0);
    assert_string_equal(block.arguments[0], "sh");
    assert_string_equal(block.arguments[2], "true");
    assert_null(block.arguments[3]);
    assert_string_equal(block.environment[1], "B=");
    assert_null(block.environment[2]);
    assert_string_equal(block.directory, "/workspace");
    assert_int_equal(block.arguments_size, sizeof("sh\0-c\0true"));
    block_free(&block);
}

/* Each is the good one with one thing wrong. */
static void test_malformed_blocks_are_refused(void **state)
{
    struct block block = {0};
    struct task_run run = good_run;

    (void)state;
    for (size_t size = 0; size < sizeof(good); size++)
        assert_int_equal(block_parse(good, size, &good_run, &block), -EINVAL);
    run.argument_count = 2;
    assert_int_equal(block_parse(good, sizeof(good), &run, &block), -EINVAL);
    run.argument_count = 0;
    assert_int_equal(block_parse(good, sizeof(good), &run, &block), -EINVAL);
    run.argument_count = TASK_STRINGS_MAX + 1;
    assert_int_equal(block_parse(good, sizeof(good), &run, &block), -EINVAL);
    run = good_run;
    run.environment_count = UINT32_MAX;
    assert_int_equal(block_parse(good, sizeof(good), &run, &block), -EINVAL);
    assert_int_equal(block_parse("a\0relative", sizeof("a\0relative"),
                                 &(struct task_run){.argument_count = 1}, &block),
                     -EINVAL);
}

static void test_a_removed_directory_has_no_path(void **state)
{
    struct block block = {0};

    (void)state;
    assert_int_equal(
        block_parse("a\0", sizeof("a\0"), &(struct task_run){.argument_count = 1}, &block), 0);
    assert_string_equal(block.directory, "");
    block_free(&block);
}

static int make_block(int seals)
{
    int fd = memfd_create("block", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, good, sizeof(good)), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

static void test_only_a_sealed_file_is_mapped(void **state)
{
    struct task_run run = good_run;
    struct block block = {0};
    cleanup_fd int sealed = make_block(ALL_SEALS);
    cleanup_fd int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_int_equal(block_map(sealed, &run, &block), 0);
    assert_string_equal(block.arguments[0], "sh");
    block_free(&block);
    assert_int_equal(block_map(file, &run, &block), -EINVAL);
    assert_int_equal(block_map(-1, &run, &block), -EINVAL);
    run.block_size++;
    assert_int_equal(block_map(sealed, &run, &block), -EINVAL);
    run.block_size = TASK_BLOCK_MAX + 1;
    assert_int_equal(block_map(sealed, &run, &block), -E2BIG);
}

static void test_each_seal_is_needed(void **state)
{
    static const int seals[] = {F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(seals); i++) {
        struct block block = {0};
        cleanup_fd int fd = make_block(ALL_SEALS & ~seals[i]);

        assert_int_equal(block_map(fd, &good_run, &block), -EINVAL);
    }
}

/* A policy of a directory of its own. */
static struct policy *load_policy(void)
{
    static const char text[] =
        "{\"version\": 1, \"mode\": \"enforce\", \"profiles\": "
        "{\"default\": {\"network\": \"inherit\", \"linger_seconds\": 0, \"warm\": 0}},"
        "\"environment\": {\"scrub\": [\"LD_*\", \"BASH_ENV\"], \"set\": {\"SET\": \"policy\"}},"
        "\"rules\": []}";
    char path[] = "/tmp/test-variables-XXXXXX.json";
    const char *const directories[] = {path, NULL};
    struct policy *policy = NULL;
    struct error err = ERROR_INITIALIZER;
    cleanup_fd int fd = mkstemps(path, 5);

    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, text, sizeof(text) - 1), 0);
    if (policy_load(directories, "shell", &policy, &err) < 0)
        fail_msg("%s", error_text(&err));
    unlink(path);
    return policy;
}

static const struct user user = {
    .name = "agentuser", .uid = 10000, .gid = 10000, .home = "/home/agentuser"};

static size_t count_of(const struct variables *variables)
{
    size_t count = 0;

    while (variables->items[count] != NULL)
        count++;
    return count;
}

static void test_environment_is_scrubbed(void **state)
{
    char *given[] = {(char[]){"A=1"},
                     (char[]){"A=2"},
                     (char[]){"=nameless"},
                     (char[]){"valueless"},
                     (char[]){""},
                     (char[]){"LD_PRELOAD=/x.so"},
                     (char[]){"BASH_ENV=x"},
                     (char[]){"HOME=/root"},
                     (char[]){"SET=caller"},
                     (char[]){"AB=x=y"},
                     (char[]){"SHELL=/bin/sh"}};
    struct variables variables;
    struct policy *policy = load_policy();

    (void)state;
    assert_int_equal(variables_make(policy, &user, given, ARRAY_LENGTH(given), &variables), 0);
    assert_string_equal(variables_get(&variables, "A"), "1");
    assert_string_equal(variables_get(&variables, "AB"), "x=y");
    assert_string_equal(variables_get(&variables, "HOME"), "/home/agentuser");
    assert_string_equal(variables_get(&variables, "USER"), "agentuser");
    assert_string_equal(variables_get(&variables, "LOGNAME"), "agentuser");
    assert_string_equal(variables_get(&variables, "SET"), "policy");
    assert_string_equal(variables_get(&variables, "SHELL"), "/bin/sh");
    assert_null(variables_get(&variables, "LD_PRELOAD"));
    assert_int_equal(count_of(&variables), 7);
    variables_release(&variables);
    policy_free(policy);
}

static void test_a_shell_that_is_not_there_is_replaced(void **state)
{
    char *given[] = {(char[]){"SHELL=/no/such/shell"}};
    struct variables variables;
    struct policy *policy = load_policy();

    (void)state;
    assert_int_equal(variables_make(policy, &user, given, 1, &variables), 0);
    assert_string_equal(variables_get(&variables, "SHELL"), "/bin/bash");
    variables_release(&variables);
    policy_free(policy);
}

/* As many as the protocol allows, all different, and all the same. */
static void test_many_variables(void **state)
{
    static char text[TASK_STRINGS_MAX][16];
    static char *given[TASK_STRINGS_MAX];
    struct variables variables;
    struct policy *policy = load_policy();

    (void)state;
    for (size_t i = 0; i < TASK_STRINGS_MAX; i++) {
        snprintf(text[i], sizeof(text[i]), "V%zu=", i);
        given[i] = text[i];
    }
    assert_int_equal(variables_make(policy, &user, given, TASK_STRINGS_MAX, &variables), 0);
    assert_int_equal(count_of(&variables), TASK_STRINGS_MAX + 5);
    variables_release(&variables);
    for (size_t i = 0; i < TASK_STRINGS_MAX; i++)
        given[i] = text[0];
    assert_int_equal(variables_make(policy, &user, given, TASK_STRINGS_MAX, &variables), 0);
    assert_int_equal(count_of(&variables), 6);
    variables_release(&variables);
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings_are_found),
        cmocka_unit_test(test_malformed_blocks_are_refused),
        cmocka_unit_test(test_a_removed_directory_has_no_path),
        cmocka_unit_test(test_only_a_sealed_file_is_mapped),
        cmocka_unit_test(test_each_seal_is_needed),
        cmocka_unit_test(test_environment_is_scrubbed),
        cmocka_unit_test(test_a_shell_that_is_not_there_is_replaced),
        cmocka_unit_test(test_many_variables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
