/* The end of an audit log: signed by the key that the log names, and by no other. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/wire/audit_support.h"

static struct audit_key *make_key(void)
{
    struct audit_key *key = NULL;
    struct error err = ERROR_INITIALIZER;
    if (audit_key_make(&key, &err) != 0)
        fail_msg("%s", error_text(&err));
    return key;
}

static void append_key(struct audit_log *log, const struct audit_key *key)
{
    audit_support_append(
        log, AUDIT_AUDIT_KEY, &audit_support_keeper,
        json_pack("{s:s, s:s}", "algorithm", "ed25519", "public_key", audit_key_public(key)));
}

static void append_end(struct audit_log *log, const struct audit_key *key)
{
    struct error err = ERROR_INITIALIZER;
    if (audit_log_append_end(log, &audit_support_keeper, key, &err) != 0)
        fail_msg("%s", error_text(&err));
}

static void closes_with_a_signature(void **state)
{
    (void)state;
    struct audit_chain chain;
    struct audit_key *first = make_key();
    struct audit_key *second = make_key();
    assert_string_not_equal(audit_key_public(first), audit_key_public(second));
    struct audit_log *log = audit_support_open();
    append_key(log, first);
    append_key(log, second);
    audit_support_append(log, AUDIT_OVERRIDE_USED, &audit_support_keeper,
                         json_pack("{s:s}", "what", "x"));
    append_end(log, second);
    audit_support_append(
        log, AUDIT_WORK_COLLECTED, &audit_support_collect,
        json_pack("{s:s, s:s, s:s}", "branch", "b", "commit", "c", "repository", "/r"));
    audit_log_close(log);
    assert_int_equal(audit_log_verify(audit_support_log, &chain, NULL), 0);
    assert_true(chain.is_closed && chain.is_signed);
    assert_int_equal(chain.closed_at, 4);
    assert_string_equal(chain.key, audit_key_public(second));
    audit_key_free(first);
    audit_key_free(second);
    audit_key_free(NULL);
}

enum forgery { SAME_KEY, OTHER_KEY, NO_SIGNATURE, NO_KEY, OTHER_COUNT, BY_BOOT, FORGERIES };

/* A log that is chained as it should be; only its end is not what the key's owner would write. */
static void write_forgery(enum forgery forgery, const struct audit_key *key,
                          const struct audit_key *other)
{
    char signature[AUDIT_SIGNATURE_SIZE];
    const struct audit_source boot = {.program = "boot"};
    unlink(audit_support_log);
    struct audit_log *log = audit_support_open();
    if (forgery != NO_KEY)
        append_key(log, key);
    audit_support_append(log, AUDIT_OVERRIDE_USED, &audit_support_keeper,
                         json_pack("{s:s}", "what", "x"));
    if (forgery == SAME_KEY || forgery == OTHER_KEY || forgery == NO_KEY) {
        append_end(log, forgery == OTHER_KEY ? other : key);
    } else if (forgery == NO_SIGNATURE) {
        audit_support_append(log, AUDIT_AUDIT_CLOSED, &audit_support_keeper,
                             json_pack("{s:i}", "records", 2));
    } else {
        char previous[AUDIT_DIGEST_SIZE];
        struct audit_chain chain;
        assert_int_equal(audit_log_verify(audit_support_log, &chain, NULL), 0);
        memcpy(previous, chain.previous, sizeof(previous));
        const struct audit_end end = {.session = SUPPORT_SESSION,
                                      .previous = previous,
                                      .records = forgery == OTHER_COUNT ? 1 : 2};
        assert_int_equal(audit_key_sign(key, &end, signature, NULL), 0);
        audit_support_append(
            log, AUDIT_AUDIT_CLOSED, forgery == BY_BOOT ? &boot : &audit_support_keeper,
            json_pack("{s:i, s:s}", "records", (int)end.records, "signature", signature));
    }
    audit_log_close(log);
}

static void refuses_an_end_that_its_key_did_not_sign(void **state)
{
    (void)state;
    /* clang-format off */
    static const char *const expected[FORGERIES] = {
        [SAME_KEY]     = NULL,
        [OTHER_KEY]    = "line 3: it closes the log without the signature of the log's key",
        [NO_SIGNATURE] = "line 3: it closes the log without the signature of the log's key",
        [NO_KEY]       = "line 2: it closes the log with a key that the log does not name",
        [OTHER_COUNT]  = "line 3: it closes the log with another number of lines",
        [BY_BOOT]      = "line 3: it is the keeper's to say",
    };
    /* clang-format on */
    struct audit_key *key = make_key();
    struct audit_key *other = make_key();
    for (enum forgery forgery = 0; forgery < FORGERIES; forgery++) {
        struct audit_chain chain;
        struct error err = ERROR_INITIALIZER;
        write_forgery(forgery, key, other);
        int result = audit_log_verify(audit_support_log, &chain, &err);
        assert_int_equal(result, expected[forgery] == NULL ? 0 : -EBADMSG);
        if (expected[forgery] != NULL && strstr(error_text(&err), expected[forgery]) == NULL)
            fail_msg("%d: '%s'", forgery, error_text(&err));
    }
    audit_key_free(key);
    audit_key_free(other);
}

/* A signature is about one session, one count, one last line. */
static void signs_nothing_else(void **state)
{
    (void)state;
    static const char digest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    char signature[AUDIT_SIGNATURE_SIZE];
    struct audit_key *key = make_key();
    const struct audit_end end = {.session = SUPPORT_SESSION, .previous = digest, .records = 7};
    struct audit_end other = end;
    assert_int_equal(audit_key_sign(key, &end, signature, NULL), 0);
    assert_true(audit_key_has_signed(audit_key_public(key), &end, signature));
    other.session = OTHER_SESSION;
    assert_false(audit_key_has_signed(audit_key_public(key), &other, signature));
    other = end;
    other.records = 8;
    assert_false(audit_key_has_signed(audit_key_public(key), &other, signature));
    other = end;
    other.previous = audit_key_public(key);
    assert_false(audit_key_has_signed(audit_key_public(key), &other, signature));
    other.previous = "short";
    assert_false(audit_key_has_signed(audit_key_public(key), &other, signature));
    assert_int_equal(audit_key_sign(key, &other, signature, NULL), -EPROTO);
    assert_false(audit_key_has_signed("", &end, signature));
    assert_false(audit_key_has_signed(audit_key_public(key), &end, NULL));
    audit_key_free(key);
}

/* A child of the keeper has no key: it runs a docker client for the whole session. */
static void keeps_the_key_out_of_children(void **state)
{
    (void)state;
    struct audit_key *key = make_key();
    pid_t pid = fork();
    if (pid == 0)
        _exit(audit_key_public(key)[0] == '\0' ? 0 : 1);
    int status = -1;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(strlen(audit_key_public(key)), AUDIT_PUBLIC_KEY_SIZE - 1);
    audit_key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(closes_with_a_signature, audit_support_make,
                                        audit_support_remove),
        cmocka_unit_test_setup_teardown(refuses_an_end_that_its_key_did_not_sign,
                                        audit_support_make, audit_support_remove),
        cmocka_unit_test(signs_nothing_else),
        cmocka_unit_test(keeps_the_key_out_of_children),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
