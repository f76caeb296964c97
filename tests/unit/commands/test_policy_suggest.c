/* Rules proposed by `coding-agents policy suggest` for what a session did, from real logs. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"
#include "lib/base/path.h"
#include "tests/unit/commands/log.h"
#include "tests/unit/wire/support.h"

#define DENIED 1
#define CHANGED 1

/* Where the proposal for the session is written, as an option that puts it in front. */
struct proposal {
    char path[PATH_MAX];
    char option[2 * PATH_MAX];
    json_t *rules; /* borrowed from document */
    json_t *document;
};

static void propose(struct log_fixture *fixture, const char *others, struct proposal *proposal)
{
    char option[PATH_MAX];
    snprintf(option, sizeof(option), "--policy=%s", others);
    cleanup_free char *text =
        log_run(fixture,
                (const char *const[]){"policy", "suggest", fixture->session, "--json",
                                      others[0] != '\0' ? option : NULL, NULL},
                0);
    assert_int_equal(path_format(proposal->path, "%s/seen.json", fixture->directory), 0);
    support_write(proposal->path, text, strlen(text));
    snprintf(proposal->option, sizeof(proposal->option), "--policy=%s%s%s", proposal->path,
             others[0] != '\0' ? ":" : "", others);
    proposal->document = json_loads(text, 0, NULL);
    proposal->rules = json_object_get(proposal->document, "rules");
    assert_true(json_is_array(proposal->rules));
}

/* The rule that decides about WORDS with the proposal in front. Ends with EXPECTED. */
static void decides(struct log_fixture *fixture, const struct proposal *proposal,
                    const char *const *words, const char *rule, int expected)
{
    const char *line[12] = {"policy", "test", proposal->option, "--json", "--"};
    for (size_t i = 0; words[i] != NULL; i++)
        line[5 + i] = words[i];
    cleanup_free char *text = log_run(fixture, line, expected);
    json_t *document = json_loads(text, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(document, "rule")), rule);
    json_decref(document);
}

#define DECIDES(rule, expected, ...) \
    decides(fixture, &proposal, (const char *const[]){__VA_ARGS__, NULL}, rule, expected)

static void proposes_what_the_loader_takes_and_replay_agrees_with(void **state)
{
    struct log_fixture *fixture = *state;
    struct proposal proposal;
    propose(fixture, LOG_REAL_POLICY, &proposal);
    assert_true(json_array_size(proposal.rules) > 25);
    free(log_run(fixture, (const char *const[]){"policy", "check", proposal.path, NULL}, 0));
    cleanup_free char *text = log_run(fixture,
                                      (const char *const[]){"policy", "replay", fixture->session,
                                                            "--json", proposal.option, NULL},
                                      CHANGED);
    json_t *document = json_loads(text, 0, NULL);
    const json_t *differences = json_object_get(document, "differences");
    assert_true(json_array_size(differences) > 35);
    for (size_t i = 0; i < json_array_size(differences); i++) {
        json_t *before = json_object_get(json_array_get(differences, i), "before");
        json_t *after = json_object_get(json_array_get(differences, i), "after");
        const char *rule = json_string_value(json_object_get(after, "rule"));
        assert_int_equal(strncmp(rule, "seen-", 5), 0);
        json_object_del(before, "rule");
        const char *key;
        json_t *value;
        json_object_foreach(before, key, value)
        {
            assert_true(json_equal(value, json_object_get(after, key)));
        }
    }
    json_decref(document);
    json_decref(proposal.document);
}

/* With the positive control that what was seen is decided by what is proposed. */
static void fits_what_was_seen_and_nothing_else(void **state)
{
    struct log_fixture *fixture = *state;
    struct proposal proposal;
    propose(fixture, LOG_REAL_POLICY, &proposal);
    DECIDES("seen-git-status", 0, "git", "status", "--short");
    DECIDES("read-git", 0, "git", "status", "--short", "x");
    DECIDES("read-git", 0, "git", "status");
    DECIDES("seen-rm-2", 0, "rm", "-r", "build");
    DECIDES("destructive-remove", 0, "rm", "-r", "src");
    DECIDES("git-force-push", DENIED, "git", "push", "--force", "origin", "main");
    DECIDES("git-force-push", DENIED, "sh", "-c", "cd src && git push -f");
    DECIDES("test-inner", DENIED, "rev");
    DECIDES("test-inner", DENIED, "rev", "notes");
    /* A star that was written is a star, not any argument. */
    DECIDES("seen-bash", 0, "bash", "-lc", "ls *.c; grep -n b notes");
    DECIDES("read-files", 0, "bash", "-lc", "ls x.c; grep -n b notes");
    json_decref(proposal.document);
}

static void see(const struct log_fixture *fixture, const char *tier, const char *verdict,
                json_t *argv)
{
    json_t *fields = log_start_fields("t1", verdict, tier, argv);
    json_object_set_new(fields, "profile", json_string("default"));
    log_append(fixture, AUDIT_EXEC_START, fields);
}

static void writes_special_characters_as_themselves(void **state)
{
    struct log_fixture *fixture = *state;
    static const char *const odd[] = {"*", "?", "[a]", "\\", "...", "a b", "it's", "$x", "-"};
    struct proposal proposal;
    for (size_t i = 0; i < ARRAY_LENGTH(odd); i++)
        see(fixture, "workspace-write", "sandbox", json_pack("[s,s,s]", "make", "-f", odd[i]));
    propose(fixture, "", &proposal);
    assert_int_equal(json_array_size(proposal.rules), 1);
    for (size_t i = 0; i < ARRAY_LENGTH(odd); i++)
        DECIDES("seen-make", 0, "make", "-f", odd[i]);
    DECIDES("write-builds", 0, "make", "-f", "x");
    DECIDES("write-builds", 0, "make", "-f", "a");
    DECIDES("write-builds", 0, "make", "-f");
    DECIDES("write-builds", 0, "make", "-f", "x", "y");
    json_decref(proposal.document);
}

static void merges_only_what_is_the_same_together(void **state)
{
    struct log_fixture *fixture = *state;
    struct proposal proposal;
    see(fixture, "read", "sandbox", json_pack("[s,s,s]", "make", "-a", "1"));
    see(fixture, "read", "sandbox", json_pack("[s,s,s]", "make", "-a", "2"));
    see(fixture, "read", "sandbox", json_pack("[s,s,s]", "make", "-b", "1"));
    see(fixture, "network", "sandbox", json_pack("[s,s,s]", "make", "-a", "3"));
    propose(fixture, "", &proposal);
    /* -b 2 was not seen, so that the four cannot become one; and -a 3 is of another tier. */
    assert_int_equal(json_array_size(proposal.rules), 3);
    DECIDES("seen-make-2", 0, "make", "-a", "2");
    DECIDES("seen-make-3", 0, "make", "-b", "1");
    DECIDES("write-builds", 0, "make", "-b", "2");
    json_decref(proposal.document);
    see(fixture, "read", "sandbox", json_pack("[s,s,s]", "make", "-b", "2"));
    propose(fixture, "", &proposal);
    assert_int_equal(json_array_size(proposal.rules), 2);
    json_decref(proposal.document);
}

static void says_what_is_left_out(void **state)
{
    struct log_fixture *fixture = *state;
    struct proposal proposal;
    json_t *cut = log_start_fields("t1", "sandbox", "read", json_pack("[s,s]", "make", "cut"));
    json_object_set_new(cut, "profile", json_string("default"));
    json_object_set_new(cut, "argv_is_cut", json_true());
    log_append(fixture, AUDIT_EXEC_START, cut);
    see(fixture, "none", "sandbox", json_pack("[s,s]", "make", "untiered"));
    see(fixture, "read", "deny", json_pack("[s,s]", "make", "denied"));
    see(fixture, "read", "sandbox", json_pack("[s,s]", "make", "a\nb"));
    see(fixture, "read", "sandbox", json_pack("[s,s]", "make", ""));
    see(fixture, "read", "sandbox", json_pack("[s,s]", "make", "once"));
    see(fixture, "network", "sandbox", json_pack("[s,s]", "make", "once"));
    see(fixture, "read", "sandbox", json_pack("[s,s]", "make", "sometimes"));
    see(fixture, "read", "deny", json_pack("[s,s]", "make", "sometimes"));
    see(fixture, "read", "direct", json_pack("[s,s]", "make", "direct"));
    see(fixture, "read", "fail", json_pack("[s,s]", "make", "fail"));
    log_denied(fixture, "t2");
    see(fixture, "read", "sandbox", json_pack("[s,s]", "make", "good"));
    propose(fixture, "", &proposal);
    assert_int_equal(json_array_size(proposal.rules), 1);
    assert_string_equal(fixture->errors,
                        "left out: 2 denied, or run only because the policy observes\n"
                        "left out: 1 run outside of a sandbox, by direct rules\n"
                        "left out: 1 not run, refused, or without a start on record\n"
                        "left out: 1 of no tier, which a rule has to name\n"
                        "left out: 1 without all of their arguments on record\n"
                        "left out: 2 with arguments that no pattern can name: empty, not UTF-8, "
                        "with control characters, too long or too many\n"
                        "left out: 4 judged in different ways at different times\n");
    json_decref(proposal.document);
    cleanup_free char *text =
        log_run(fixture, (const char *const[]){"policy", "suggest", fixture->session, NULL}, 0);
    log_shows(text, "seen-make-good                    read                 1  /usr/bin/make good\n"
                    "left out: 2 denied");
}

/* Where rules ask for a directory, a proposal says it as well, and cannot where none is on record.
 */
static void says_the_directory_where_rules_ask_for_it(void **state)
{
    struct log_fixture *fixture = *state;
    static const char text[] =
        "{\"version\": 1, \"rules\": [{\"id\": \"there\", \"match\": {\"program\": \"make\", "
        "\"directory\": \"/elsewhere\"}, \"action\": \"deny\", \"tier\": \"read\", \"message\": "
        "\"m\"}]}";
    struct proposal proposal;
    char path[PATH_MAX];
    assert_int_equal(path_format(path, "%s/directory.json", fixture->directory), 0);
    support_write(path, text, strlen(text));
    see(fixture, "read", "sandbox", json_pack("[s]", "make"));
    log_nested(fixture, "t1", "sandbox", "gcc");
    propose(fixture, path, &proposal);
    assert_int_equal(json_array_size(proposal.rules), 1);
    log_shows(fixture->errors, "left out: 1 without the directory or digest on record");
    DECIDES("seen-make", 0, "make");
    cleanup_free char *elsewhere =
        log_run(fixture,
                (const char *const[]){"policy", "test", proposal.option, "--cwd=/elsewhere", "--",
                                      "make", NULL},
                DENIED);
    log_shows(elsewhere, "there");
    json_decref(proposal.document);
}

static void refuses_bad_lines_and_names_damage(void **state)
{
    struct log_fixture *fixture = *state;
    free(log_run(fixture, (const char *const[]){"policy", "suggest", NULL}, EXIT_USAGE));
    log_shows(fixture->errors, "suggest: a session is missing");
    free(
        log_run(fixture, (const char *const[]){"policy", "suggest", "nosuch", NULL}, EXIT_SESSION));
    int fd = open(fixture->log_path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, "nonsense\n", 9), 9);
    close(fd);
    see(fixture, "read", "sandbox", json_pack("[s,s]", "make", "behind"));
    cleanup_free char *text = log_run(
        fixture, (const char *const[]){"policy", "suggest", fixture->session, NULL}, EXIT_AUDIT);
    log_shows(text, "seen-make-behind");
    log_shows(fixture->errors, "line 1 of the audit log is no record, and was left out\n");
}

/* A line that nobody's keeper wrote puts nothing into a rule or on a terminal that is none. */
static void takes_no_words_from_a_forged_line(void **state)
{
    struct log_fixture *fixture = *state;
    static const char *const tiers[] = {"\\u001b[2J", "everything"};
    int fd = open(fixture->log_path, O_WRONLY | O_APPEND | O_CLOEXEC);
    for (size_t i = 0; i < ARRAY_LENGTH(tiers); i++)
        dprintf(fd,
                "{\"event\":\"exec-start\",\"fields\":{\"id\":\"t%zu\",\"program\":"
                "\"/usr/bin/make\",\"argv\":[\"make\",\"%zu\"],\"cwd\":\"/\","
                "\"verdict\":\"sandbox\",\"profile\":\"default\",\"rule\":\"\\u001b\","
                "\"tier\":\"%s\",\"started\":\"\\u001b[2J\"}}\n",
                i, i, tiers[i]);
    close(fd);
    static const char *const actions[] = {"suggest", "replay"};
    for (size_t i = 0; i < ARRAY_LENGTH(actions); i++) {
        cleanup_free char *text =
            log_run(fixture, (const char *const[]){"policy", actions[i], fixture->session, NULL},
                    EXIT_AUDIT);
        assert_null(strchr(text, '\x1b'));
        assert_int_equal(log_count(text, "seen-"), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(proposes_what_the_loader_takes_and_replay_agrees_with,
                                        log_prepare_real, log_dispose),
        cmocka_unit_test_setup_teardown(fits_what_was_seen_and_nothing_else, log_prepare_real,
                                        log_dispose),
        cmocka_unit_test_setup_teardown(writes_special_characters_as_themselves, log_prepare,
                                        log_dispose),
        cmocka_unit_test_setup_teardown(merges_only_what_is_the_same_together, log_prepare,
                                        log_dispose),
        cmocka_unit_test_setup_teardown(says_what_is_left_out, log_prepare, log_dispose),
        cmocka_unit_test_setup_teardown(says_the_directory_where_rules_ask_for_it, log_prepare,
                                        log_dispose),
        cmocka_unit_test_setup_teardown(refuses_bad_lines_and_names_damage, log_prepare,
                                        log_dispose),
        cmocka_unit_test_setup_teardown(takes_no_words_from_a_forged_line, log_prepare,
                                        log_dispose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
