/* A login that its agent renewed: what of it is taken, and what becomes of the host's by it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/host/login_renewal.h"
#include "tests/unit/broker/stage.h"

static const struct {
    const char *agent;
    const char *host;
    const char *renewed;
    int read;
    int applied;
    const char *result;
} cases[] = {
    {"claude", "{\"claudeAiOauth\":{\"accessToken\":\"a\",\"expiresAt\":1}}",
     "{\"claudeAiOauth\":{\"accessToken\":\"b\",\"expiresAt\":2}}", 0, 0,
     "{\"claudeAiOauth\":{\"accessToken\":\"b\",\"expiresAt\":2}}"},
    /* What else is in the file is the host's, and what it has not is not brought. */
    {"claude", "{\"mcp\":{\"x\":1},\"claudeAiOauth\":{\"accessToken\":\"a\",\"scopes\":[\"s\"]}}\n",
     "{\"mcp\":{\"x\":2},\"claudeAiOauth\":{\"accessToken\":\"b\",\"refreshToken\":\"r\","
     "\"scopes\":[]},"
     "\"hooks\":{\"x\":\"rm\"}}",
     0, 0, "{\"mcp\":{\"x\":1},\"claudeAiOauth\":{\"accessToken\":\"b\",\"scopes\":[\"s\"]}}\n"},
    /* Values of another kind, or of more than a line. */
    {"claude", "{\"claudeAiOauth\":{\"accessToken\":\"a\",\"expiresAt\":1}}",
     "{\"claudeAiOauth\":{\"accessToken\":\"a\",\"expiresAt\":\"1\"}}", 0, -ENODATA, NULL},
    {"claude", "{\"claudeAiOauth\":{\"accessToken\":\"a\"}}",
     "{\"claudeAiOauth\":{\"accessToken\":\"b\\nc\"}}", 0, -ENODATA, NULL},
    {"claude", "{\"claudeAiOauth\":{\"accessToken\":\"a\"}}", "{\"claudeAiOauth\":{}}", -EINVAL, 0,
     NULL},
    {"claude", "{\"claudeAiOauth\":{\"accessToken\":\"a\"}}", "sk-ant-0123456789", -EINVAL, 0,
     NULL},
    {"claude", "{\"claudeAiOauth\":{\"accessToken\":\"a\"}}", "{\"claudeAiOauth\":", -EINVAL, 0,
     NULL},
    {"claude", "[]", "{\"claudeAiOauth\":{\"accessToken\":\"b\"}}", 0, -EINVAL, NULL},
    {"codex",
     "{\n  \"OPENAI_API_KEY\": null,\n  \"tokens\": {\n    \"access_token\": \"a\",\n    "
     "\"account_id\": "
     "\"1\"\n  },\n  \"last_refresh\": \"x\"\n}",
     "{\"tokens\":{\"access_token\":\"b\",\"account_id\":\"1\"},\"last_refresh\":\"y\",\"OPENAI_"
     "API_KEY\":"
     "\"k\"}",
     0, 0,
     "{\n  \"OPENAI_API_KEY\": null,\n  \"tokens\": {\n    \"access_token\": \"b\",\n    "
     "\"account_id\": "
     "\"1\"\n  },\n  \"last_refresh\": \"y\"\n}"},
    {"codex", "{\"tokens\":{\"access_token\":\"a\",\"account_id\":\"1\"}}",
     "{\"tokens\":{\"access_token\":\"b\",\"account_id\":\"2\"}}", 0, -EPERM, NULL},
    {"codex", "{\"tokens\":{\"access_token\":\"a\",\"account_id\":\"1\"}}",
     "{\"tokens\":{\"access_token\":\"b\"}}", 0, -EPERM, NULL},
    /* A time of renewal without one, and with the account's name alone. */
    {"codex",
     "{\"OPENAI_API_KEY\":\"k\",\"tokens\":{\"access_token\":\"a\"},\"last_refresh\":\"x\"}",
     "{\"OPENAI_API_KEY\":\"k\",\"last_refresh\":\"y\"}", 0, -ENODATA, NULL},
    {"codex",
     "{\"OPENAI_API_KEY\":\"k\",\"tokens\":{\"access_token\":\"a\",\"account_id\":\"1\"},\"last_"
     "refresh\":\"x\"}",
     "{\"OPENAI_API_KEY\":\"k\",\"tokens\":{\"account_id\":\"1\"},\"last_refresh\":\"y\"}", 0,
     -ENODATA, NULL},
    {"copilot", "// of Copilot\n{\"copilot_tokens\":{\"h:u\":\"a\"},\"trusted\":[]}",
     "// other\n{\"copilot_tokens\":{\"h:u\":\"b\",\"h:v\":\"c\"},\"trusted\":[\"/\"]}", 0, 0,
     "// of Copilot\n{\"copilot_tokens\":{\"h:u\":\"b\"},\"trusted\":[]}"},
};

static void takes_what_a_renewal_is_about(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        json_t *renewal = NULL;
        char *text = NULL;
        struct error err = ERROR_INITIALIZER;
        assert_int_equal(login_renewal_read(cases[i].agent, cases[i].renewed,
                                            strlen(cases[i].renewed), &renewal, &err),
                         cases[i].read);
        if (cases[i].read == 0) {
            assert_int_equal(login_renewal_apply(cases[i].agent, renewal, cases[i].host,
                                                 strlen(cases[i].host), &text, &err),
                             cases[i].applied);
            if (cases[i].applied == 0)
                assert_string_equal(text, cases[i].result);
            json_decref(renewal);
        }
        free(text);
    }
}

/* SIZE bytes of a login whose one token has VALUE_BYTES; what fills it up is not a token's. */
static char *make_login(size_t size, size_t value_bytes)
{
    char *text = calloc(1, size + 1);
    assert_non_null(text);
    char *end = stpcpy(text, "{\"claudeAiOauth\":{\"accessToken\":\"");
    memset(end, 'a', value_bytes);
    end = stpcpy(end + value_bytes, "\"},\"x\":\"");
    memset(end, 'b', size - 2 - (size_t)(end - text));
    memcpy(text + size - 2, "\"}", 2);
    return text;
}

/* The host's login and a longer token: what a session could not start with is not made. */
static void makes_no_login_that_is_too_long(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        int result;
    } tries[] = {{REDEEM_SECRET_BYTES_MAX - 99, 0}, {REDEEM_SECRET_BYTES_MAX - 98, -EINVAL}};
    struct error err = ERROR_INITIALIZER;
    json_t *renewal = NULL;
    cleanup_free char *renewed = make_login(400, 199);
    assert_int_equal(login_renewal_read("claude", renewed, 400, &renewal, &err), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(tries); i++) {
        cleanup_free char *host = make_login(tries[i].size, 100);
        cleanup_free char *text = NULL;
        assert_int_equal(login_renewal_apply("claude", renewal, host, tries[i].size, &text, &err),
                         tries[i].result);
        assert_int_equal(text != NULL, tries[i].result == 0);
    }
    json_decref(renewal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_a_renewal_is_about),
        cmocka_unit_test(makes_no_login_that_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
