/* The sealed block of a command, and replies of every size. */
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
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "sandbox/task-client/connection.h"

static char *const no_strings[] = {NULL};

static void assert_block(char *const *arguments, char *const *environment, const char *expected,
                         size_t size)
{
    const struct task_command command = {.arguments = arguments, .environment = environment};
    struct task_run run = {.flags = 0};
    struct error err = ERROR_INITIALIZER;
    cleanup_fd int fd = task_block_make(&command, &run, &err);
    char *data;

    assert_true(fd >= 0);
    assert_int_equal(run.block_size, size);
    data = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(data, MAP_FAILED);
    assert_memory_equal(data, expected, size);
    munmap(data, size);
}

static void test_strings(void **state)
{
    /* As execve lays them, one behind the other; as a program makes them, anywhere. */
    static char together[] = "a\0\0b c\0\xff\xfe";
    char *const adjacent[] = {together, together + 2, together + 3, together + 7, NULL};
    static char first[] = "one";
    static char second[] = "two";
    char *const apart[] = {second, first, NULL};
    static char empty[] = "";
    char *const empties[] = {empty, empty, empty, NULL};

    (void)state;
    assert_int_equal(chdir("/"), 0);
    assert_block(adjacent, apart, "a\0\0b c\0\xff\xfe\0two\0one\0/", 20);
    assert_block(no_strings, no_strings, "/", 2);
    assert_block(empties, no_strings, "\0\0\0/", 5);
}

static void test_deleted_directory(void **state)
{
    char path[] = "/tmp/test_task_block.XXXXXX";

    (void)state;
    assert_non_null(mkdtemp(path));
    assert_int_equal(chdir(path), 0);
    assert_int_equal(rmdir(path), 0);
    assert_block(no_strings, no_strings, "", 1);
    assert_int_equal(chdir("/"), 0);
}

static void test_seals(void **state)
{
    const struct task_command command = {.arguments = no_strings, .environment = no_strings};
    struct task_run run = {.flags = 0};
    cleanup_fd int fd = task_block_make(&command, &run, NULL);
    int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

    (void)state;
    assert_int_equal(fcntl(fd, F_GET_SEALS) & seals, seals);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
}

/* COUNT strings of SIZE bytes, the terminator included. */
static int make(size_t count, size_t size)
{
    cleanup_free char **list = calloc(count + 1, sizeof(*list));
    cleanup_free char *data = calloc(count, size);
    struct task_command command = {.arguments = list, .environment = no_strings};
    struct task_run run = {.flags = 0};
    int fd;

    assert_non_null(list);
    assert_non_null(data);
    for (size_t i = 0; i < count; i++) {
        list[i] = data + i * size;
        memset(list[i], 'x', size - 1);
    }
    fd = task_block_make(&command, &run, NULL);
    if (fd >= 0)
        close(fd);
    return fd < 0 ? fd : (int)run.argument_count;
}

static void test_limits(void **state)
{
    (void)state;
    assert_int_equal(make(128 * 1024, 16), 128 * 1024);
    assert_int_equal(make(TASK_STRINGS_MAX - 1, 1), TASK_STRINGS_MAX - 1);
    assert_int_equal(make(TASK_STRINGS_MAX, 1), -E2BIG);
    assert_int_equal(make(16, TASK_BLOCK_MAX / 16 - 1), 16);
    assert_int_equal(make(16, TASK_BLOCK_MAX / 16), -E2BIG);
}

/* What the client makes of one message of SIZE bytes. */
static int receive(const void *data, size_t size, union task_message_of_runner *message)
{
    int ends[2];
    int fd = -1;
    int result;

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(send(ends[1], data, size, 0), size);
    result = task_receive_any(ends[0], message, &fd);
    assert_int_equal(fd, -1);
    close(ends[0]);
    close(ends[1]);
    return result;
}

static void test_replies(void **state)
{
    static const struct {
        uint32_t type;
        size_t size;
    } kinds[] = {
        {TASK_END, sizeof(struct task_reply)},
        {TASK_STARTED, sizeof(struct task_reply)},
        {TASK_ROW, sizeof(struct task_row)},
        {TASK_STATUS_ROW, sizeof(struct task_status_row)},
    };
    union task_message_of_runner sent;
    union task_message_of_runner message;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        memset(&sent, 'x', sizeof(sent));
        sent.header.version = TASK_PROTOCOL_VERSION;
        sent.header.type = kinds[i].type;
        assert_int_equal(receive(&sent, kinds[i].size, &message), 0);
        assert_int_equal(receive(&sent, kinds[i].size - 1, &message), -EPROTO);
        assert_int_equal(receive(&sent, sizeof(sent.header), &message), -EPROTO);
        assert_int_equal(receive(&sent, 1, &message), -EPROTO);
        sent.header.version++;
        assert_int_equal(receive(&sent, kinds[i].size, &message), -EPROTO);
    }
}

static void test_strings_of_replies_end(void **state)
{
    union task_message_of_runner sent;
    union task_message_of_runner message;

    (void)state;
    memset(&sent, 'x', sizeof(sent));
    sent.header = (struct task_header){.version = TASK_PROTOCOL_VERSION, .type = TASK_ROW};
    assert_int_equal(receive(&sent, sizeof(sent.row), &message), 0);
    assert_int_equal(strlen(message.row.id), TASK_ID_SIZE - 1);
    assert_int_equal(strlen(message.row.arguments), TASK_TEXT_SIZE - 1);
    assert_int_equal(message.row.arguments_size, TASK_TEXT_SIZE);
    sent.header.type = TASK_DENIED;
    assert_int_equal(receive(&sent, sizeof(sent.reply), &message), 0);
    assert_int_equal(strlen(message.reply.text), TASK_TEXT_SIZE - 1);
}

static void test_nobody_listens(void **state)
{
    struct error err = ERROR_INITIALIZER;

    (void)state;
    assert_int_equal(task_connect("/nonexistent/runner.sock", 30, &err), -ENOENT);
    assert_non_null(strstr(error_text(&err), "no command runs without it"));
    assert_int_equal(task_connect("/etc/passwd", 30, &err), -ECONNREFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),        cmocka_unit_test(test_deleted_directory),
        cmocka_unit_test(test_seals),          cmocka_unit_test(test_limits),
        cmocka_unit_test(test_replies),        cmocka_unit_test(test_strings_of_replies_end),
        cmocka_unit_test(test_nobody_listens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
