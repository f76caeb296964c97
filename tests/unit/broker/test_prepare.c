/* What a holder carries back of its session, and that it says so when it cannot. */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "stubs/capability-unseal/unseal.h"
#include "tests/unit/broker/stage.h"

#define RENEWED "{\"claudeAiOauth\":{\"accessToken\":\"renewed-token-0123456789\"}}"

/* In the broker's place: how often it was asked, and for how much. */
static size_t times_asked;
static size_t bytes_asked;

int redeem_renew(const struct unseal *unseal, const struct secret *renewed, struct error *err)
{
    (void)unseal;
    (void)err;
    times_asked++;
    bytes_asked = renewed->size - sizeof(struct redeem_secret);
    return REDEEM_OUTCOME_WRITTEN;
}

static void path_below(char path[PATH_MAX], const char *variable, const char *name)
{
    assert_int_equal(path_format(path, "%s/%s", getenv(variable), name), 0);
}

static void write_login(const char *text, size_t size)
{
    char path[PATH_MAX];
    path_below(path, REDEEM_SECRET_ROOT_VARIABLE, ".credentials.json");
    support_write(path, text, size);
}

static void leave_it(void)
{
}

static void renew(void)
{
    write_login(RENEWED, strlen(RENEWED));
}

static void empty(void)
{
    write_login("", 0);
}

static void remove_login(void)
{
    char path[PATH_MAX];
    path_below(path, "HOME", ".claude/.credentials.json");
    assert_int_equal(unlink(path), 0);
}

static void replace_link(void)
{
    char path[PATH_MAX];
    remove_login();
    path_below(path, "HOME", ".claude/.credentials.json");
    support_write(path, RENEWED, strlen(RENEWED));
}

static void write_as_much_as_can_be(void)
{
    static char text[REDEEM_SECRET_BYTES_MAX];
    memset(text, 'a', sizeof(text));
    write_login(text, sizeof(text));
}

static void write_too_much(void)
{
    static char text[REDEEM_SECRET_BYTES_MAX + 1];
    memset(text, 'a', sizeof(text));
    write_login(text, sizeof(text));
}

static void link_elsewhere(void)
{
    char path[PATH_MAX], other[PATH_MAX];
    remove_login();
    path_below(path, "HOME", ".claude/.credentials.json");
    path_below(other, "HOME", "elsewhere");
    support_write(other, RENEWED, strlen(RENEWED));
    assert_int_equal(symlink(other, path), 0);
}

static void make_directory(void)
{
    char path[PATH_MAX];
    remove_login();
    path_below(path, "HOME", ".claude/.credentials.json");
    assert_int_equal(mkdir(path, 0700), 0);
}

/* What prepare_carry_back says, in TEXT. */
static void carry_back(const struct unseal *unseal, char text[1024])
{
    char path[PATH_MAX];
    size_t size = 0;
    path_below(path, "HOME", "said");
    cleanup_fd int kept = dup(STDERR_FILENO);
    cleanup_fd int said = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(kept >= 0 && dup2(said, STDERR_FILENO) >= 0);
    prepare_carry_back(prepare_find("prepare-claude-secrets"), unseal);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    cleanup_free char *whole = support_read(path, &size);
    snprintf(text, 1024, "%s", whole);
}

static void place(struct unseal *unseal)
{
    const struct redeem_secret head = {
        .kind = REDEEM_FILE, .size = strlen(STAGE_LOGIN), .name = ".credentials.json"};
    struct error err = ERROR_INITIALIZER;
    *unseal = (struct unseal){.lease = -1, .head = head};
    assert_int_equal(secret_make(&unseal->plain, sizeof(head) + head.size, false, &err), 0);
    memcpy(unseal->plain.data, &head, sizeof(head));
    memcpy(unseal->plain.data + sizeof(head), STAGE_LOGIN, head.size);
    crypto_hash_sha256(unseal->digest, (const uint8_t *)STAGE_LOGIN, head.size);
    assert_int_equal(prepare_place(prepare_find("prepare-claude-secrets"), unseal, &err), 0);
}

static void says_what_it_cannot_carry_back(void **state)
{
    struct stage *stage = *state;
    static const struct {
        void (*change)(void);
        size_t bytes;     /* that the broker gets; 0: it is not asked */
        const char *said; /* "": nothing */
    } cases[] = {
        {leave_it, 0, ""},
        {empty, 0, ""},
        {remove_login, 0, ""},
        {renew, sizeof(RENEWED) - 1, "is on the host now"},
        {replace_link, sizeof(RENEWED) - 1, "is on the host now"},
        {write_as_much_as_can_be, REDEEM_SECRET_BYTES_MAX, "is on the host now"},
        {write_too_much, 0, "is lost: it has more than"},
        {link_elsewhere, 0, "is lost: it is a link to somewhere else"},
        {make_directory, 0, "is lost: it is no regular file"},
    };
    char root[PATH_MAX], path[PATH_MAX], text[1024];
    assert_int_equal(path_format(root, "%s/secrets", stage->directory), 0);
    assert_int_equal(setenv(REDEEM_SECRET_ROOT_VARIABLE, root, 1), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct unseal unseal;
        assert_int_equal(path_make_directories(root, 0700, NULL), 0);
        place(&unseal);
        cases[i].change();
        times_asked = bytes_asked = 0;
        carry_back(&unseal, text);
        assert_int_equal(times_asked, cases[i].bytes > 0);
        assert_int_equal(bytes_asked, cases[i].bytes);
        assert_non_null(strstr(text, cases[i].said));
        assert_int_equal(text[0] != '\0', cases[i].said[0] != '\0');
        prepare_wipe(prepare_find("prepare-claude-secrets"));
        path_below(path, "HOME", ".claude/.credentials.json");
        (void)rmdir(path);
        secret_wipe(&unseal.plain);
    }
    unsetenv(REDEEM_SECRET_ROOT_VARIABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(says_what_it_cannot_carry_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
