/* Names and reservations of branches, on real repositories. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/host/branch.h"
#include "lib/wire/session.h"
#include "tests/unit/host/support.h"

static struct repository repository;
static char session[MANIFEST_SESSION_SIZE];

static int enter(void **state)
{
    if (support_enter(state) != 0)
        return -1;
    support_shell("git init -q r && cd r && git commit -q --allow-empty -m one && git branch old\n"
                  "git commit -q --allow-empty -m two && git checkout -q -b ahead && git commit -q "
                  "--allow-empty -m three\n"
                  "git checkout -q main && git worktree add -q ../w -b elsewhere");
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s/r", support_directory);
    return repository_inspect(path, false, &repository, NULL) == 0 &&
                   session_reserve(session, NULL) == 0
               ? 0
               : -1;
}

static int leave(void **state)
{
    repository_free(&repository);
    return support_leave(state);
}

static int reserve(struct branch_request request, struct branch *branch, struct error *err)
{
    request.agent = "shell";
    request.session = session;
    return branch_reserve(&request, &repository, branch, err);
}

static void refuse(struct branch_request request, const char *said)
{
    struct branch branch;
    struct error err = ERROR_INITIALIZER;
    if (reserve(request, &branch, &err) == 0)
        fail_msg("reserved '%s'", branch.host);
    if (strstr(error_text(&err), said) == NULL)
        fail_msg("said '%s', not '%s'", error_text(&err), said);
    assert_string_equal(branch.reservation, "");
}

static bool ref_is_there(const char *branch)
{
    char ref[512];
    snprintf(ref, sizeof(ref), "refs/heads/%s", branch);
    struct process_result result = {.output = NULL};
    bool found =
        git_run(repository.top, &repository.identity,
                (const char *const[]){"show-ref", "--verify", ref, NULL}, 0, &result, NULL) == 0 &&
        process_is_success(result.wait_status);
    process_result_free(&result);
    return found;
}

static void test_numbers_count_up(void **state)
{
    (void)state;
    struct branch first;
    struct branch second;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(reserve((struct branch_request){0}, &first, &err), 0);
    assert_string_equal(first.name, "session-1");
    assert_string_equal(first.host, "shell/session-1");
    assert_string_equal(first.inside, "shell/session-1");
    assert_true(ref_is_there("shell/session-1"));
    assert_int_equal(reserve((struct branch_request){0}, &second, &err), 0);
    assert_string_equal(second.host, "shell/session-2");
    branch_release(&repository, &first);
    assert_false(ref_is_there("shell/session-1"));
    assert_int_equal(reserve((struct branch_request){0}, &first, &err), 0);
    assert_string_equal(first.host, "shell/session-1");
}

static void test_names(void **state)
{
    (void)state;
    struct branch branch;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(reserve((struct branch_request){.name = "fix"}, &branch, &err), 0);
    assert_string_equal(branch.host, "shell/fix");
    refuse((struct branch_request){.name = "fix"}, "exists");
}

static void test_exact_branches(void **state)
{
    (void)state;
    struct branch branch;
    struct error err = ERROR_INITIALIZER;
    refuse((struct branch_request){.branch = "main"}, "is checked out");
    refuse((struct branch_request){.branch = "elsewhere"}, "is checked out");
    refuse((struct branch_request){.branch = "ahead"}, "commits that HEAD lacks");
    assert_int_equal(reserve((struct branch_request){.branch = "old"}, &branch, &err), 0);
    assert_string_equal(branch.host, "old");
    assert_string_equal(branch.inside, "old");
    assert_false(branch.made_ref);
    refuse((struct branch_request){.branch = "old"}, "works on branch");
    branch_release(&repository, &branch);
    assert_true(ref_is_there("old"));
    assert_int_equal(reserve((struct branch_request){.branch = "Feature/New_Thing"}, &branch, &err),
                     0);
    assert_string_equal(branch.name, "feature-new-thing");
    assert_true(branch.made_ref);
}

static void test_current_branch(void **state)
{
    (void)state;
    struct branch branch;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(reserve((struct branch_request){.use_current = true}, &branch, &err), 0);
    assert_string_equal(branch.inside, "main");
    assert_string_equal(branch.host, "shell/main");
    repository.head_branch = "";
    refuse((struct branch_request){.use_current = true}, "detached");
}

static void test_a_branch_in_the_way(void **state)
{
    (void)state;
    support_shell("git -C r branch shell");
    refuse((struct branch_request){0}, "cannot be made");
    refuse((struct branch_request){.name = "x"}, "cannot be made");
}

static void test_dry_run_makes_nothing(void **state)
{
    (void)state;
    struct branch branch;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(reserve((struct branch_request){.is_dry_run = true}, &branch, &err), 0);
    assert_string_equal(branch.host, "shell/session-1");
    assert_string_equal(branch.reservation, "");
    assert_false(ref_is_there("shell/session-1"));
}

static void test_empty_repository(void **state)
{
    (void)state;
    struct branch branch;
    struct error err = ERROR_INITIALIZER;
    char path[PATH_MAX];
    support_shell("git init -q unborn");
    repository_free(&repository);
    snprintf(path, sizeof(path), "%.4000s/unborn", support_directory);
    assert_int_equal(repository_inspect(path, false, &repository, &err), 0);
    assert_int_equal(reserve((struct branch_request){0}, &branch, &err), 0);
    assert_string_equal(branch.host, "shell/session-1");
    assert_int_equal(reserve((struct branch_request){0}, &branch, &err), 0);
    assert_string_equal(branch.host, "shell/session-2");
    refuse((struct branch_request){.branch = "main"}, "is checked out");
}

/* A reservation whose session is gone holds nothing. */
static void test_stale_reservation(void **state)
{
    (void)state;
    struct branch branch;
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(reserve((struct branch_request){.branch = "old"}, &branch, &err), 0);
    refuse((struct branch_request){.branch = "old"}, "works on branch");
    support_shell("rm -rf home/coding-agents/sessions/*");
    assert_int_equal(reserve((struct branch_request){.branch = "old"}, &branch, &err), 0);
}

/* Eight at once get eight branches. */
static void test_race(void **state)
{
    (void)state;
    enum { RACERS = 8 };
    pid_t racers[RACERS];
    for (size_t i = 0; i < RACERS; i++) {
        racers[i] = fork();
        if (racers[i] != 0)
            continue;
        struct branch branch;
        struct error err = ERROR_INITIALIZER;
        int status = session_reserve(session, &err);
        if (status == 0)
            status = reserve((struct branch_request){0}, &branch, &err);
        if (status < 0)
            fprintf(stderr, "%s\n", error_text(&err));
        _exit(status == 0 ? 0 : 1);
    }
    for (size_t i = 0; i < RACERS; i++) {
        int wait_status;
        assert_int_equal(waitpid(racers[i], &wait_status, 0), racers[i]);
        assert_int_equal(wait_status, 0);
    }
    for (unsigned int i = 1; i <= RACERS; i++) {
        char branch[64];
        snprintf(branch, sizeof(branch), "shell/session-%u", i);
        assert_true(ref_is_there(branch));
    }
    assert_false(ref_is_there("shell/session-9"));
}

static void test_slugs(void **state)
{
    (void)state;
    static const struct {
        const char *branch;
        const char *name;
    } cases[] = {
        {"main", "main"},
        {"Feature/X_1", "feature-x-1"},
        {"///--", "session"},
        {"a..b", "a-b"},
        {"\303\251t\303\251", "t"},
        {"0123456789012345678901234567890123456789", "01234567890123456789012345678901"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char name[33];
        branch_slug(cases[i].branch, name);
        assert_string_equal(name, cases[i].name);
        assert_true(manifest_is_name(name));
    }
}

#define ON_REPOSITORY(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_REPOSITORY(test_numbers_count_up),
        ON_REPOSITORY(test_names),
        ON_REPOSITORY(test_exact_branches),
        ON_REPOSITORY(test_current_branch),
        ON_REPOSITORY(test_a_branch_in_the_way),
        ON_REPOSITORY(test_dry_run_makes_nothing),
        ON_REPOSITORY(test_empty_repository),
        ON_REPOSITORY(test_stale_reservation),
        ON_REPOSITORY(test_race),
        cmocka_unit_test(test_slugs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
