/* The ring of digests that sandboxes share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
/* After its own prerequisites. */
#include <cmocka.h>

#include "sandbox/agent-task-sandbox/digests.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_was_kept_and_nothing_else),
        cmocka_unit_test(is_shared_by_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
