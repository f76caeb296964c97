/* How git signs, as its configuration says it, and what a session makes of that. */
#include <stdio.h>
#include <string.h>

#include "lib/host/signing_config.h"
#include "tests/unit/host/support.h"

#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0123456789"

static struct signing_config config;

/* Runs SCRIPT in the test's directory, where r is a repository, and asks. */
static void ask(const char *script)
{
    char top[PATH_MAX];
    struct git_identity identity;
    struct error err = ERROR_INITIALIZER;
    snprintf(top, sizeof(top), "%.4000s/r", support_directory);
    support_shell(script);
    assert_int_equal(git_identity_of(top, &identity, &err), 0);
    const struct signing_user user = {
        .top = top, .identity = &identity, .name = "Jane Doe", .email = "jane@example.org"};
    if (signing_config_find(&user, &config, &err) < 0)
        fail_msg("%s", error_text(&err));
}

static void signs_as_git_does(void **state)
{
    (void)state;
    ask("git init -q r");
    assert_int_equal(config.format, MANIFEST_SIGNING_NONE);
    assert_string_equal(config.trouble, "");
    ask("git -C r config commit.gpgSign yes");
    assert_int_equal(config.format, MANIFEST_SIGNING_OPENPGP);
    assert_string_equal(config.key, "Jane Doe <jane@example.org>");
    assert_true(config.commits && !config.tags);
    ask("git -C r config user.signingKey ABCD; git -C r config commit.gpgSign false");
    assert_int_equal(config.format, MANIFEST_SIGNING_OPENPGP);
    assert_string_equal(config.key, "ABCD");
    assert_false(config.commits || config.tags);
    ask("git -C r config tag.gpgSign 1; git -C r config gpg.format openpgp");
    assert_true(config.tags);
}

static void finds_a_key_of_ssh(void **state)
{
    (void)state;
    ask("git init -q r; git -C r config gpg.format ssh; git -C r config user.signingKey 'key::" KEY
        " jane'");
    assert_int_equal(config.format, MANIFEST_SIGNING_SSH);
    assert_string_equal(config.key, KEY);
    assert_string_equal(config.file, "");
    /* The public key, the secret one beside it, and from the home directory. */
    ask("echo '" KEY
        " jane' >key.pub; echo secret >key; git -C r config user.signingKey \"$PWD/key\"");
    assert_string_equal(config.key, KEY);
    assert_non_null(strstr(config.file, "/key"));
    ask("cp key.pub home/; git -C r config user.signingKey '~/key.pub'");
    assert_string_equal(config.key, KEY);
    assert_non_null(strstr(config.file, "/key.pub"));
}

static void says_what_a_session_cannot_do(void **state)
{
    static const char *const scripts[] = {
        "git -C r config gpg.format x509",
        "git -C r config gpg.format ssh; git -C r config --unset user.signingKey",
        "git -C r config user.signingKey /nowhere",
        "git -C r config user.signingKey ssh-nothing",
    };
    (void)state;
    ask("git init -q r; git -C r config user.signingKey ABCD; git -C r config commit.gpgSign true");
    assert_string_equal(config.trouble, "");
    for (size_t i = 0; i < ARRAY_LENGTH(scripts); i++) {
        ask(scripts[i]);
        assert_int_equal(config.format, MANIFEST_SIGNING_NONE);
        assert_true(config.trouble[0] != '\0' && !config.commits);
    }
    /* Nothing is said where nothing is wanted. */
    ask("mkdir -p home/.config/coding-agents; echo '{\"version\": 1, \"sign\": \"off\"}' "
        ">home/.config/coding-agents/secrets.json");
    assert_string_equal(config.trouble, "");
    assert_int_equal(config.format, MANIFEST_SIGNING_NONE);
}

static void reads_public_keys_and_nothing_else(void **state)
{
    static const char *const refused[] = {
        "",
        "ssh-ed25519",
        "ssh-ed25519 ",
        "ssh-ed25519 AAAA",
        "other AAAAC3NzaC1lZDI1NTE5AAAAIJ",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5\x01",
        "-----BEGIN OPENSSH PRIVATE KEY-----\n",
    };
    char key[SIGNING_KEY_BYTES];
    (void)state;
    assert_int_equal(signing_config_parse_key(KEY " who\n", strlen(KEY " who\n"), key), 0);
    assert_string_equal(key, KEY);
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++)
        assert_true(signing_config_parse_key(refused[i], strlen(refused[i]), key) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(signs_as_git_does, support_enter, support_leave),
        cmocka_unit_test_setup_teardown(finds_a_key_of_ssh, support_enter, support_leave),
        cmocka_unit_test_setup_teardown(says_what_a_session_cannot_do, support_enter,
                                        support_leave),
        cmocka_unit_test(reads_public_keys_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
