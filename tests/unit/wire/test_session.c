/* Sessions on the host: private directories, unique ids, states that survive concurrent changes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/wire/session.h"
#include "tests/unit/wire/support.h"

static char directory[PATH_MAX];

static int make(void **state)
{
    (void)state;
    support_directory_make(directory);
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    support_directory_remove(directory);
    return 0;
}

static void save(const char *session, const char *name, const char *created_at)
{
    struct error err = ERROR_INITIALIZER;
    struct session_state state = {.exit_code = -1,
                                  .name = (char *)(uintptr_t)name,
                                  .created_at = (char *)(uintptr_t)created_at,
                                  .repository = (char *)(uintptr_t) "/srv/\xff"};
    memcpy(state.session, session, strlen(session) + 1);
    if (session_state_save(&state, &err) != 0)
        fail_msg("%s", error_text(&err));
}

static void reserve(char session[MANIFEST_SESSION_SIZE])
{
    struct error err = ERROR_INITIALIZER;
    if (session_reserve(session, &err) != 0)
        fail_msg("%s", error_text(&err));
}

static void keeps_its_directories_private(void **state)
{
    (void)state;
    char path[PATH_MAX], expected[PATH_MAX], session[MANIFEST_SESSION_SIZE];
    struct stat status;
    reserve(session);
    assert_true(manifest_is_session_id(session));
    assert_int_equal(session_state_directory(session, path, NULL), 0);
    assert_int_equal(
        path_format(expected, "%s/state/coding-agents/sessions/%s", directory, session), 0);
    assert_string_equal(path, expected);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_int_equal(session_runtime_directory(session, path, NULL), 0);
    assert_int_equal(path_format(expected, "%s/run/coding-agents/%s", directory, session), 0);
    assert_string_equal(path, expected);
    assert_int_equal(session_state_directory("../../x", path, NULL), -EINVAL);
}

static void refuses_a_runtime_directory_of_somebody_else(void **state)
{
    (void)state;
    char path[PATH_MAX], root[PATH_MAX];
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(path_format(root, "%s/run/coding-agents", directory), 0);
    path_remove_tree(AT_FDCWD, root, NULL);
    assert_int_equal(session_runtime_root(path, &err), 0);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink("/tmp", path), 0);
    assert_int_equal(session_runtime_root(path, &err), -EINVAL);
    assert_int_equal(unlink(root), 0);
    if (geteuid() == 0) {
        assert_int_equal(mkdir(root, 0777), 0);
        assert_int_equal(chown(root, 12345, 12345), 0);
        assert_int_equal(session_runtime_root(path, &err), -EINVAL);
        assert_int_equal(rmdir(root), 0);
    }
    assert_int_equal(session_runtime_root(path, &err), 0);
}

static void falls_back_without_a_runtime_directory(void **state)
{
    (void)state;
    char path[PATH_MAX], expected[PATH_MAX];
    cleanup_free char *saved = strdup(getenv("XDG_RUNTIME_DIR"));
    unsetenv("XDG_RUNTIME_DIR");
    assert_int_equal(session_runtime_root(path, NULL), 0);
    assert_int_equal(path_format(expected, "/dev/shm/coding-agents-%u", getuid()), 0);
    assert_string_equal(path, expected);
    setenv("XDG_RUNTIME_DIR", "relative", 1);
    assert_int_equal(session_runtime_root(path, NULL), 0);
    assert_string_equal(path, expected);
    setenv("XDG_RUNTIME_DIR", saved, 1);
}

static void finds_sessions_newest_first(void **state)
{
    (void)state;
    char ids[3][MANIFEST_SESSION_SIZE];
    static const char *const names[] = {"one", "two", "two"};
    static const char *const times[] = {"2026-01-01T00:00:00.000000Z",
                                        "2026-01-03T00:00:00.000000Z",
                                        "2026-01-02T00:00:00.000000Z"};
    struct session_state **list = NULL;
    struct session_state *found = NULL;
    size_t count = 0;
    struct error err = ERROR_INITIALIZER;
    for (size_t i = 0; i < 3; i++) {
        reserve(ids[i]);
        save(ids[i], names[i], times[i]);
    }
    assert_int_equal(session_state_list(&list, &count, &err), 0);
    assert_int_equal(count, 3);
    assert_string_equal(list[0]->session, ids[1]);
    assert_string_equal(list[1]->session, ids[2]);
    assert_string_equal(list[0]->repository, "/srv/\xff");
    for (size_t i = 0; i < count; i++)
        session_state_free(list[i]);
    free(list);
    assert_int_equal(session_find("one", &found, &err), 0);
    assert_string_equal(found->session, ids[0]);
    session_state_free(found);
    assert_int_equal(session_find(ids[2], &found, &err), 0);
    assert_string_equal(found->session, ids[2]);
    session_state_free(found);
    assert_int_equal(session_find("two", &found, &err), -EEXIST);
    assert_non_null(strstr(error_text(&err), "more than one session"));
    assert_int_equal(session_find("three", &found, &err), -ENOENT);
    assert_int_equal(session_find("zzzzzzzz", &found, &err), -ENOENT);
}

static void refuses_a_state_that_is_not_its_own(void **state)
{
    (void)state;
    char session[MANIFEST_SESSION_SIZE], other[MANIFEST_SESSION_SIZE];
    char path[PATH_MAX], from[PATH_MAX], to[PATH_MAX];
    struct session_state *loaded = NULL;
    struct error err = ERROR_INITIALIZER;
    size_t size = 0;
    reserve(session);
    reserve(other);
    save(session, "x", "2026-01-01T00:00:00.000000Z");
    assert_int_equal(session_state_directory(session, path, NULL), 0);
    assert_int_equal(path_format(from, "%s/state.json", path), 0);
    assert_int_equal(session_state_directory(other, path, NULL), 0);
    assert_int_equal(path_format(to, "%s/state.json", path), 0);
    cleanup_free char *text = support_read(from, &size);
    support_write(to, text, size);
    assert_int_equal(session_state_load(session, &loaded, &err), 0);
    session_state_free(loaded);
    assert_int_equal(session_state_load(other, &loaded, &err), -EPROTO);
    support_write(to, "{\"version\":9}", 13);
    assert_int_equal(session_state_load(other, &loaded, &err), -EPROTO);
    assert_non_null(strstr(error_text(&err), "version 9"));
}

static void add_one(struct session_state *state, void *context)
{
    (void)context;
    state->exit_code++;
}

static void loses_no_concurrent_change(void **state)
{
    (void)state;
    enum { WRITERS = 4, CHANGES = 25 };
    char session[MANIFEST_SESSION_SIZE];
    struct session_state *loaded = NULL;
    reserve(session);
    save(session, "x", "2026-01-01T00:00:00.000000Z");
    for (int writer = 0; writer < WRITERS; writer++) {
        if (fork() != 0)
            continue;
        for (int i = 0; i < CHANGES; i++)
            if (session_state_update(session, add_one, NULL, NULL) != 0)
                _exit(1);
        _exit(0);
    }
    for (int writer = 0; writer < WRITERS; writer++) {
        int status = -1;
        wait(&status);
        assert_int_equal(status, 0);
    }
    assert_int_equal(session_state_load(session, &loaded, NULL), 0);
    assert_int_equal(loaded->exit_code, -1 + WRITERS * CHANGES);
    session_state_free(loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_its_directories_private, make, remove_all),
        cmocka_unit_test_setup_teardown(refuses_a_runtime_directory_of_somebody_else, make,
                                        remove_all),
        cmocka_unit_test_setup_teardown(falls_back_without_a_runtime_directory, make, remove_all),
        cmocka_unit_test_setup_teardown(finds_sessions_newest_first, make, remove_all),
        cmocka_unit_test_setup_teardown(refuses_a_state_that_is_not_its_own, make, remove_all),
        cmocka_unit_test_setup_teardown(loses_no_concurrent_change, make, remove_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
