/* What an image recorded of its programs, and which programs are held to it. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/wire/recorded_program.h"
#include "lib/wire/task_file.h"

struct place {
    char directory[64];
    char program[96];
    char table[96];
};

static void write_file(const char *path, const char *text)
{
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static int open_place(void **state)
{
    static struct place place;
    snprintf(place.directory, sizeof(place.directory), "/tmp/recorded-XXXXXX");
    assert_non_null(mkdtemp(place.directory));
    snprintf(place.program, sizeof(place.program), "%s/program", place.directory);
    snprintf(place.table, sizeof(place.table), "%s/table", place.directory);
    write_file(place.program, "12345");
    *state = &place;
    return 0;
}

static int close_place(void **state)
{
    struct place *place = *state;
    unlink(place->program);
    unlink(place->table);
    return rmdir(place->directory);
}

/* A row about the program as it is, but for its digest, which is that of BYTES. */
static void record(const struct place *place, const char *bytes)
{
    struct stat status;
    uint8_t digest[TASK_DIGEST_SIZE];
    char hex[2 * TASK_DIGEST_SIZE + 1];
    char row[256];
    assert_int_equal(stat(place->program, &status), 0);
    crypto_hash_sha256(digest, (const uint8_t *)bytes, strlen(bytes));
    sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
    snprintf(row, sizeof(row), "%s %lld %lld %s\n", hex, (long long)status.st_size,
             (long long)status.st_mtim.tv_sec, place->program);
    write_file(place->table, row);
}

static void set_time(const struct place *place, time_t seconds)
{
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    assert_int_equal(utimensat(AT_FDCWD, place->program, times, 0), 0);
}

static int verify(const struct place *place, const char *text)
{
    struct task_file file;
    struct error err = ERROR_INITIALIZER;
    int result = recorded_program_verify(place->table, place->program, &file, &err);
    assert_int_equal(file.inode != 0, result == 0);
    if (result < 0)
        assert_non_null(strstr(error_text(&err), text));
    return result;
}

static void takes_what_was_recorded(void **state)
{
    const struct place *place = *state;
    set_time(place, 1000);
    record(place, "12345");
    assert_int_equal(verify(place, "-"), 0);
    /* Another time, and the same bytes: they are read. */
    set_time(place, 2000);
    assert_int_equal(verify(place, "-"), 0);
}

static void refuses_what_is_another(void **state)
{
    const struct place *place = *state;
    set_time(place, 1000);
    record(place, "12345");
    write_file(place->program, "1234x");
    assert_int_equal(verify(place, "has the SHA-256 "), -EINVAL);
    write_file(place->program, "123456");
    set_time(place, 1000);
    assert_int_equal(verify(place, "record-programs after it"), -EINVAL);
    write_file(place->program, "12345");
    assert_int_equal(verify(place, "-"), 0);
    write_file(place->table, "# nothing\n");
    assert_int_equal(verify(place, "is not on record"), -EINVAL);
    unlink(place->table);
    assert_int_equal(verify(place, "is not on record"), -EINVAL);
    record(place, "12345");
    chmod(place->program, 0775);
    assert_int_equal(verify(place, "is not root's alone"), -EINVAL);
    chmod(place->program, 0755);
    write_file(place->table, "0011 5 1000 /program\n");
    assert_int_equal(verify(place, "it must be a digest, a size, a time and a path"), -EINVAL);
}

static void fills_both_files_of_a_rule(void **state)
{
    const struct place *place = *state;
    struct task_direct rule = {.rule = "mine", .from = "/nonexistent"};
    struct error err = ERROR_INITIALIZER;
    struct task_file file;
    cleanup_fd int fd = open(place->program, O_PATH | O_CLOEXEC);
    snprintf(rule.program, sizeof(rule.program), "%s", place->program);
    record(place, "12345");
    assert_int_equal(direct_rule_verify(place->table, &rule, &err), 0);
    assert_int_equal(task_file_identify(fd, &file), 0);
    assert_int_equal(rule.from_file.inode, 0);
    assert_memory_equal(&rule.program_file, &file, sizeof(file));
    record(place, "another");
    set_time(place, 1);
    assert_int_equal(direct_rule_verify(place->table, &rule, &err), -EINVAL);
    assert_non_null(strstr(error_text(&err), "the direct rule 'mine': the program '"));
}

/* Whoever makes a user namespace is root there, and so of the files it makes. */
static void become_root(void)
{
    char users[64];
    snprintf(users, sizeof(users), "0 %u 1", geteuid());
    if (geteuid() == 0)
        return;
    assert_int_equal(unshare(CLONE_NEWUSER), 0);
    write_file("/proc/self/uid_map", users);
}

int main(void)
{
    become_root();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(takes_what_was_recorded, open_place, close_place),
        cmocka_unit_test_setup_teardown(refuses_what_is_another, open_place, close_place),
        cmocka_unit_test_setup_teardown(fills_both_files_of_a_rule, open_place, close_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
