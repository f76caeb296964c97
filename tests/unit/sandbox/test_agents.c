/* The table of agents and the options of agentcli-exec. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "sandbox/agentcli-exec/agents.h"
#include "sandbox/agentcli-exec/options.h"
#include "sandbox/confine/environment.h"

static int find_in(const char *text, const char *name, struct agent *agent, struct error *err)
{
    char path[] = "/tmp/test_agents.XXXXXX";
    int fd = mkstemp(path);
    int result;

    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
    close(fd);
    result = agents_find(path, name, agent, err);
    unlink(path);
    return result;
}

static void test_shipped_table(void **state)
{
    struct agent agent;
    struct error err = ERROR_INITIALIZER;

    (void)state;
    assert_int_equal(agents_find("policies/agents.tab", "shell", &agent, &err), 0);
    assert_string_equal(agent.identity, "agentcli");
    assert_string_equal(agent.filter, "/etc/coding-agents/seccomp/agentcli.bpf");
    assert_true(agent.is_idmapped);
    assert_string_equal(agent.program, "/bin/bash");
    assert_int_equal(agent.direct_count, 0);
    assert_int_equal(agents_find("policies/agents.tab", "codex", &agent, &err), 0);
    assert_string_equal(agent.identity, "agentcli");
    assert_true(agent.is_idmapped);
    assert_int_equal(agents_find("policies/agents.tab", "claude", &agent, &err), 0);
    assert_true(agent.is_idmapped);
    assert_int_equal(agents_find("policies/agents.tab", "nobody", &agent, &err), -ENOENT);
}

static void assert_direct(const char *row, size_t count, const char *const *expected)
{
    const char *list[AGENTS_PROGRAMS_MAX];
    struct agent agent;
    struct error err = ERROR_INITIALIZER;

    assert_int_equal(find_in(row, "a", &agent, &err), 0);
    assert_int_equal(agents_direct(&agent, list), count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(list[i], expected[i]);
}

static void test_direct(void **state)
{
    static const char *const paths[] = {"/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8"};

    (void)state;
    assert_direct("a agentcli f.bpf idmapped /bin/sh none sh\n", 0, NULL);
    assert_direct("a agentcli f.bpf idmapped /bin/sh  /1,/2 \tsh # c\n", 2, paths);
    assert_direct("a agentcli f.bpf idmapped /bin/sh /1,/2,/3,/4,/5,/6,/7,/8 sh\n", 8, paths);
}

static void test_rows(void **state)
{
    static const char *const wrong[] = {
        "a agentuser f.bpf plain /bin/sh none\n",
        "a agentuser f.bpf plain /bin/sh relative sh -c\n",
        "a agentuser ../f.bpf plain /bin/sh none sh -c\n",
        "a agentuser f.bpf mapped /bin/sh none sh -c\n",
        "a agentuser f.bpf plain bash none sh -c\n",
        "a agentuseragentuseragentuseragentuser f.bpf plain /bin/sh none sh -c\n",
        "b agentuser f.bpf plain relative none sh -c\na agentuser f.bpf plain /bin/sh none sh -c\n",
        "a agentuser f.bpf plain /bin/sh /1,/2,/3,/4,/5,/6,/7,/8,/9 sh -c\n",
        "a agentuser f.bpf plain /bin/sh none,/2 sh -c\n",
    };
    struct agent agent;
    struct error err = ERROR_INITIALIZER;

    (void)state;
    assert_int_equal(find_in("a agentcli f.bpf idmapped /bin/sh none sh # c\n", "a", &agent, &err),
                     0);
    assert_true(agent.is_idmapped);
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_int_equal(find_in(wrong[i], "a", &agent, &err), -EINVAL);
}

static int variables_in(const char *text, struct string_list *list)
{
    char path[] = "/tmp/test_agents.XXXXXX";
    struct error err = ERROR_INITIALIZER;
    int fd = mkstemp(path);
    int result;

    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
    close(fd);
    result = agents_environment(path, "a", list, &err);
    unlink(path);
    return result;
}

static void test_environment(void **state)
{
    static const char *const wrong[] = {"a\n", "a 1=x\n", "b name\n", "a =x\n"};
    struct string_list list = {.items = NULL};
    struct error err = ERROR_INITIALIZER;

    (void)state;
    assert_int_equal(variables_in("a A=1\nb B=2\na C=two words # c\na A=3\n", &list), 0);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0], "A=3");
    assert_string_equal(list.items[1], "C=two words");
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_int_equal(variables_in(wrong[i], &list), -EINVAL);
    string_list_free(&list);
    assert_int_equal(agents_environment("/nonexistent", "a", &list, &err), -ENOENT);
    /* In the shipped table, what keeps a control socket out of a directory that commands share. */
    assert_int_equal(agents_environment("policies/agent-environment.tab", "claude", &list, &err),
                     0);
    assert_string_equal(list.items[0], "XDG_RUNTIME_DIR=/home/agentcli");
    string_list_free(&list);
    /* And what keeps Copilot from trusting what a repository configures. */
    assert_int_equal(agents_environment("policies/agent-environment.tab", "copilot", &list, &err),
                     0);
    assert_string_equal(environment_get(&list, "COPILOT_ALLOW_ALL"), "1");
    string_list_free(&list);
}

#define ARGUMENTS_MAX 8

static int parse(const char *const *words, struct options *options, struct error *err)
{
    static char storage[ARGUMENTS_MAX][32];
    static char *argv[ARGUMENTS_MAX + 1];
    int argc = 0;

    for (; words[argc] != NULL; argc++) {
        snprintf(storage[argc], sizeof(storage[argc]), "%s", words[argc]);
        argv[argc] = storage[argc];
    }
    argv[argc] = NULL;
    optind = 0;
    return options_parse(argc, argv, options, err);
}

static void test_options(void **state)
{
    static const char *const good[] = {"x",  "--agent", "shell", "--interactive", "--persistent",
                                       "--", "--agent", NULL};
    static const char *const wrong[][4] = {{"x", NULL},
                                           {"x", "--agent", NULL},
                                           {"x", "--agent=a", "--persistent", NULL},
                                           {"x", "--agent=a", "--odd", NULL}};
    struct options options;
    struct error err = ERROR_INITIALIZER;

    (void)state;
    assert_int_equal(parse(good, &options, &err), 0);
    assert_true(options.is_interactive && options.is_persistent && !options.has_terminal);
    assert_string_equal(options.command[0], "--agent");
    assert_null(options.command[1]);
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_int_equal(parse(wrong[i], &options, &err), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped_table), cmocka_unit_test(test_rows),
        cmocka_unit_test(test_direct),        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
