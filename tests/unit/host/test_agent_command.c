/* The commands that rows of agents.tab make of prompts and arguments. */
#include <fcntl.h>
#include <string.h>

#include "lib/base/fd.h"
#include "lib/host/agent_command.h"
#include "tests/unit/host/support.h"

#define SHIPPED "policies/agents.tab"
#define CODEX "/opt/coding-agents/codex/bin/codex"
#define COPILOT "/opt/coding-agents/copilot/bin/copilot"
#define CLAUDE "/opt/coding-agents/claude/bin/claude"

static char make[] = "make", literal[] = "ARGS", option[] = "-m", value[] = "x";

/* clang-format off */
static const struct {
    const char *agent;
    const char *prompt;
    char *arguments[4];
    bool has_variables;
    const char *command[9];
} cases[] = {
    {"shell", NULL, {NULL}, false, {NULL}},
    {"shell", "a && b", {NULL}, false, {"sh", "-c", "a && b"}},
    {"shell", NULL, {make, literal}, false, {"make", "ARGS"}},
    {"codex", NULL, {NULL}, false, {NULL}},
    {"codex", "-fix it", {NULL}, true, {CODEX, "exec", "--", "-fix it"}},
    {"codex", "it", {option, value}, false, {CODEX, "exec", "-m", "x", "--", "it"}},
    {"codex", NULL, {option}, false, {CODEX, "-m"}},
    {"claude", "it", {option, value}, true, {CLAUDE, "-m", "x", "-p", "--", "it"}},
    {"copilot", "-fix it", {option, value}, true, {COPILOT, "--yolo", "-m", "x", "--prompt=-fix it"}},
    {"copilot", NULL, {option}, true, {COPILOT, "-m"}},
};
/* clang-format on */

static void test_commands(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct agent_request request = {cases[i].agent, cases[i].prompt, cases[i].arguments,
                                              cases[i].has_variables, NULL};
        struct string_list command = {.items = NULL};
        struct error err = ERROR_INITIALIZER;
        if (agent_command_make(SHIPPED, &request, &command, &err) < 0)
            fail_msg("%s", error_text(&err));
        size_t count = 0;
        for (; cases[i].command[count] != NULL; count++) {
            assert_true(count < command.count);
            assert_string_equal(command.items[count], cases[i].command[count]);
        }
        assert_int_equal(command.count, count);
        string_list_free(&command);
    }
}

/* Words of trust: in front of what the user gives, and instead of nothing at all. */
static void test_words(void **state)
{
    (void)state;
    static char *const none[] = {NULL};
    static char *const some[] = {option, NULL};
    struct string_list words = {.items = NULL};
    struct string_list command = {.items = NULL};
    struct error err = ERROR_INITIALIZER;
    string_list_add(&words, "-c");
    string_list_add(&words, "x=1");
    const struct agent_request prompt = {"codex", "it", some, false, &words};
    assert_int_equal(agent_command_make(SHIPPED, &prompt, &command, &err), 0);
    static const char *const expected[] = {CODEX, "exec", "-c", "x=1", "-m", "--", "it"};
    assert_int_equal(command.count, ARRAY_LENGTH(expected));
    for (size_t i = 0; i < ARRAY_LENGTH(expected); i++)
        assert_string_equal(command.items[i], expected[i]);
    string_list_free(&command);
    const struct agent_request nothing = {"codex", NULL, none, false, &words};
    assert_int_equal(agent_command_make(SHIPPED, &nothing, &command, &err), 0);
    assert_int_equal(command.count, 3);
    assert_string_equal(command.items[0], CODEX);
    assert_string_equal(command.items[2], "x=1");
    string_list_free(&command);
    string_list_free(&words);
}

static int refusal(const char *path, const struct agent_request *request, struct error *err)
{
    struct string_list command = {.items = NULL};
    int status = agent_command_make(path, request, &command, err);
    assert_int_equal(command.count, 0);
    string_list_free(&command);
    return status;
}

static void test_refusals(void **state)
{
    (void)state;
    static char *const none[] = {NULL};
    static char *const some[] = {make, NULL};
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(
        refusal(SHIPPED, &(struct agent_request){"nobody", NULL, none, false, NULL}, &err), -EPERM);
    assert_non_null(strstr(error_text(&err), "write one of shell, codex"));
    assert_int_equal(
        refusal(SHIPPED, &(struct agent_request){"claude@2.1", NULL, none, false, NULL}, &err),
        -EPERM);
    assert_non_null(strstr(error_text(&err), "names a version"));
    assert_int_equal(refusal(SHIPPED, &(struct agent_request){NULL, NULL, none, false, NULL}, &err),
                     -EPERM);
    assert_non_null(strstr(error_text(&err), "which agent? Write one of shell, codex"));
    assert_int_equal(
        refusal(SHIPPED, &(struct agent_request){"shell", "id", some, false, NULL}, &err), -EPERM);
    assert_non_null(strstr(error_text(&err), "give one of them"));
    assert_int_equal(
        refusal(SHIPPED, &(struct agent_request){"shell", NULL, some, true, NULL}, &err), -EPERM);
    assert_non_null(strstr(error_text(&err), "--env-file"));
    assert_int_equal(
        refusal("/nonexistent", &(struct agent_request){"shell", NULL, none, false, NULL}, &err),
        -ENOENT);
}

static void test_a_row_without_a_prompt(void **state)
{
    (void)state;
    static char *const none[] = {NULL};
    static const char table[] = "a agentuser f.bpf plain /bin/a none\n";
    char path[PATH_MAX];
    struct error err = ERROR_INITIALIZER;
    snprintf(path, sizeof(path), "%.4000s/table", support_directory);
    assert_int_equal(fd_write_file(AT_FDCWD, path, table, strlen(table), 0600, &err), 0);
    assert_int_equal(refusal(path, &(struct agent_request){"a", NULL, none, false, NULL}, &err),
                     -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test_setup_teardown(test_a_row_without_a_prompt, support_enter, support_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
