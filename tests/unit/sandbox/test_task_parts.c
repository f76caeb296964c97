/* Parts of a sandbox that need no root: masks of /proc, descriptors, targets, strings of others. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "sandbox/agent-task-sandbox/foreign.h"
#include "sandbox/agent-task-sandbox/masks.h"
#include "sandbox/agent-task-sandbox/streams.h"
#include "sandbox/agent-task-sandbox/target.h"

/* How PATH is masked: 'd' for a directory or 'f', then 'r' for read-only or 'h' for hidden; "". */
static const char *describe_mask(const struct masks *masks, const char *path)
{
    static const char *const words[2][2] = {{"fh", "fr"}, {"dh", "dr"}};

    for (size_t i = 0; i < masks->count; i++) {
        if (strcmp(masks->items[i].path, path) == 0)
            return words[masks->items[i].is_directory][masks->items[i].is_read_only];
    }
    return "";
}

static void test_masks_of_the_engine_are_copied(void **state)
{
    char mountinfo[] = "1 0 0:1 / / rw - overlay overlay rw\n"
                       "2 1 0:2 / /proc rw,nosuid - proc proc rw\n"
                       "3 2 0:3 / /proc/self rw - tmpfs tmpfs ro\n"
                       "4 2 0:2 /meminfo /proc/meminfo ro - proc proc rw\n"
                       "5 2 0:3 / /proc/no-such-thing rw - tmpfs tmpfs ro\n"
                       "6 1 0:4 / /processes rw - tmpfs tmpfs rw\n"
                       "nonsense\n\n7 1 0:4 / - -\n";
    struct masks masks;

    (void)state;
    assert_int_equal(masks_find(mountinfo, &masks, NULL), 0);
    assert_string_equal(describe_mask(&masks, "/proc/self"), "dh");
    assert_string_equal(describe_mask(&masks, "/proc/meminfo"), "fr");
    assert_string_equal(describe_mask(&masks, "/proc/no-such-thing"), "");
    assert_string_equal(describe_mask(&masks, "/processes"), "");
    /* Without the engine's help. */
    assert_string_equal(describe_mask(&masks, "/proc/sys"), "dr");
    assert_string_equal(describe_mask(&masks, "/proc/keys"), "fh");
}

static void test_too_many_masks_are_an_error(void **state)
{
    char mountinfo[MASKS_MAX * 64] = "";
    size_t used = 0;
    struct masks masks;

    (void)state;
    for (int i = 0; i < MASKS_MAX; i++)
        used += (size_t)snprintf(mountinfo + used, sizeof(mountinfo) - used,
                                 "1 1 0:1 / /proc/self/%.*s rw - proc proc rw\n", i + 1,
                                 "///////////////////////////////////");
    assert_true(used < sizeof(mountinfo));
    assert_int_equal(masks_find(mountinfo, &masks, NULL), -E2BIG);
}

static struct streams one_stream(int fd)
{
    struct streams streams;

    for (size_t i = 0; i < STREAM_COUNT; i++)
        streams.items[i] = (struct stream){.fd = i == 0 ? fd : -1, .original = -1};
    return streams;
}

/* 0 or the errno with which FD (borrowed) is refused. */
static int adopt(int fd)
{
    struct streams streams = one_stream(fd);

    assert_true(fd >= 0);
    return streams_adopt(&streams, NULL);
}

static void test_what_may_be_handed_over(void **state)
{
    int ends[2];
    int pair[2];
    cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    cleanup_fd int memory = memfd_create("x", MFD_CLOEXEC);

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(adopt(null), 0);
    assert_int_equal(adopt(memory), 0);
    assert_int_equal(adopt(ends[0]), 0);
    assert_int_equal(adopt(ends[1]), 0);
    assert_int_equal(adopt(pair[0]), 0);
    close(pair[1]);
    assert_int_equal(adopt(pair[0]), 0);
    close(ends[0]);
    close(ends[1]);
    close(pair[0]);
}

static void test_what_may_not_be_handed_over(void **state)
{
    static const char *const paths[] = {"/", "/proc/self/status", "/proc/self/ns/mnt",
                                        "/sys/kernel/mm/transparent_hugepage/enabled"};
    cleanup_fd int named = open("/dev/null", O_PATH | O_CLOEXEC);
    cleanup_fd int internet = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cleanup_fd int service = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        cleanup_fd int fd = open(paths[i], O_RDONLY | O_CLOEXEC);

        if (fd >= 0)
            assert_int_equal(adopt(fd), -EINVAL);
    }
    assert_int_equal(adopt(named), -EINVAL);
    assert_int_equal(adopt(internet), -EINVAL);
    /* A name of its own, which the kernel gives. */
    assert_int_equal(bind(service, (struct sockaddr *)&address, sizeof(address.sun_family)), 0);
    assert_int_equal(listen(service, 1), 0);
    assert_int_equal(adopt(service), -EINVAL);
}

static void test_a_file_that_can_be_opened_is_not_replaced(void **state)
{
    char path[] = "/tmp/test-streams-XXXXXX";
    cleanup_fd int fd = mkstemp(path);
    struct streams streams = one_stream(fd);

    (void)state;
    unlink(path);
    assert_int_equal(streams_adopt(&streams, NULL), 0);
    assert_int_equal(streams.items[0].fd, fd);
    assert_int_equal(streams.items[0].original, -1);
}

static void test_the_directory_must_be_the_callers(void **state)
{
    struct target target = TARGET_NONE;
    cleanup_fd int etc = open("/etc", O_PATH | O_CLOEXEC);
    cleanup_fd int proc = open("/proc", O_PATH | O_CLOEXEC);

    (void)state;
    assert_int_equal(target_find_directory(&target, "/etc/", etc, NULL), 0);
    assert_string_equal(target.directory, "/etc");
    close(target.directory_fd);
    assert_int_equal(target_find_directory(&target, "/proc", etc, NULL), -EINVAL);
    assert_int_equal(target_find_directory(&target, "/proc", proc, NULL), 0);
    close(target.directory_fd);
    assert_int_equal(target_find_directory(&target, "/etc/passwd", etc, NULL), -ENOTDIR);
    assert_int_equal(target_find_directory(&target, "/no/such", etc, NULL), -ENOENT);
    assert_int_equal(target_find_directory(&target, "", etc, NULL), -EINVAL);
    assert_int_equal(target_find_directory(&target, "/proc/self/cwd", etc, NULL), -ELOOP);
}

static void test_programs_are_found_as_the_kernel_does(void **state)
{
    struct target target = TARGET_NONE;
    uint8_t digest[TASK_DIGEST_SIZE];

    (void)state;
    target.directory_fd = open("/bin", O_PATH | O_CLOEXEC);
    assert_int_equal(target_find_program(&target, "sh", NULL, NULL), 0);
    assert_string_equal(target.called, "sh");
    assert_int_equal(target.program[0], '/');
    assert_int_equal(target_digest(&target, digest), 0);
    close(target.program_fd);
    assert_int_equal(target_find_program(&target, "sh", "/nowhere:/bin", NULL), 0);
    assert_string_equal(target.called, "/bin/sh");
    close(target.program_fd);
    assert_int_equal(target_find_program(&target, "sh", "/nowhere", NULL), -ENOENT);
    assert_int_equal(target_find_program(&target, "", NULL, NULL), -ENOENT);
    assert_int_equal(target_find_program(&target, "/etc/passwd", NULL, NULL), -EACCES);
    assert_int_equal(target_find_program(&target, "/etc", NULL, NULL), -EACCES);
    assert_int_equal(target_find_program(&target, "/proc/self/exe", NULL, NULL), -ELOOP);
    close(target.directory_fd);
}

static void test_strings_of_another_process(void **state)
{
    static struct foreign_list list;
    static char longer[20000];
    char *arguments[] = {(char[]){"a"}, (char[]){""}, longer, NULL};

    (void)state;
    foreign_list_begin(&list);
    memset(longer, 'x', sizeof(longer) - 1);
    for (size_t length = sizeof(longer) - 1; length > 0; length /= 60) {
        longer[length] = '\0';
        assert_int_equal(foreign_read_list(getpid(), (uintptr_t)arguments, &list), 0);
        assert_int_equal(list.count, 3);
        assert_string_equal(list.items[1], "");
        assert_string_equal(list.items[2], longer);
        assert_null(list.items[3]);
        assert_int_equal(list.size, 3 + length + 1);
        foreign_list_free(&list);
    }
    assert_int_equal(foreign_read_list(getpid(), 0, &list), 0);
    assert_int_equal(list.count, 0);
    assert_int_equal(foreign_read_list(getpid(), 8, &list), -EFAULT);
    assert_int_equal(list.count, 0);
}

/* As long as the kernel takes it, it is read; what is longer no exec takes. */
static void test_long_lists_of_another_process(void **state)
{
    static struct foreign_list list;
    static const char *arguments[FOREIGN_ARGUMENTS_MAX + 2];
    static char last[] = "last";

    (void)state;
    foreign_list_begin(&list);
    for (size_t i = 0; i < FOREIGN_ARGUMENTS_MAX; i++)
        arguments[i] = "x";
    arguments[FOREIGN_ARGUMENTS_FEW - 1] = NULL;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(foreign_read_list(getpid(), (uintptr_t)arguments, &list), 0);
        assert_int_equal(list.count, FOREIGN_ARGUMENTS_FEW - 1 + i);
        foreign_list_free(&list);
        arguments[FOREIGN_ARGUMENTS_FEW - 1 + i] = last;
        arguments[FOREIGN_ARGUMENTS_FEW + i] = NULL;
    }
    arguments[FOREIGN_ARGUMENTS_FEW + 2] = "x";
    arguments[100000] = NULL;
    arguments[99999] = last;
    assert_int_equal(foreign_read_list(getpid(), (uintptr_t)arguments, &list), 0);
    assert_int_equal(list.count, 100000);
    assert_string_equal(list.items[99999], last);
    assert_string_equal(list.items[99998], "x");
    foreign_list_free(&list);
    arguments[100000] = "x";
    assert_int_equal(foreign_read_list(getpid(), (uintptr_t)arguments, &list), 0);
    assert_int_equal(list.count, FOREIGN_ARGUMENTS_MAX);
    foreign_list_free(&list);
    arguments[FOREIGN_ARGUMENTS_MAX] = "x";
    assert_int_equal(foreign_read_list(getpid(), (uintptr_t)arguments, &list), -E2BIG);
    assert_int_equal(list.count, 0);
    foreign_list_free(&list);
}

/* The kernel does not ask that a pointer is aligned, and it may lie on two pages. */
static void test_a_list_at_an_odd_address(void **state)
{
    static struct foreign_list list;
    static char memory[16384] __attribute__((aligned(4096)));
    char *const arguments[] = {(char[]){"one"}, (char[]){"two"}, NULL};

    (void)state;
    foreign_list_begin(&list);
    memcpy(memory + 4096 - 13, arguments, sizeof(arguments));
    assert_int_equal(foreign_read_list(getpid(), (uintptr_t)memory + 4096 - 13, &list), 0);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[1], "two");
}

/* The last string ends with the last byte of a page that nothing follows. */
static void test_strings_at_the_end_of_memory(void **state)
{
    static struct foreign_list list;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *arguments[] = {NULL, NULL};

    (void)state;
    foreign_list_begin(&list);
    assert_ptr_not_equal(memory, MAP_FAILED);
    assert_int_equal(munmap(memory + page, page), 0);
    memcpy(memory + page - 3, "ab", 3);
    arguments[0] = memory + page - 3;
    assert_int_equal(foreign_read_list(getpid(), (uintptr_t)arguments, &list), 0);
    assert_string_equal(list.items[0], "ab");
    memory[page - 1] = 'c';
    assert_int_equal(foreign_read_list(getpid(), (uintptr_t)arguments, &list), -EFAULT);
    munmap(memory, page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_masks_of_the_engine_are_copied),
        cmocka_unit_test(test_too_many_masks_are_an_error),
        cmocka_unit_test(test_what_may_be_handed_over),
        cmocka_unit_test(test_what_may_not_be_handed_over),
        cmocka_unit_test(test_a_file_that_can_be_opened_is_not_replaced),
        cmocka_unit_test(test_the_directory_must_be_the_callers),
        cmocka_unit_test(test_programs_are_found_as_the_kernel_does),
        cmocka_unit_test(test_strings_of_another_process),
        cmocka_unit_test(test_long_lists_of_another_process),
        cmocka_unit_test(test_a_list_at_an_odd_address),
        cmocka_unit_test(test_strings_at_the_end_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
