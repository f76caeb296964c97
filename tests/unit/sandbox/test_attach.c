/* Frames and buffers of the attach socket: what is odd is refused, what is whole comes through
 * unchanged. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "sandbox/attach/frame.h"

static struct buffer buffer;

static int clear(void **state)
{
    (void)state;
    buffer_clear(&buffer);
    return 0;
}

static void put_header(uint32_t type, uint32_t length)
{
    struct frame_header header = {.type = type, .length = length};

    buffer_append(&buffer, &header, sizeof(header));
}

static void test_frame_comes_back(void **state)
{
    struct frame frame;

    (void)state;
    assert_int_equal(frame_append(&buffer, FRAME_DATA, "hello", 5), 0);
    assert_int_equal(frame_peek(&buffer, &frame), 1);
    assert_int_equal(frame.type, FRAME_DATA);
    assert_int_equal(frame.length, 5);
    assert_memory_equal(frame.payload, "hello", 5);
    buffer_consume(&buffer, frame_size_of(&frame));
    assert_int_equal(buffer_size(&buffer), 0);
}

static void test_frame_waits_for_each_byte(void **state)
{
    static struct buffer whole;
    struct frame frame;

    (void)state;
    buffer_clear(&whole);
    frame_append(&whole, FRAME_DATA, "x", 1);
    for (size_t i = 0; i + 1 < buffer_size(&whole); i++) {
        buffer_append(&buffer, buffer_data(&whole) + i, 1);
        assert_int_equal(frame_peek(&buffer, &frame), 0);
    }
    buffer_append(&buffer, "x", 1);
    assert_int_equal(frame_peek(&buffer, &frame), 1);
}

static void test_odd_headers_are_refused_at_once(void **state)
{
    static const struct frame_header odd[] = {
        {.type = 0, .length = 1},
        {.type = 5, .length = 1},
        {.type = UINT32_MAX, .length = 1},
        {.type = FRAME_DATA, .length = 0},
        {.type = FRAME_DATA, .length = FRAME_DATA_MAX + 1},
        {.type = FRAME_DATA, .length = UINT32_MAX},
        {.type = FRAME_RESIZE, .length = sizeof(struct frame_size) + 1},
        {.type = FRAME_RESIZE, .length = 0},
        {.type = FRAME_HELLO, .length = sizeof(struct frame_hello) - 1},
        {.type = FRAME_EXIT, .length = 4},
    };
    struct frame frame;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(odd); i++) {
        buffer_clear(&buffer);
        put_header(odd[i].type, odd[i].length);
        assert_int_equal(frame_peek(&buffer, &frame), -EPROTO);
    }
}

static int read_hello(const struct frame_hello *hello)
{
    struct frame frame = {.type = FRAME_HELLO, .length = sizeof(*hello), .payload = hello};
    struct frame_hello copy;

    return frame_read_hello(&frame, &copy);
}

static void test_hello(void **state)
{
    const struct frame_hello good = {
        .version = ATTACH_VERSION, .size = {24, 80}, .terminal = "xterm-256color"};
    struct frame_hello bad = good;

    (void)state;
    assert_int_equal(read_hello(&good), 0);
    bad.version++;
    assert_int_equal(read_hello(&bad), -EPROTO);
    bad = good;
    bad.size.rows = 0;
    assert_int_equal(read_hello(&bad), -EPROTO);
    bad = good;
    bad.size.columns = FRAME_SIDE_MAX + 1;
    assert_int_equal(read_hello(&bad), -EPROTO);
    bad = good;
    memset(bad.terminal, 'x', sizeof(bad.terminal));
    assert_int_equal(read_hello(&bad), -EPROTO);
    static const char *const names[] = {"",    "../../x", ".x",  "x/y",
                                        "x y", "x\n",     "x;y", "\xc3\xa4"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        bad = good;
        memset(bad.terminal, 0, sizeof(bad.terminal));
        memcpy(bad.terminal, names[i], strlen(names[i]));
        assert_int_equal(read_hello(&bad), -EPROTO);
    }
}

static int read_exit(uint32_t reason, int32_t code)
{
    struct frame_exit ending = {.reason = reason, .exit_code = code};
    struct frame frame = {.type = FRAME_EXIT, .length = sizeof(ending), .payload = &ending};

    return frame_read_exit(&frame, &ending);
}

static void test_exit(void **state)
{
    (void)state;
    assert_int_equal(read_exit(FRAME_EXIT_ENDED, 255), 0);
    assert_int_equal(read_exit(FRAME_EXIT_ENDED, 256), -EPROTO);
    assert_int_equal(read_exit(FRAME_EXIT_ENDED, -1), -EPROTO);
    assert_int_equal(read_exit(0, 0), -EPROTO);
    assert_int_equal(read_exit(FRAME_EXIT_REPLACED + 1, 0), -EPROTO);
}

static void test_full_buffer_takes_no_frame(void **state)
{
    static const char data[FRAME_DATA_MAX];
    size_t count = 0;

    (void)state;
    while (frame_append(&buffer, FRAME_DATA, data, sizeof(data)) == 0)
        count++;
    assert_int_equal(count, BUFFER_SIZE / (sizeof(data) + sizeof(struct frame_header)));
    assert_int_equal(frame_append(&buffer, FRAME_DATA, data, sizeof(data)), -ENOBUFS);
}

/* Odd sizes in and out over a socket: the bytes keep their order over every compaction. */
static void test_buffer_keeps_order(void **state)
{
    int ends[2];
    uint8_t next_in = 0;
    uint8_t next_out = 0;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    for (int round = 0; round < 500; round++) {
        uint8_t data[997];
        ssize_t count;

        for (size_t i = 0; i < sizeof(data); i++)
            data[i] = next_in++;
        if (buffer_room(&buffer) >= sizeof(data))
            buffer_append(&buffer, data, sizeof(data));
        else
            next_in = (uint8_t)(next_in - sizeof(data));
        assert_int_equal(buffer_write(&buffer, ends[0]), 0);
        count = read(ends[1], data, 611);
        for (ssize_t i = 0; i < count; i++)
            assert_int_equal(data[i], next_out++);
    }
    close(ends[0]);
    close(ends[1]);
}

static void test_buffer_reads_to_the_end(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    assert_int_equal(buffer_read(&buffer, ends[0]), -EAGAIN);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    assert_int_equal(buffer_read(&buffer, ends[0]), 3);
    close(ends[1]);
    assert_int_equal(buffer_read(&buffer, ends[0]), 0);
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_frame_comes_back, clear),
        cmocka_unit_test_setup(test_frame_waits_for_each_byte, clear),
        cmocka_unit_test_setup(test_odd_headers_are_refused_at_once, clear),
        cmocka_unit_test_setup(test_hello, clear),
        cmocka_unit_test_setup(test_exit, clear),
        cmocka_unit_test_setup(test_full_buffer_takes_no_frame, clear),
        cmocka_unit_test_setup(test_buffer_keeps_order, clear),
        cmocka_unit_test_setup(test_buffer_reads_to_the_end, clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
