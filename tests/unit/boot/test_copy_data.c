/* How the content of a file travels: the best way first, the next one when it is refused, and a
 * refusal that holds for two file systems only once. The two calls are this program's own, which
 * count and refuse. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "init/agent-boot/copy_data.h"
#include "lib/base/cleanup.h"

#define FILE_BYTES (3u * 1024 * 1024)

static struct {
    int clone_error; /* what FICLONE returns; 0: it is done, as far as the caller can see */
    int range_error; /* what copy_file_range returns; 0: it is called */
    unsigned int clones;
    unsigned int ranges;
    bool was_range_first;
} calls;

/* Takes the place of the C library's: the linker finds this one first. */
int ioctl(int fd, unsigned long request, ...)
{
    (void)fd;
    assert_int_equal(request, FICLONE);
    calls.clones++;
    errno = calls.clone_error;
    return calls.clone_error == 0 ? 0 : -1;
}

ssize_t copy_file_range(int infd, off64_t *pinoff, int outfd, off64_t *poutoff, size_t length,
                        unsigned int flags)
{
    calls.was_range_first |= calls.clones == 0;
    calls.ranges++;
    errno = calls.range_error;
    if (calls.range_error != 0)
        return -1;
    return syscall(SYS_copy_file_range, infd, pinoff, outfd, poutoff, length, flags);
}

struct fixture {
    struct copy_run run;
    struct copy_pipe pipe;
    struct copy_directory top;
    int source;
    char content[FILE_BYTES];
};

static int open_unnamed(void)
{
    int fd = open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    return fd;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->pipe.run = &fixture->run;
    fixture->source = open_unnamed();
    for (size_t i = 0; i < FILE_BYTES; i++)
        fixture->content[i] = (char)(i * 31 >> 3 | 1);
    assert_int_equal(write(fixture->source, fixture->content, FILE_BYTES), FILE_BYTES);
    memset(&calls, 0, sizeof(calls));
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    close(fixture->source);
    free(fixture->pipe.buffer);
    free(fixture);
    return 0;
}

static struct stat copy_once(struct fixture *fixture, int target)
{
    struct stat status;
    assert_int_equal(fstat(fixture->source, &status), 0);
    assert_int_equal(copy_data(&fixture->pipe, &fixture->top, fixture->source, target, &status), 0);
    assert_int_equal(fstat(target, &status), 0);
    return status;
}

static void copy_and_compare(struct fixture *fixture)
{
    static char found[FILE_BYTES];
    cleanup_fd int target = open_unnamed();
    assert_int_equal(copy_once(fixture, target).st_size, FILE_BYTES);
    assert_int_equal(pread(target, found, FILE_BYTES, 0), FILE_BYTES);
    assert_memory_equal(found, fixture->content, FILE_BYTES);
}

static void test_a_clone_is_all_there_is_to_do(void **state)
{
    struct fixture *fixture = *state;
    cleanup_fd int target = open_unnamed();
    copy_once(fixture, target);
    assert_int_equal(calls.clones, 1);
    assert_int_equal(calls.ranges, 0);
    assert_int_equal(atomic_load(&fixture->run.done.bytes), FILE_BYTES);
}

static void test_the_kernel_copies_what_cannot_be_cloned(void **state)
{
    struct fixture *fixture = *state;
    calls.clone_error = EOPNOTSUPP;
    copy_and_compare(fixture);
    assert_int_equal(calls.clones, 1);
    assert_true(calls.ranges > 0);
    assert_false(calls.was_range_first);
    assert_null(fixture->pipe.buffer);
    assert_int_equal(atomic_load(&fixture->run.done.bytes), FILE_BYTES);
}

static void test_a_buffer_is_the_last_way(void **state)
{
    struct fixture *fixture = *state;
    calls.clone_error = EXDEV;
    calls.range_error = EXDEV;
    copy_and_compare(fixture);
    assert_int_equal(calls.clones, 1);
    assert_int_equal(calls.ranges, 1);
    assert_non_null(fixture->pipe.buffer);
    assert_int_equal(atomic_load(&fixture->run.done.bytes), FILE_BYTES);
}

static void test_a_refusal_for_good_is_remembered(void **state)
{
    static const int numbers[] = {EXDEV, EOPNOTSUPP, ENOTTY, ENOSYS};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        memset(&calls, 0, sizeof(calls));
        atomic_store(&fixture->top.method, COPY_BY_CLONE);
        calls.clone_error = numbers[i];
        calls.range_error = numbers[i];
        copy_and_compare(fixture);
        copy_and_compare(fixture);
        assert_int_equal(calls.clones, 1);
        assert_int_equal(calls.ranges, 1);
    }
}

static void test_a_refusal_of_one_file_is_not(void **state)
{
    struct fixture *fixture = *state;
    calls.clone_error = EINVAL;
    calls.range_error = EINVAL;
    copy_and_compare(fixture);
    copy_and_compare(fixture);
    assert_int_equal(calls.clones, 2);
    assert_int_equal(calls.ranges, 2);
}

static void test_a_full_disk_is_no_refusal(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    cleanup_fd int target = open_unnamed();
    calls.clone_error = EOPNOTSUPP;
    calls.range_error = ENOSPC;
    assert_int_equal(fstat(fixture->source, &status), 0);
    assert_int_equal(copy_data(&fixture->pipe, &fixture->top, fixture->source, target, &status),
                     -ENOSPC);
}

/* Shorter than it was when it was looked at, by less and by more than the data before a hole. */
static void test_a_file_that_shrank_ends_where_it_ends(void **state)
{
    struct fixture *fixture = *state;
    calls.clone_error = EOPNOTSUPP;
    struct stat before;
    assert_int_equal(fstat(fixture->source, &before), 0);
    static const off_t ends[] = {FILE_BYTES - 1000, 4096, 0};
    for (size_t i = 0; i < ARRAY_LENGTH(ends); i++) {
        cleanup_fd int target = open_unnamed();
        assert_int_equal(ftruncate(fixture->source, ends[i]), 0);
        assert_int_equal(copy_data(&fixture->pipe, &fixture->top, fixture->source, target, &before),
                         0);
        struct stat status;
        assert_int_equal(fstat(target, &status), 0);
        assert_int_equal(status.st_size, ends[i]);
    }
}

int main(void)
{
#define with_file(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        with_file(test_a_clone_is_all_there_is_to_do),
        with_file(test_the_kernel_copies_what_cannot_be_cloned),
        with_file(test_a_buffer_is_the_last_way),
        with_file(test_a_refusal_for_good_is_remembered),
        with_file(test_a_refusal_of_one_file_is_not),
        with_file(test_a_full_disk_is_no_refusal),
        with_file(test_a_file_that_shrank_ends_where_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
