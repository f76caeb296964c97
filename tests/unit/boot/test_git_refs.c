/* The object ids of refs, loose and packed, as a repository of git has them. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "init/agent-boot/git_refs.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#define ID(digit) digit digit digit digit digit digit digit digit "00000000000000000000000000000000"

static void put(const char *directory, const char *name, const char *text)
{
    char path[PATH_MAX];
    assert_int_equal(path_format(path, "%s/%s", directory, name), 0);
    assert_int_equal(fd_write_file(AT_FDCWD, path, text, strlen(text), 0600, NULL), 0);
}

static void test_loose_and_packed(void **state)
{
    (void)state;
    static const char packed[] = "# pack-refs with: peeled fully-peeled sorted \n" ID(
        "a") " refs/heads/main\n" ID("b") " refs/tags/one\n^" ID("c") "\n";
    static const char expected[] = ID("a") "\n" ID("b") "\n" ID("c") "\n" ID("d") "\n";
    char directory[] = "/tmp/git-refs-XXXXXX";
    char path[PATH_MAX];
    assert_non_null(mkdtemp(directory));
    assert_int_equal(path_format(path, "%s/refs/heads/deep", directory), 0);
    assert_int_equal(path_make_directories(path, 0700, NULL), 0);
    put(directory, "packed-refs", packed);
    put(directory, "refs/heads/deep/one", ID("d") "\n");
    put(directory, "refs/heads/symbolic", "ref: refs/heads/main\n");
    put(directory, "refs/heads/empty", "");
    cleanup_fd int fd = memfd_create("ids", MFD_CLOEXEC);
    assert_int_equal(git_refs_write(directory, fd, NULL), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    cleanup_free char *text = NULL;
    size_t size = 0;
    assert_int_equal(fd_read_all(fd, 4096, &text, &size), 0);
    assert_string_equal(text, expected);
    assert_int_equal(path_remove_tree(AT_FDCWD, directory, NULL), 0);
}

static void test_no_refs_at_all(void **state)
{
    (void)state;
    char directory[] = "/tmp/git-refs-XXXXXX";
    char path[PATH_MAX];
    assert_non_null(mkdtemp(directory));
    assert_int_equal(path_format(path, "%s/refs", directory), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    cleanup_fd int fd = memfd_create("ids", MFD_CLOEXEC);
    assert_int_equal(git_refs_write(directory, fd, NULL), 0);
    assert_int_equal(lseek(fd, 0, SEEK_END), 0);
    assert_int_equal(path_remove_tree(AT_FDCWD, directory, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loose_and_packed),
        cmocka_unit_test(test_no_refs_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
