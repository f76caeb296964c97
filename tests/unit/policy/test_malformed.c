/* Malformed policies, each with the exact sentence it gets. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "tests/unit/policy/support.h"

#define DIRECTORY "tests/unit/policy/malformed"
/* Not ".json": no lint should want them well. */
#define SUFFIX ".policy"
#define ERROR_SUFFIX ".error"

static bool is_policy(const char *name, size_t *length)
{
    size_t size = strlen(name);

    *length = size - (sizeof(SUFFIX) - 1);
    return size > sizeof(SUFFIX) - 1 && strcmp(name + *length, SUFFIX) == 0;
}

static bool gets_its_sentence(const char *name, size_t length)
{
    char path[PATH_MAX];
    char expected_path[PATH_MAX];
    const char *const places[] = {path, NULL};
    struct error err = ERROR_INITIALIZER;
    struct policy *policy = NULL;
    cleanup_free char *expected = NULL;
    size_t size;

    path_format(path, DIRECTORY "/%s", name);
    path_format(expected_path, DIRECTORY "/%.*s" ERROR_SUFFIX, (int)length, name);
    assert_int_equal(fd_read_file(AT_FDCWD, expected_path, 4096, &expected, &size, NULL), 0);
    expected[strcspn(expected, "\n")] = '\0';
    if (policy_load(places, NULL, &policy, &err) == 0) {
        policy_free(policy);
        print_error("%s: is accepted\n", name);
        return false;
    }
    if (strcmp(error_text(&err), expected) == 0)
        return true;
    print_error("%s\n  says  %s\n  wants %s\n", name, error_text(&err), expected);
    return false;
}

static void names_file_line_and_key(void **state)
{
    cleanup_directory DIR *directory = opendir(DIRECTORY);
    const struct dirent *entry;
    size_t length;
    size_t count = 0;
    size_t wrong = 0;

    (void)state;
    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL) {
        if (!is_policy(entry->d_name, &length))
            continue;
        count++;
        wrong += !gets_its_sentence(entry->d_name, length);
    }
    assert_true(count > 40);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_file_line_and_key)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
