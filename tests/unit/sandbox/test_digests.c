/* The ring of digests that sandboxes share, and what is in it from the start. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>
/* After its own prerequisites. */
#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/wire/task_file.h"
#include "sandbox/agent-task-sandbox/digests.h"
#include "sandbox/agent-task-sandbox/recorded.h"
#include "sandbox/agent-task-sandbox/target.h"

/* More than the ring has rows. */
#define MANY 1000

static void digest_of(uint64_t inode, uint8_t digest[TASK_DIGEST_SIZE])
{
    for (size_t i = 0; i < TASK_DIGEST_SIZE; i++)
        digest[i] = (uint8_t)(inode + i);
}

static void keep(struct digests *digests, uint64_t inode)
{
    const struct task_file file = {.device = 1, .inode = inode};
    uint8_t digest[TASK_DIGEST_SIZE];
    digest_of(inode, digest);
    digests_keep(digests, &file, digest);
}

static bool is_known(const struct digests *digests, const struct task_file *file)
{
    uint8_t wanted[TASK_DIGEST_SIZE];
    uint8_t found[TASK_DIGEST_SIZE] = {0};
    digest_of(file->inode, wanted);
    if (!digests_find(digests, file, found))
        return false;
    assert_memory_equal(found, wanted, sizeof(wanted));
    return true;
}

static void knows_what_was_kept_and_nothing_else(void **state)
{
    struct digests *digests = digests_open();
    (void)state;
    assert_non_null(digests);
    assert_false(is_known(digests, &(struct task_file){.inode = 0}));
    keep(digests, 7);
    assert_true(is_known(digests, &(struct task_file){.device = 1, .inode = 7}));
    assert_false(is_known(digests, &(struct task_file){.device = 2, .inode = 7}));
    assert_false(is_known(digests, &(struct task_file){.device = 1, .inode = 7, .changed_ns = 1}));
    for (uint64_t inode = 8; inode < MANY; inode++)
        keep(digests, inode);
    assert_true(is_known(digests, &(struct task_file){.device = 1, .inode = MANY - 1}));
    assert_false(is_known(digests, &(struct task_file){.device = 1, .inode = 7}));
}

/* Whatever the others write meanwhile, what is found is whole. */
static void is_shared_by_processes(void **state)
{
    struct digests *digests = digests_open();
    size_t known = 0;
    (void)state;
    assert_non_null(digests);
    pid_t pid = fork();
    if (pid == 0) {
        for (uint64_t i = 0; i < 200 * MANY; i++)
            keep(digests, i % MANY + 1);
        _exit(0);
    }
    assert_true(pid > 0);
    bool is_over;
    do {
        is_over = waitpid(pid, NULL, WNOHANG) != 0;
        for (uint64_t inode = 1; inode <= MANY; inode++)
            known += is_known(digests, &(struct task_file){.device = 1, .inode = inode});
    } while (!is_over);
    assert_true(known > 0);
}

static const char digest_text[] =
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

static void write_file(const char *path, const char *text)
{
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* Who makes a user namespace is root there, and may make a mount that nobody can write to. */
static void become_root(void)
{
    char users[64];
    char groups[64];
    snprintf(users, sizeof(users), "0 %u 1", getuid());
    snprintf(groups, sizeof(groups), "0 %u 1", getgid());
    assert_int_equal(unshare(CLONE_NEWUSER | CLONE_NEWNS), 0);
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", users);
    write_file("/proc/self/gid_map", groups);
    assert_int_equal(mount("none", "/mnt", "tmpfs", 0, NULL), 0);
}

/* What a table of one row, of SIZE and of OFFSET seconds from the time of /mnt/program, says of it.
 */
static bool is_recorded(const char *digest, uint64_t size, int offset, int expected)
{
    struct error err = ERROR_INITIALIZER;
    struct task_file file;
    char row[256];
    uint8_t found[TASK_DIGEST_SIZE];
    struct digests *digests = digests_open();
    cleanup_fd int fd = open("/mnt/program", O_PATH | O_CLOEXEC);
    cleanup_fd int table = memfd_create("table", 0);
    assert_int_equal(task_file_identify(fd, &file), 0);
    snprintf(row, sizeof(row), "%s %" PRIu64 " %" PRId64 " /mnt/program\n", digest, size,
             file.modified_ns / (int64_t)CLOCK_NANOSECONDS_PER_SECOND + offset);
    assert_int_equal(write(table, row, strlen(row)), (ssize_t)strlen(row));
    snprintf(row, sizeof(row), "/proc/self/fd/%d", table);
    assert_int_equal(recorded_load(row, digests, &err), expected);
    return digests_find(digests, &file, found) && found[0] == 0x00 && found[31] == 0xff;
}

static void look_at_tables(void)
{
    become_root();
    write_file("/mnt/program", "12345");
    /* As long as it can be written to, nothing recorded holds. */
    assert_false(is_recorded(digest_text, 5, 0, 0));
    assert_int_equal(mount(NULL, "/mnt", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    assert_true(is_recorded(digest_text, 5, 0, 0));
    assert_false(is_recorded(digest_text, 6, 0, 0));
    assert_false(is_recorded(digest_text, 5, 1, 0));
    assert_false(is_recorded("0011", 5, 0, -EINVAL));
    assert_false(is_recorded("zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", 5,
                             0, -EINVAL));
}

/* In a process of its own, as namespaces stay. */
static void knows_what_an_image_recorded(void **state)
{
    struct error err = ERROR_INITIALIZER;
    int status = 0;
    (void)state;
    assert_int_equal(recorded_load("/nonexistent", digests_open(), &err), 0);
    pid_t pid = fork();
    if (pid == 0) {
        look_at_tables();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_was_kept_and_nothing_else),
        cmocka_unit_test(is_shared_by_processes),
        cmocka_unit_test(knows_what_an_image_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
