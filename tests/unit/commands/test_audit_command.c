/* coding-agents audit: what it proves of a log, and what it shows of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/wire/session.h"
#include "tests/unit/commands/log.h"
#include "tests/unit/wire/support.h"

static const struct audit_source keeper = {.program = "keeper", .uid = 1000, .pid = 7};
static const struct audit_source boot = {.program = "boot"};

static char copies_path[PATH_MAX];

static char *audit(struct log_fixture *fixture, const char *action, const char *first,
                   const char *second, int expected)
{
    const char *words[] = {"audit", action, fixture->session, first, second, NULL};
    return log_run(fixture, words, expected);
}

static void set_key(struct session_state *state, void *context)
{
    snprintf(state->audit_key, sizeof(state->audit_key), "%s", (const char *)context);
}

/* The log of the fixture again, with copies of its lines. */
static void open_with_copies(struct log_fixture *fixture)
{
    audit_log_close(fixture->log);
    fixture->log = NULL;
    assert_int_equal(
        path_format(copies_path, "%s/state/coding-agents/security-events.log", fixture->directory),
        0);
    assert_int_equal(
        audit_log_open(fixture->log_path, fixture->session, copies_path, &fixture->log, NULL), 0);
}

static void append(struct log_fixture *fixture, enum audit_event event,
                   const struct audit_source *source, json_t *fields)
{
    assert_int_equal(audit_log_append(fixture->log, event, source, fields, NULL), 0);
    json_decref(fields);
}

/* As a keeper writes it: the key on record, two events, and the signed end. KEY is owned by the
 * caller. */
static struct audit_key *write_log(struct log_fixture *fixture, bool is_closed)
{
    struct audit_key *key = NULL;
    open_with_copies(fixture);
    assert_int_equal(audit_key_make(&key, NULL), 0);
    cleanup_free char *text = strdup(audit_key_public(key));
    assert_int_equal(session_state_update(fixture->session, set_key, text, NULL), 0);
    append(fixture, AUDIT_AUDIT_KEY, &keeper,
           json_pack("{s:s, s:s}", "algorithm", "ed25519", "public_key", text));
    append(fixture, AUDIT_BOOT_STEP, &boot,
           json_pack("{s:s, s:i, s:s, s:s}", "step", "git", "duration_us", 5, "outcome", "up",
                     "detail", "a\x1b[2J"));
    append(fixture, AUDIT_OVERRIDE_USED, &keeper, json_pack("{s:s}", "what", "--commit-secrets"));
    if (is_closed)
        assert_int_equal(audit_log_append_end(fixture->log, &keeper, key, NULL), 0);
    return key;
}

static void end_writing(struct log_fixture *fixture)
{
    audit_log_close(fixture->log);
    fixture->log = NULL;
}

static void proves_a_log_that_was_closed(void **state)
{
    struct log_fixture *fixture = *state;
    struct audit_key *key = write_log(fixture, true);
    end_writing(fixture);
    cleanup_free char *text = audit(fixture, "verify", NULL, NULL, 0);
    log_shows(text, "log      whole, closed and signed\n");
    log_shows(text, "records  4\n");
    log_shows(text, "copies   4 in security-events.log, the same\n");
    log_shows(text, audit_key_public(key));
    cleanup_free char *document = audit(fixture, "verify", "--json", NULL, 0);
    log_shows(document, "\"standing\": \"closed\"");
    /* A child of ours sees zeros where the key is. */
    cleanup_free char *copy = strdup(audit_key_public(key));
    cleanup_free char *again = audit(fixture, "verify", "--key", copy, 0);
    assert_string_equal(again, text);
    audit_key_free(key);
}

static void tells_an_open_log_from_a_cut_one(void **state)
{
    struct log_fixture *fixture = *state;
    size_t size = 0;
    audit_key_free(write_log(fixture, false));
    cleanup_free char *live = audit(fixture, "verify", NULL, NULL, 1);
    log_shows(live, "not closed: the session still writes it\n");
    end_writing(fixture);
    cleanup_free char *cut = audit(fixture, "verify", NULL, NULL, 1);
    log_shows(cut, "not closed: its keeper was killed, or its end was cut off\n");
    log_shows(cut, "records  3\n");
    /* Half a line, of a keeper that was killed in it. */
    cleanup_free char *text = support_read(fixture->log_path, &size);
    int fd = open(fixture->log_path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, text, 100), 100);
    close(fd);
    cleanup_free char *torn = audit(fixture, "verify", NULL, NULL, 1);
    log_shows(torn, "records  3\ntorn     100 bytes of a last line that has no end\n");
}

/* Where the lines of TEXT begin, and its end: COUNT of them. */
static size_t find_lines(const char *text, size_t size, size_t starts[8])
{
    size_t count = 0;
    starts[count++] = 0;
    for (size_t i = 0; i < size; i++)
        if (text[i] == '\n')
            starts[count++] = i + 1;
    return count - 1;
}

/* Lines by their numbers, -1 ends. */
static void rewrite(const struct log_fixture *fixture, const char *text, const size_t *starts,
                    const int *order)
{
    char lines[16384];
    size_t used = 0;
    for (size_t i = 0; order[i] >= 0; i++) {
        size_t size = starts[order[i] + 1] - starts[order[i]];
        memcpy(lines + used, text + starts[order[i]], size);
        used += size;
    }
    support_write(fixture->log_path, lines, used);
}

static void notices_what_was_done_to_it(void **state)
{
    /* clang-format off */
    static const struct { int order[6]; const char *said; } changes[] = {
        {{0, 1, 2, -1},       "line 4 is missing: security-events.log has a copy of it"},
        {{-1},                "the log names no key, but one is on record for it"},
        {{1, 2, 3, -1},       "line 1: its sequence number is not the next one"},
        {{0, 2, 1, 3, -1},    "line 2: its sequence number is not the next one"},
        {{0, 1, 3, -1},       "line 3: its sequence number is not the next one"},
        {{0, 1, 1, 2, 3, -1}, "line 3: its sequence number is not the next one"},
    };
    /* clang-format on */
    struct log_fixture *fixture = *state;
    size_t size = 0, starts[8];
    audit_key_free(write_log(fixture, true));
    end_writing(fixture);
    cleanup_free char *text = support_read(fixture->log_path, &size);
    assert_int_equal(find_lines(text, size, starts), 4);
    for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
        rewrite(fixture, text, starts, changes[i].order);
        cleanup_free char *output = audit(fixture, "verify", NULL, NULL, 209);
        log_shows(output, "log      damaged\n");
        log_shows(fixture->errors, changes[i].said);
    }
    /* Cut at every byte: never whole, closed and signed. */
    for (size_t cut = 0; cut < size; cut += 37) {
        support_write(fixture->log_path, text, cut);
        cleanup_free char *output = audit(fixture, "verify", NULL, NULL, 209);
        log_shows(output, "log      damaged\n");
    }
    support_write(fixture->log_path, text, size);
    cleanup_free char *output = audit(fixture, "verify", NULL, NULL, 0);
}

/* Somebody who can write the log alone makes a perfect one, with a key of his own. */
static void notices_another_log_in_its_place(void **state)
{
    struct log_fixture *fixture = *state;
    struct audit_key *mine = NULL;
    audit_key_free(write_log(fixture, true));
    end_writing(fixture);
    unlink(fixture->log_path);
    assert_int_equal(audit_log_open(fixture->log_path, fixture->session, NULL, &fixture->log, NULL),
                     0);
    assert_int_equal(audit_key_make(&mine, NULL), 0);
    append(fixture, AUDIT_AUDIT_KEY, &keeper,
           json_pack("{s:s, s:s}", "algorithm", "ed25519", "public_key", audit_key_public(mine)));
    assert_int_equal(audit_log_append_end(fixture->log, &keeper, mine, NULL), 0);
    end_writing(fixture);
    cleanup_free char *output = audit(fixture, "verify", NULL, NULL, 209);
    log_shows(fixture->errors, "the log names another key than the one on record for it");
    /* And with the state rewritten too, the copies tell. */
    cleanup_free char *text = strdup(audit_key_public(mine));
    assert_int_equal(session_state_update(fixture->session, set_key, text, NULL), 0);
    cleanup_free char *more = audit(fixture, "verify", NULL, NULL, 209);
    log_shows(fixture->errors, "is not the one that security-events.log has a copy of");
    /* The control: nothing is left that knows better. */
    unlink(copies_path);
    cleanup_free char *all = audit(fixture, "verify", NULL, NULL, 0);
    log_shows(all, "copies   there is no security-events.log\n");
    audit_key_free(mine);
}

static void shows_events_safely(void **state)
{
    struct log_fixture *fixture = *state;
    audit_key_free(write_log(fixture, true));
    end_writing(fixture);
    cleanup_free char *all = audit(fixture, "show", NULL, NULL, 0);
    assert_int_equal(log_count(all, "\n"), 4);
    assert_null(strchr(all, '\x1b'));
    log_shows(all, " boot:0          boot-step       detail=$'a\\x1b[2J' duration_us=5 outcome=up "
                   "step=git\n");
    log_shows(all, " keeper:1000     override-used   what=--commit-secrets\n");
    cleanup_free char *one = audit(fixture, "show", "--event=boot-step,work-pushed", NULL, 0);
    assert_int_equal(log_count(one, "\n"), 1);
    cleanup_free char *own = audit(fixture, "show", "--source", "keeper", 0);
    assert_int_equal(log_count(own, "\n"), 3);
    cleanup_free char *none = audit(fixture, "show", "--source=keep,collect", NULL, 0);
    assert_string_equal(none, "");
    cleanup_free char *recent = audit(fixture, "show", "--since=1h", "--json", 0);
    assert_int_equal(log_count(recent, "\"previous\""), 4);
    assert_int_equal(log_count(recent, "\n"), 4);
    assert_null(strchr(recent, '\x1b'));
    cleanup_free char *future = audit(fixture, "show", "--since=2099-01-01T00:00:00Z", NULL, 0);
    assert_string_equal(future, "");
    cleanup_free char *last = audit(fixture, "tail", "--lines=2", NULL, 0);
    assert_int_equal(log_count(last, "\n"), 2);
    log_shows(last, "override-used");
    log_shows(last, "audit-closed");
}

static void follows_until_the_log_is_closed(void **state)
{
    struct log_fixture *fixture = *state;
    struct audit_key *key = write_log(fixture, false);
    pid_t pid = fork();
    if (pid == 0) {
        usleep(600000);
        json_t *fields = json_pack("{s:s}", "what", "late");
        _exit(audit_log_append(fixture->log, AUDIT_OVERRIDE_USED, &keeper, fields, NULL) == 0 &&
                      audit_log_append(fixture->log, AUDIT_SESSION_END, &keeper,
                                       json_pack("{s:i, s:s}", "exit_code", 0, "cause", ""),
                                       NULL) == 0
                  ? 0
                  : 1);
    }
    /* The writer's lock goes with the last of its descriptors. */
    end_writing(fixture);
    cleanup_free char *output = audit(fixture, "tail", "--follow", "--lines=1", 0);
    int status = -1;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(log_count(output, "\n"), 3);
    log_shows(output, "what=late\n");
    audit_key_free(key);
}

static void shows_a_damaged_log_and_says_so(void **state)
{
    struct log_fixture *fixture = *state;
    size_t size = 0;
    audit_key_free(write_log(fixture, true));
    end_writing(fixture);
    cleanup_free char *text = support_read(fixture->log_path, &size);
    *strstr(text, "commit-secrets") = 'C';
    support_write(fixture->log_path, text, size);
    cleanup_free char *output = audit(fixture, "show", NULL, NULL, 209);
    assert_int_equal(log_count(output, "\n"), 4);
    log_shows(fixture->errors, "proves nothing from there on: line 3: it was changed");
}

static void refuses_bad_words(void **state)
{
    /* clang-format off */
    static const struct { const char *action, *option, *said; } cases[] = {
        {"prove",  NULL,                  "'prove' is none of verify, show and tail"},
        {"verify", "--follow",            "verify has no option --follow"},
        {"show",   "--key=00",            "show has no option --key"},
        {"verify", "--key=00",            "--key wants 64 digits of hex"},
        {"show",   "--event=boot-step,x", "'x' is no event"},
        {"tail",   "--lines=0",           "--lines wants a number from 1"},
        {"show",   "--since=yesterday",   "yesterday"},
    };
    /* clang-format on */
    struct log_fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        cleanup_free char *output = audit(fixture, cases[i].action, cases[i].option, NULL, 200);
        log_shows(fixture->errors, cases[i].said);
    }
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, log_prepare, log_dispose)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(proves_a_log_that_was_closed),
        LOG_TEST(tells_an_open_log_from_a_cut_one),
        LOG_TEST(notices_what_was_done_to_it),
        LOG_TEST(notices_another_log_in_its_place),
        LOG_TEST(shows_events_safely),
        LOG_TEST(follows_until_the_log_is_closed),
        LOG_TEST(shows_a_damaged_log_and_says_so),
        LOG_TEST(refuses_bad_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
