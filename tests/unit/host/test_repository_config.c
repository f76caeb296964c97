/* What of a repository configures an agent, and what becomes of its acceptance when it changes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/path.h"
#include "lib/host/refused_variables.h"
#include "lib/host/repository_config.h"
#include "lib/host/session_trust.h"
#include "tests/unit/host/support.h"

#define TABLE "policies/agent-config.tab"
#define VARIABLES "policies/refused-variables.tab"

static struct repository repository;
static struct agent_config_table table;
static struct repository_config config;

static int find(const char *agent, bool with_ignored, struct error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s/r", support_directory);
    repository_free(&repository);
    agent_config_table_free(&table);
    repository_config_free(&config);
    assert_int_equal(repository_inspect(path, with_ignored, &repository, err), 0);
    assert_int_equal(agent_config_table_read(TABLE, agent, &table, err), 0);
    return repository_config_find(&repository, agent, with_ignored, &table, &config, err);
}

static enum repository_config_trust trust_of(const char *agent, bool with_ignored)
{
    struct error err = ERROR_INITIALIZER;
    if (find(agent, with_ignored, &err) < 0)
        fail_msg("%s", error_text(&err));
    return config.trust;
}

static void accept_it(void)
{
    struct error err = ERROR_INITIALIZER;
    if (repository_config_accept(&config, repository.top, &err) < 0)
        fail_msg("%s", error_text(&err));
}

static void refused(const char *said)
{
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(find("claude", false, &err), -EINVAL);
    if (strstr(error_text(&err), said) == NULL)
        fail_msg("said '%s', not '%s'", error_text(&err), said);
    assert_int_equal(config.trust, REPOSITORY_CONFIG_UNTRUSTED);
}

static int enter(void **state)
{
    int status = support_enter(state);
    support_shell("git init -q r && cd r && mkdir -p .claude deep/.claude/skills .codex\n"
                  "echo 1 >.claude/settings.json && echo 2 >deep/.claude/skills/a\n"
                  "echo .claude/settings.local.json >.gitignore && echo x >.codex/config.toml\n"
                  "echo y >file && echo z >.claudex");
    return status;
}

static int leave(void **state)
{
    repository_free(&repository);
    agent_config_table_free(&table);
    repository_config_free(&config);
    return support_leave(state);
}

static void test_a_change_ends_trust(void **state)
{
    (void)state;
    assert_int_equal(trust_of("claude", false), REPOSITORY_CONFIG_UNTRUSTED);
    assert_int_equal(config.paths.count, 2);
    assert_string_equal(config.paths.items[0], ".claude/settings.json");
    assert_string_equal(config.paths.items[1], "deep/.claude/skills/a");
    accept_it();
    assert_int_equal(trust_of("claude", false), REPOSITORY_CONFIG_TRUSTED);
    static const char *const changes[] = {
        "echo 3 >r/.claude/settings.json",        "touch r/.claude/new",
        "chmod +x r/deep/.claude/skills/a",       "rm r/.claude/settings.json",
        "mv r/.claude/settings.json r/.claude/b", "touch r/.mcp.json",
        "mkdir r/.git/../x; touch r/x/.mcp.json",
    };
    support_shell("cp -a r kept");
    for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
        support_shell(changes[i]);
        if (trust_of("claude", false) != REPOSITORY_CONFIG_CHANGED)
            fail_msg("after '%s' it is still trusted", changes[i]);
        support_shell("rm -r r && cp -a kept r");
        assert_int_equal(trust_of("claude", false), REPOSITORY_CONFIG_TRUSTED);
    }
    support_shell("echo other >>r/file; echo more >>r/.codex/config.toml");
    assert_int_equal(trust_of("claude", false), REPOSITORY_CONFIG_TRUSTED);
}

/* Each agent, each kind of session and each repository for itself. */
static void test_an_acceptance_is_for_one(void **state)
{
    (void)state;
    struct stat info;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(trust_of("claude", false), REPOSITORY_CONFIG_UNTRUSTED);
    accept_it();
    assert_int_equal(stat(config.directory, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_int_equal(trust_of("codex", false), REPOSITORY_CONFIG_UNTRUSTED);
    assert_int_equal(config.paths.count, 1);
    support_shell("echo 4 >r/.claude/settings.local.json");
    assert_int_equal(trust_of("claude", true), REPOSITORY_CONFIG_UNTRUSTED);
    assert_int_equal(config.paths.count, 3);
    assert_int_equal(trust_of("claude", false), REPOSITORY_CONFIG_TRUSTED);
    support_shell("mv r s && cp -a s r && ln -sfn s t");
    assert_int_equal(trust_of("claude", false), REPOSITORY_CONFIG_TRUSTED);
    assert_int_equal(repository_config_revoke(&config, &err), 0);
    assert_int_equal(trust_of("claude", false), REPOSITORY_CONFIG_UNTRUSTED);
    assert_int_equal(trust_of("shell", false), REPOSITORY_CONFIG_NONE);
}

static void test_links_are_refused_by_name(void **state)
{
    (void)state;
    support_shell("cd r && mv .claude real && ln -s real .claude");
    refused("'.claude' is a symbolic link");
    support_shell("cd r && rm .claude && mv real .claude && ln -s ../file .claude/link");
    refused("'.claude/link' is a symbolic link");
    support_shell("cd r && rm .claude/link && mkdir x && ln -s ../.claude x/.claude");
    refused("'x/.claude' is a symbolic link");
    support_shell("cd r && rm x/.claude && ln -s file x/other");
    assert_int_equal(trust_of("claude", false), REPOSITORY_CONFIG_UNTRUSTED);
    accept_it();
    assert_int_equal(trust_of("claude", false), REPOSITORY_CONFIG_TRUSTED);
}

static void test_sizes_are_bounded(void **state)
{
    (void)state;
    support_shell("head -c 4194304 /dev/zero >r/.claude/big");
    refused("'.claude/big' they are larger than");
    support_shell("rm r/.claude/big && cd r/.claude && for i in $(seq 1030); do : >f$i; done");
    refused("1024 is the most");
}

/* What was kept is damaged: it is not what is there. */
static void test_a_damaged_acceptance_is_none(void **state)
{
    (void)state;
    assert_int_equal(trust_of("claude", false), REPOSITORY_CONFIG_UNTRUSTED);
    accept_it();
    support_shell("for f in home/coding-agents/trust/*/claude; do truncate -s -1 $f; done");
    assert_int_equal(trust_of("claude", false), REPOSITORY_CONFIG_CHANGED);
    support_shell("for f in home/coding-agents/trust/*/claude; do : >$f; done");
    assert_int_equal(trust_of("claude", false), REPOSITORY_CONFIG_CHANGED);
}

static void test_advice_is_one_safe_line(void **state)
{
    (void)state;
    support_shell("cd r && : >.claude/\"$(printf 'a\\033[2J\\nb')\"");
    assert_int_equal(trust_of("claude", false), REPOSITORY_CONFIG_UNTRUSTED);
    cleanup_free char *advice =
        repository_config_advice(&config, &repository, "claude", true, false);
    assert_non_null(strstr(advice, "(.claude/a\\x1b[2J\\x0ab and 2 more)"));
    assert_non_null(strstr(advice, "does nothing: coding-agents trust-config claude /"));
    assert_non_null(strstr(advice, " --include-ignored"));
    assert_null(strpbrk(advice, "\n\033"));
    accept_it();
    assert_int_equal(trust_of("claude", false), REPOSITORY_CONFIG_TRUSTED);
    assert_null(repository_config_advice(&config, &repository, "claude", false, false));
}

static void test_what_a_session_is_told(void **state)
{
    (void)state;
    struct error err = ERROR_INITIALIZER;
    struct session_trust trust = {.agent = "claude"};
    assert_int_equal(agent_config_table_read(TABLE, "claude", &trust.table, &err), 0);
    char *variables = strdup("A=1");
    trust.config.trust = REPOSITORY_CONFIG_CHANGED;
    assert_ptr_equal(session_trust_words(&trust), &trust.table.untrusted);
    assert_int_equal(trust.table.untrusted.count, 2);
    assert_int_equal(session_trust_add_variables(&trust, &variables, &err), 0);
    assert_string_equal(variables, "A=1");
    trust.asks = true;
    assert_null(session_trust_words(&trust));
    trust.config.trust = REPOSITORY_CONFIG_TRUSTED;
    assert_ptr_equal(session_trust_words(&trust), &trust.table.trusted);
    assert_int_equal(session_trust_add_variables(&trust, &variables, &err), 0);
    assert_string_equal(variables, "A=1\nCLAUDE_CODE_SANDBOXED=1\n");
    free(variables);
    session_trust_free(&trust);
}

/* clang-format off */
static const struct { const char *agent; const char *words[3]; bool is_unasked; } unasked_cases[] = {
    {"claude", {NULL}, false},
    {"claude", {"--model", "opus"}, false},
    {"claude", {"-p", "go"}, true},
    {"claude", {"--model", "--print"}, true},
    {"claude", {"--print=x"}, true},
    {"claude", {"-pgo"}, true},
    {"claude", {"-cp"}, true},
    {"claude", {"--permission-mode", "plan"}, false},
    {"codex", {"-p"}, false},
};
/* clang-format on */

static void test_who_asks_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(unasked_cases); i++) {
        struct error err = ERROR_INITIALIZER;
        struct agent_config_table rows;
        assert_int_equal(agent_config_table_read(TABLE, unasked_cases[i].agent, &rows, &err), 0);
        assert_int_equal(
            agent_config_table_is_unasked(&rows, (char *const *)(uintptr_t)unasked_cases[i].words),
            unasked_cases[i].is_unasked);
        agent_config_table_free(&rows);
    }
}

/* clang-format off */
static const struct { const char *text; const char *said; } variable_cases[] = {
    {"A=1\nANTHROPIC_API_KEY=BUN_OPTIONS=1\n#BUN_OPTIONS=1\n", NULL},
    {"A=1\nBUN_OPTIONS=secret", "line 2 sets BUN_OPTIONS, which is refused"},
    {"LD_PRELOAD=secret\n", "line 1 sets LD_PRELOAD"},
    {"\n\nNODE_OPTIONS=secret\n", "line 3 sets NODE_OPTIONS"},
    {"BUN_INSPECT_BRK=secret", "sets BUN_INSPECT_BRK"},
    {"COPILOT_ALLOW_ALL=1", NULL},
    {"COPILOT_ALLOW_ALL=0\nCOPILOT_ALLOW_ALL=false\nCOPILOT_ALLOW_ALL=\n", NULL},
    {"COPILOT_ALLOW_ALL=true", "sets COPILOT_ALLOW_ALL"},
    {"COPILOT_ALLOW_ALL=TRUE", "sets COPILOT_ALLOW_ALL"},
    {"COPILOT_ALLOW_ALL= true", "sets COPILOT_ALLOW_ALL"},
    {"COPILOT_ALLOW_ALL=yes", "sets COPILOT_ALLOW_ALL"},
    {"COPILOT_ALLOW_ALL=10", "sets COPILOT_ALLOW_ALL"},
    {"OPENSSL_ia32cap=secret", "sets OPENSSL_ia32cap"},
    {"CLAUDE_CODE_SANDBOXED=0", "sets CLAUDE_CODE_SANDBOXED"},
    {"NODE_EXTRA_CA_CERTS=/x", NULL},
    /* What moves the program's own code, or what it trusts. */
    {"COPILOT_CLI_DIST_DIR=secret", "sets COPILOT_CLI_DIST_DIR"},
    {"COPILOT_CLI_PATH=secret", "sets COPILOT_CLI_PATH"},
    {"COPILOT_CACHE_HOME=secret", "sets COPILOT_CACHE_HOME"},
    {"COPILOT_PKG_CACHE_HOME=secret", "sets COPILOT_PKG_CACHE_HOME"},
    {"COPILOT_SDK_PATH=secret", "sets COPILOT_SDK_PATH"},
    {"COPILOT_HOME=secret", "sets COPILOT_HOME"},
    {"COPILOT_AUTO_UPDATE=secret", "sets COPILOT_AUTO_UPDATE"},
    {"COPILOT_PROVIDER_API_KEY_COMMAND=secret", "sets COPILOT_PROVIDER_API_KEY_COMMAND"},
    {"GITHUB_COPILOT_PROMPT_MODE_REPO_HOOKS=secret", "trust-config"},
    {"CLAUDE_CONFIG_DIR=secret", "sets CLAUDE_CONFIG_DIR"},
    {"CLAUDE_CODE_PLUGIN_DIRS=secret", "sets CLAUDE_CODE_PLUGIN_DIRS"},
    {"CLAUDE_CODE_PROCESS_WRAPPER=secret", "sets CLAUDE_CODE_PROCESS_WRAPPER"},
    {"CLAUDE_CODE_OF_ANOTHER_VERSION=secret", "options behind -- are yours"},
    {"CODEX_HOME=secret", "sets CODEX_HOME"},
    {"CODEX_EXEC_SERVER_URL=secret", "sets CODEX_EXEC_SERVER_URL"},
    {"XDG_CONFIG_HOME=secret", "sets XDG_CONFIG_HOME"},
    {"PATH=secret", "sets PATH"},
    /* And what a session needs. */
    {"ANTHROPIC_BASE_URL=x\nCLAUDE_CODE_OAUTH_TOKEN=x\nCLAUDE_CODE_USE_BEDROCK=1\n", NULL},
    {"CODEX_API_KEY=x\nCODEX_ACCESS_TOKEN=x\nOPENAI_API_KEY=x\nTEST_WORD=x\n", NULL},
    {"COPILOT_GITHUB_TOKEN=x\nCOPILOT_PROVIDER_BASE_URL=x\nCOPILOT_MODEL=x\n", NULL},
    {"COPILOT_PROVIDER_API_KEY=x\nCOPILOT_OFFLINE=true\nHTTPS_PROXY=x\nAWS_REGION=x\n", NULL},
};
/* clang-format on */

static void test_refused_variables(void **state)
{
    (void)state;
    char longest[1024];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    memcpy(longest, "LD_", 3);
    struct error long_err = ERROR_INITIALIZER;
    assert_int_equal(refused_variables_check(VARIABLES, longest, &long_err), -EINVAL);
    for (size_t i = 0; i < ARRAY_LENGTH(variable_cases); i++) {
        struct error err = ERROR_INITIALIZER;
        int status = refused_variables_check(VARIABLES, variable_cases[i].text, &err);
        assert_int_equal(status, variable_cases[i].said == NULL ? 0 : -EINVAL);
        if (variable_cases[i].said != NULL)
            assert_non_null(strstr(error_text(&err), variable_cases[i].said));
        assert_null(strstr(error_text(&err), "secret"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_change_ends_trust, enter, leave),
        cmocka_unit_test_setup_teardown(test_an_acceptance_is_for_one, enter, leave),
        cmocka_unit_test_setup_teardown(test_links_are_refused_by_name, enter, leave),
        cmocka_unit_test_setup_teardown(test_sizes_are_bounded, enter, leave),
        cmocka_unit_test_setup_teardown(test_a_damaged_acceptance_is_none, enter, leave),
        cmocka_unit_test_setup_teardown(test_advice_is_one_safe_line, enter, leave),
        cmocka_unit_test(test_what_a_session_is_told),
        cmocka_unit_test(test_who_asks_nothing),
        cmocka_unit_test(test_refused_variables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
