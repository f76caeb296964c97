/* Takes each rule of the shipped policy away: the table of verdicts must notice every time. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "tests/unit/policy/support.h"

#define SHIPPED SUPPORT_SHIPPED "/default.json"

static size_t count_wrong(const struct policy *policy, const json_t *rows)
{
    const json_t *row;
    size_t wrong = 0;
    size_t index;

    json_array_foreach(rows, index, row)
    {
        char said[256];

        wrong += !support_row_holds(policy, row, said);
    }
    return wrong;
}

static size_t try_document(const json_t *document, const json_t *rows)
{
    char *text = json_dumps(document, 0);
    struct policy *policy = support_load_text(text, "shell");
    size_t wrong = count_wrong(policy, rows);

    policy_free(policy);
    free(text);
    return wrong;
}

static void misses_every_rule_that_is_taken_away(void **state)
{
    json_t *document = json_load_file(SHIPPED, JSON_REJECT_DUPLICATES, NULL);
    json_t *rules = json_object_get(document, "rules");
    json_t *seen = support_verdicts("seen");
    size_t unnoticed = 0;

    (void)state;
    assert_true(json_array_size(rules) > 0);
    assert_int_equal(try_document(document, seen), 0);
    for (size_t i = 0; i < json_array_size(rules); i++) {
        json_t *rule = json_incref(json_array_get(rules, i));

        json_array_remove(rules, i);
        if (try_document(document, seen) == 0) {
            print_error("nobody misses %s\n", json_string_value(json_object_get(rule, "id")));
            unnoticed++;
        }
        json_array_insert_new(rules, i, rule);
    }
    json_decref(seen);
    json_decref(document);
    assert_int_equal(unnoticed, 0);
}

/* Variables that no command gets, one for each pattern of the policy and each reason to have one:
 * code that a program runs at its start, a socket of something outside, a key. Written down here,
 * not read from the policy. */
static const char *const scrubbed[] = {
    "LD_PRELOAD",
    "GCONV_PATH",
    "GLIBC_TUNABLES",
    "LOCPATH",
    "MALLOC_CHECK_",
    "BASH_ENV",
    "ENV",
    "BASH_FUNC_ls%%",
    "BASHOPTS",
    "SHELLOPTS",
    "PS4",
    "PROMPT_COMMAND",
    "IFS",
    "ZDOTDIR",
    "NODE_OPTIONS",
    "NODE_REPL_EXTERNAL_MODULE",
    "BUN_OPTIONS",
    "BUN_INSPECT_PRELOAD",
    "DENO_DIR",
    "PYTHONSTARTUP",
    "PYTHONHOME",
    "PYTHONINSPECT",
    "PYTHONBREAKPOINT",
    "PERL5OPT",
    "PERL5DB",
    "PERL5LIB",
    "PERLLIB",
    "RUBYOPT",
    "RUBYLIB",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "_JAVA_OPTIONS",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_PROXY_COMMAND",
    "GIT_ASKPASS",
    "SSH_ASKPASS",
    "GIT_EXTERNAL_DIFF",
    "GIT_EXEC_PATH",
    "GIT_TEMPLATE_DIR",
    "GIT_CONFIG_COUNT",
    "LESSOPEN",
    "LESSCLOSE",
    "SSH_AUTH_SOCK",
    "SSH_AGENT_PID",
    "GPG_AGENT_INFO",
    "DBUS_SESSION_BUS_ADDRESS",
    "NOTIFY_SOCKET",
    "LISTEN_FDS",
    "TMUX_PANE",
    "ANTHROPIC_BASE_URL",
    "CLAUDE_CODE_MESSAGING_SOCKET",
    "CLAUDE_CODE_OAUTH_REFRESH",
    "OPENAI_ORGANIZATION",
    "AZURE_OPENAI_ENDPOINT",
    "CODEX_API_KEY",
    "COPILOT_PROVIDER_URL",
    "COPILOT_GITHUB_TOKEN",
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "GH_ENTERPRISE_TOKEN",
    "GITHUB_ENTERPRISE_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "MISTRAL_API_KEY",
    "HF_ACCESS_TOKEN",
    "NPM_AUTH_TOKEN",
    "SOME_OAUTH_TOKEN",
    "CODEX_ACCESS_TOKEN",
    "CODEX_CONNECTORS_TOKEN",
    "XDG_RUNTIME_DIR",
};

static const char *const kept[] = {"PATH", "TERM", "LANG", "AGENT_TASK_RUNNER_SOCKET",
                                   "PYTHONPATH"};

static size_t count_passing(const struct policy *policy)
{
    size_t wrong = 0;

    for (size_t i = 0; i < ARRAY_LENGTH(scrubbed); i++)
        wrong += policy_passes_variable(policy, scrubbed[i], strlen(scrubbed[i]));
    for (size_t i = 0; i < ARRAY_LENGTH(kept); i++)
        wrong += !policy_passes_variable(policy, kept[i], strlen(kept[i]));
    return wrong;
}

/* The files that scrub, as one policy, which is what an image has. */
static const char *const scrubbing[] = {"claude.json", "codex.json", "default.json"};

static size_t try_scrubbing(json_t *const documents[ARRAY_LENGTH(scrubbing)])
{
    char directory[PATH_MAX];

    support_directory_make(directory);
    for (size_t i = 0; i < ARRAY_LENGTH(scrubbing); i++) {
        cleanup_free char *text = json_dumps(documents[i], 0);
        support_write(directory, scrubbing[i], text);
    }
    struct policy *policy = support_load(directory, "codex");
    size_t wrong = count_passing(policy);
    policy_free(policy);
    support_directory_remove(directory);
    return wrong;
}

static size_t take_away_names(json_t *const documents[ARRAY_LENGTH(scrubbing)], size_t which)
{
    json_t *scrub = json_object_get(json_object_get(documents[which], "environment"), "scrub");
    size_t missed = 0;

    assert_true(json_array_size(scrub) > 0);
    for (size_t i = 0; i < json_array_size(scrub); i++) {
        json_t *pattern = json_incref(json_array_get(scrub, i));

        /* A list must not be empty. */
        json_array_set_new(scrub, i, json_string("SOME_OTHER_NAME"));
        if (try_scrubbing(documents) == 0) {
            print_error("nobody misses that %s is scrubbed\n", json_string_value(pattern));
            missed++;
        }
        json_array_set_new(scrub, i, pattern);
    }
    return missed;
}

static void misses_every_scrubbed_name(void **state)
{
    json_t *documents[ARRAY_LENGTH(scrubbing)];
    size_t unnoticed = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(scrubbing); i++) {
        char path[PATH_MAX];
        assert_int_equal(path_format(path, SUPPORT_SHIPPED "/%s", scrubbing[i]), 0);
        documents[i] = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    }
    assert_int_equal(try_scrubbing(documents), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(scrubbing); i++)
        unnoticed += take_away_names(documents, i);
    for (size_t i = 0; i < ARRAY_LENGTH(scrubbing); i++)
        json_decref(documents[i]);
    assert_int_equal(unnoticed, 0);
}

/* What is wrong with TEXT beside its rules: whether it denies at all, what the profile without a
 * network has, whose home a command sees. */
static size_t count_wrong_settings(const char *text)
{
    static const char *const variables[] = {"HOME=/home/agentuser", "LOGNAME=agentuser",
                                            "USER=agentuser"};
    struct policy *policy = support_load_text(text, "shell");
    const struct policy_profile *offline = policy_profile_find(policy, "offline");
    size_t wrong = policy_is_observing(policy) || offline == NULL || !offline->has_no_network;

    for (size_t i = 0; i < ARRAY_LENGTH(variables); i++) {
        const char *const *at = policy_variables(policy);

        while (*at != NULL && strcmp(*at, variables[i]) != 0)
            at++;
        wrong += *at == NULL;
    }
    policy_free(policy);
    return wrong;
}

static void misses_every_setting(void **state)
{
    static const struct {
        const char *object[2], *key, *value;
    } rows[] = {
        {{NULL, NULL}, "mode", "observe"},
        {{"profiles", "offline"}, "network", "inherit"},
        {{"environment", "set"}, "HOME", "/home/agentcli"},
        {{"environment", "set"}, "LOGNAME", "agentcli"},
        {{"environment", "set"}, "USER", "agentcli"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        json_t *document = json_load_file(SHIPPED, JSON_REJECT_DUPLICATES, NULL);
        cleanup_free char *before = json_dumps(document, 0);
        json_t *place = document;

        for (size_t j = 0; j < 2 && rows[i].object[j] != NULL; j++)
            place = json_object_get(place, rows[i].object[j]);
        assert_int_equal(json_object_set_new(place, rows[i].key, json_string(rows[i].value)), 0);
        cleanup_free char *after = json_dumps(document, 0);
        json_decref(document);
        assert_int_equal(count_wrong_settings(before), 0);
        assert_int_not_equal(count_wrong_settings(after), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(misses_every_setting),
        cmocka_unit_test(misses_every_rule_that_is_taken_away),
        cmocka_unit_test(misses_every_scrubbed_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
