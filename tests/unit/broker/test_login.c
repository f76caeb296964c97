/* Where logins are found on the host, and what is taken for one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/host/login.h"
#include "tests/unit/broker/stage.h"

static const struct {
    const char *agent;
    const char *data;
    int result;
    enum redeem_kind kind;
    const char *name;
} checks[] = {
    {"claude", STAGE_LOGIN, 0, REDEEM_FILE, ".credentials.json"},
    {"claude", "sk-ant-0123456789", 0, REDEEM_VARIABLE, "ANTHROPIC_API_KEY"},
    {"claude", "{}", -ENODATA, 0, NULL},
    {"claude", "{\"claudeAiOauth\":{\"accessToken\":\"\"}}", -ENODATA, 0, NULL},
    {"claude", "{\"a\":1,\"a\":2}", -EINVAL, 0, NULL},
    {"claude", "short", -EINVAL, 0, NULL},
    {"claude", "sk-ant-01234\n56789", -EINVAL, 0, NULL},
    {"claude", "", -EINVAL, 0, NULL},
    {"codex", "{\"OPENAI_API_KEY\":\"sk-0123456789\"}", 0, REDEEM_FILE, "auth.json"},
    {"codex", "{\"tokens\":{\"access_token\":\"x\"}}", 0, REDEEM_FILE, "auth.json"},
    {"codex", "sk-proj-0123456789", 0, REDEEM_VARIABLE, "CODEX_API_KEY"},
    {"copilot", "// comment\n{\"copilot_tokens\":{\"a\":\"b\"}}", 0, REDEEM_FILE, "config.json"},
    {"copilot", "{\"banner\":\"never\"}", -ENODATA, 0, NULL},
    {"copilot", "gho_0123456789", 0, REDEEM_VARIABLE, "COPILOT_GITHUB_TOKEN"},
    {"shell", "sk-0123456789", -EINVAL, 0, NULL},
};

static void knows_a_login_by_its_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(checks); i++) {
        struct login login = {.kind = 0};
        struct error err = ERROR_INITIALIZER;
        int result =
            login_check(checks[i].agent, checks[i].data, strlen(checks[i].data), &login, &err);
        assert_int_equal(result, checks[i].result);
        assert_int_equal(login.kind, checks[i].kind);
        if (result == 0)
            assert_string_equal(login.name, checks[i].name);
        else /* the reason says nothing of what was looked at */
            assert_null(strstr(error_text(&err), "0123456789"));
    }
}

static void looks_where_it_is_told_first(void **state)
{
    struct stage *stage = *state;
    struct login login;
    struct login_config config = {.document = NULL};
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(login_find("claude", &config, false, &login, &err), -ENOENT);
    setenv("CLAUDE_API_KEY", "sk-ant-0123456789", 1);
    assert_int_equal(login_find("claude", &config, false, &login, &err), 0);
    assert_string_equal(login.source, "variable CLAUDE_API_KEY");
    login_free(&login);
    stage_write_login(stage, STAGE_LOGIN);
    assert_int_equal(login_find("claude", &config, false, &login, &err), 0);
    assert_int_equal(login.kind, REDEEM_FILE);
    login_free(&login);
    assert_int_equal(
        login_config_set(&config, "claude",
                         json_pack("{s:[s,s]}", "command", "echo", "sk-ant-abcdefghi")),
        0);
    assert_int_equal(login_find("claude", &config, false, &login, &err), 0);
    assert_string_equal(login.source, "command echo");
    login_free(&login);
    assert_int_equal(login_config_set(&config, "claude", json_pack("{s:b}", "none", 1)), 0);
    assert_int_equal(login_find("claude", &config, false, &login, &err), -ENOENT);
    login_wipe_environment();
    assert_null(getenv("CLAUDE_API_KEY"));
    login_config_free(&config);
}

/* What is in a variable belongs to no file, whatever lies where one was looked for. */
static void what_a_variable_has_is_of_no_file(void **state)
{
    struct stage *stage = *state;
    static const char *const own[] = {NULL, "{\"mcp\":{}}", STAGE_LOGIN};
    struct login_config config = {.document = NULL};
    struct error err = ERROR_INITIALIZER;
    for (size_t i = 0; i < ARRAY_LENGTH(own); i++) {
        struct login login;
        bool is_of_file = i == ARRAY_LENGTH(own) - 1;
        if (own[i] != NULL)
            stage_write_login(stage, own[i]);
        setenv("CLAUDE_API_KEY", STAGE_LOGIN, 1);
        assert_int_equal(login_find("claude", &config, false, &login, &err), 0);
        assert_int_equal(login.kind, REDEEM_FILE);
        assert_int_equal(login.path[0] != '\0', is_of_file);
        assert_string_equal(is_of_file ? strchr(login.source, ' ') + 1 : login.source,
                            is_of_file ? login.path : "variable CLAUDE_API_KEY");
        login_free(&login);
    }
    unsetenv("CLAUDE_API_KEY");
}

/* What was asked for and cannot be had is an error, never a reason to look elsewhere. */
static void falls_back_to_nothing(void **state)
{
    (void)state;
    struct login login;
    struct login_config config = {.document = NULL};
    struct error err = ERROR_INITIALIZER;
    setenv("ANTHROPIC_API_KEY", "sk-ant-0123456789", 1);
    assert_int_equal(login_config_set(&config, "claude", json_pack("{s:[s]}", "command", "false")),
                     0);
    assert_int_equal(login_find("claude", &config, false, &login, &err), -EINVAL);
    assert_int_equal(
        login_config_set(&config, "claude", json_pack("{s:s}", "file", "/nonexistent/x")), 0);
    assert_int_equal(login_find("claude", &config, false, &login, &err), -EINVAL);
    assert_non_null(strstr(error_text(&err), "/nonexistent/x"));
    unsetenv("ANTHROPIC_API_KEY");
    login_config_free(&config);
}

static void keeps_and_checks_what_was_said(void **state)
{
    (void)state;
    struct login_config config = {.document = NULL};
    struct error err = ERROR_INITIALIZER;
    char path[PATH_MAX];
    struct stat status;
    static const char *const wrong[] = {
        "[]",
        "{}",
        "{\"version\":2}",
        "{\"version\":1,\"when_lost\":\"maybe\"}",
        "{\"version\":1,\"when_lost\":\"freeze\"}",
        "{\"version\":1,\"second_redeem\":true}",
        "{\"version\":1,\"when_renewed\":\"freeze\"}",
        "{\"version\":1,\"logins\":{\"claude\":{}}}",
        "{\"version\":1,\"logins\":{\"claude\":{\"file\":\"relative\"}}}",
        "{\"version\":1,\"logins\":{\"claude\":{\"command\":[]}}}",
        "{\"version\":1,\"other\":1}"};
    assert_int_equal(login_config_set(&config, "codex", json_pack("{s:s}", "file", "/x")), 0);
    assert_int_equal(login_config_save(&config, &err), 0);
    login_config_free(&config);
    assert_int_equal(login_config_load(&config, &err), 0);
    assert_string_equal(
        json_string_value(json_object_get(login_config_entry(&config, "codex"), "file")), "/x");
    assert_false(login_config_continues(&config) || login_config_freezes(&config));
    login_config_free(&config);
    assert_int_equal(login_config_directory(path, &err), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    char *end = path + strlen(path);
    memcpy(end, "/secrets.json", sizeof("/secrets.json"));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    static const char freezes[] =
        "{\"version\":1,\"second_redeem\":\"freeze\",\"when_lost\":\"continue\"}";
    support_write(path, freezes, strlen(freezes));
    assert_int_equal(login_config_load(&config, &err), 0);
    assert_true(login_config_freezes(&config) && login_config_continues(&config));
    login_config_free(&config);
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        support_write(path, wrong[i], strlen(wrong[i]));
        assert_int_equal(login_config_load(&config, &err), -EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_a_login_by_its_form),   STAGE_TEST(looks_where_it_is_told_first),
        STAGE_TEST(what_a_variable_has_is_of_no_file), STAGE_TEST(falls_back_to_nothing),
        STAGE_TEST(keeps_and_checks_what_was_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
