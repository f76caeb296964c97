/* What git and its credential helpers say to each other. */
#include <errno.h>
#include <string.h>

#include "host-shim/git-proxy/credential_text.h"
#include "lib/base/cleanup.h"
#include "tests/unit/wire/support.h"

static int ask(const char *text, struct credential_question *question)
{
    struct error err = ERROR_INITIALIZER;
    int result = credential_question_parse(text, strlen(text), question, &err);
    assert_true((result == 0) == (err.message[0] == '\0'));
    return result;
}

static void reads_a_question(void **state)
{
    (void)state;
    struct credential_question question = {.url = {0}};
    assert_int_equal(
        ask("capability[]=authtype\nprotocol=https\nhost=h.example:8443\npath=a/b.git\n"
            "wwwauth[]=Basic realm=\"x\"\nusername=jane\n\n",
            &question),
        0);
    assert_string_equal(question.url, "https://h.example:8443/a/b.git");
    /* What follows its end does not count. */
    assert_int_equal(ask("protocol=https\nhost=h\npath=a\n\nhost=other\n", &question), 0);
    assert_string_equal(question.url, "https://h/a");
}

static void refuses_other_questions(void **state)
{
    (void)state;
    struct credential_question question = {.url = {0}};
    static const char *const texts[] = {
        "",
        "\n",
        "protocol=https\nhost=h\n\n",
        "protocol=http\nhost=h\npath=a\n",
        "protocol=https\nhost=h\npath=a\nhost=other\n",
        "protocol=https\nhost=h\npath=a\nurl=https://other/b\n",
        "protocol=https\nhost=h/x?\npath=a\n",
        "protocol=https\nhost=jane:x@h\npath=a\n",
        "protocol=https\nhost=h;id\npath=a\n",
        "protocol=https\nhost=h\npath=a b\n",
        "protocol=https\nhost=h\npath=a\rb\n",
        "protocol=https\nhost\npath=a\n",
        "=x\nprotocol=https\nhost=h\npath=a\n",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        if (ask(texts[i], &question) == 0)
            fail_msg("taken: %s", texts[i]);
        assert_string_equal(question.url, "");
    }
}

static void reads_an_answer_whole_or_not_at_all(void **state)
{
    (void)state;
    char username[8];
    char password[8];
    const struct credential_answer answer = {username, sizeof(username), password,
                                             sizeof(password)};
    static const struct {
        const char *text;
        int result;
    } cases[] = {
        {"protocol=https\nusername=jane\npassword=p=q\n", 0},
        {"username=jane\n", -ENOENT},
        {"username=jane\npassword=\n", -EPROTO},
        {"username=jane\npassword=12345678\n", -EPROTO},
        {"username=jane\npassword=a\npassword=b\n", -EPROTO},
        {"username=ja\tne\npassword=a\n", -EPROTO},
        {"username=jane\npassword=a\rb\n", -EPROTO},
        {"", -ENOENT},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        int result = credential_answer_parse(cases[i].text, strlen(cases[i].text), &answer);
        if (result != cases[i].result)
            fail_msg("%d: %s", result, cases[i].text);
        assert_string_equal(password, result == 0 ? "p=q" : "");
        assert_string_equal(username, result == 0 ? "jane" : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_question),
        cmocka_unit_test(refuses_other_questions),
        cmocka_unit_test(reads_an_answer_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
