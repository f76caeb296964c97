/* What the shipped table says of command lines and variables before a vendor's agent starts. */
#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/host/agent_start.h"
#include "tests/unit/host/support.h"

#define SHIPPED "policies/agent-start.tab"

struct start_case {
    const char *agent;
    const char *arguments[4];
    const char *variables;
    const char *missing; /* NULL: nothing; else what the list begins with */
    const char *refused; /* NULL: not */
};

/* clang-format off */
static const struct start_case cases[] = {
    {"shell", {"update"}, NULL, NULL, NULL},
    {"claude", {NULL}, NULL, "ANTHROPIC_API_KEY, CLAUDE_CODE_OAUTH_TOKEN or ANTHROPIC_AUTH_TOKEN", NULL},
    {"claude", {NULL}, "A=b\n", "ANTHROPIC_API_KEY, ", NULL},
    {"claude", {NULL}, "A=b\nANTHROPIC_API_KEY=x\n", NULL, NULL},
    {"claude", {NULL}, "CLAUDE_CODE_USE_BEDROCK=1", NULL, NULL},
    /* Neither a value that is empty, nor a longer name, nor what stands in a value. */
    {"claude", {NULL}, "ANTHROPIC_API_KEY=\nB=c", "ANTHROPIC_API_KEY, ", NULL},
    {"claude", {NULL}, "ANTHROPIC_API_KEY=", "ANTHROPIC_API_KEY, ", NULL},
    {"claude", {NULL}, "ANTHROPIC_API_KEYS=x\nXANTHROPIC_API_KEY=y", "ANTHROPIC_API_KEY, ", NULL},
    {"claude", {NULL}, "A=ANTHROPIC_API_KEY=x", "ANTHROPIC_API_KEY, ", NULL},
    {"claude", {"--version"}, NULL, NULL, NULL},
    {"claude", {"-p", "--versions"}, NULL, "ANTHROPIC_API_KEY, ", NULL},
    {"claude", {"update"}, "ANTHROPIC_API_KEY=x", NULL, "'claude update' is of no use in a session: its version is the image's"},
    {"claude", {"-p", "update"}, "ANTHROPIC_API_KEY=x", NULL, NULL},
    {"codex", {NULL}, "ANTHROPIC_API_KEY=x", "CODEX_API_KEY, CODEX_ACCESS_TOKEN or OPENAI_API_KEY", NULL},
    {"codex", {"-c", "model_provider=mine"}, "MINE_KEY=x", NULL, NULL},
    {"codex", {"exec", "--oss"}, NULL, NULL, NULL},
    {"codex", {"update"}, NULL, NULL, "'codex update'"},
    {"copilot", {NULL}, NULL, "COPILOT_GITHUB_TOKEN, GH_TOKEN, GITHUB_TOKEN or COPILOT_PROVIDER_BASE_URL", NULL},
    {"copilot", {NULL}, "COPILOT_PROVIDER_BASE_URL=http://localhost", NULL, NULL},
    {"copilot", {"update"}, NULL, NULL, "'copilot update'"},
};
/* clang-format on */

static void check(const struct start_case *row)
{
    struct agent_start start;
    struct error err = ERROR_INITIALIZER;
    const struct agent_start_request request = {
        .agent = row->agent,
        .arguments = (char *const *)(uintptr_t)row->arguments,
        .variables = row->variables,
    };
    int result = agent_start_check(SHIPPED, &request, &start, &err);
    assert_int_equal(result, row->refused == NULL ? 0 : -EPERM);
    if (row->refused != NULL) {
        assert_ptr_equal(strstr(error_text(&err), row->refused), error_text(&err));
        return;
    }
    assert_int_equal(start.is_vendors, strcmp(row->agent, "shell") != 0);
    if (row->missing == NULL)
        assert_string_equal(start.missing, "");
    else
        assert_ptr_equal(strstr(start.missing, row->missing), start.missing);
}

static void says_what_is_missing_and_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        check(&cases[i]);
}

static void says_what_to_do(void **state)
{
    char text[2 * AGENT_START_TEXT];
    struct agent_start start = {.is_vendors = true, .missing = "A or B"};
    (void)state;
    agent_start_warn(&start, "claude", false, text);
    assert_string_equal(
        text, "claude is given no login and can ask for none without a terminal: --env-file "
              "FILE hands it A or B, one NAME=VALUE a line");
    agent_start_warn(&start, "claude", true, text);
    assert_non_null(strstr(text, "and has to ask for one: "));
    agent_start_advise(&start, "abcdefgh", false, text);
    assert_string_equal(text, "it was given no login: --env-file FILE hands it A or B");
    start.missing[0] = '\0';
    agent_start_warn(&start, "claude", false, text);
    assert_string_equal(text, "");
    agent_start_advise(&start, "abcdefgh", false, text);
    assert_string_equal(text, "coding-agents logs abcdefgh shows what it said");
    agent_start_advise(&start, "abcdefgh", true, text);
    assert_string_equal(text, "coding-agents record abcdefgh shows what it ran");
    start.is_vendors = false;
    agent_start_advise(&start, "abcdefgh", false, text);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_missing_and_refused),
        cmocka_unit_test(says_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
