/* Gives a fuzz target its committed inputs, one after the other: what broke it once is tried in
 * every run. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* After its own prerequisites. */
#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "tests/fuzz/fuzz.h"

/* Larger than any input worth committing. */
#define INPUT_MAX (4u * 1024 * 1024)

static void replays_every_input(void **state)
{
    (void)state;
    char path[PATH_MAX];
    size_t replayed = 0;
    const char *name = strchr(program_invocation_short_name, '_');
    assert_non_null(name);
    snprintf(path, sizeof(path), "tests/fuzz/corpus/%s", name + 1);
    cleanup_directory DIR *directory = opendir(path);
    assert_non_null(directory);
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        cleanup_free char *data = NULL;
        size_t size = 0;
        if (entry->d_name[0] == '.')
            continue;
        assert_int_equal(
            fd_read_file(dirfd(directory), entry->d_name, INPUT_MAX, &data, &size, NULL), 0);
        /* A copy of the exact size, so that a sanitizer or valgrind sees a read behind the end. */
        cleanup_free uint8_t *exact = malloc(size > 0 ? size : 1);
        assert_non_null(exact);
        memcpy(exact, data, size);
        assert_int_equal(LLVMFuzzerTestOneInput(exact, size), 0);
        replayed++;
    }
    assert_true(replayed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(replays_every_input)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
