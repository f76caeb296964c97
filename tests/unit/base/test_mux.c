/* Connections through a mux: bytes both ways and to the last one, whoever ends; a reader that does
 * not read, and a thousand callers. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "tests/unit/base/mux_stage.h"

#define MUCH ((size_t)4 * 1024 * 1024)

static void test_messages_keep_their_bounds(void **state)
{
    static const size_t sizes[] = {1, 2, 1000, 65536, 135300, 7};
    static char data[MUX_MESSAGE_MAX];
    static char heard[MUX_MESSAGE_MAX];
    struct stage *stage = *state;
    int ends[2];
    ends[0] = stage_connect(stage, PACKETS, &ends[1]);
    assert_int_equal(stage->callers[0].uid, getuid());
    assert_int_equal(stage->callers[0].gid, getgid());
    for (int from = 0; from < 2; from++) {
        for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
            memset(data, 'a' + (int)i, sizes[i]);
            assert_int_equal(send(ends[from], data, sizes[i], 0), sizes[i]);
            assert_int_equal(stage_hear(stage, ends[1 - from], heard, sizeof(heard)), sizes[i]);
            assert_memory_equal(data, heard, sizes[i]);
        }
    }
    /* Many in a row, more than a window. */
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(send(ends[0], &i, sizeof(i), 0), sizeof(i));
        assert_int_equal(stage_hear(stage, ends[1], heard, sizeof(heard)), sizeof(i));
        assert_memory_equal(&i, heard, sizeof(i));
    }
    close(ends[0]);
    assert_int_equal(stage_hear(stage, ends[1], heard, sizeof(heard)), 0);
}

static void test_a_message_that_is_too_long_ends_its_connection(void **state)
{
    static char data[MUX_MESSAGE_MAX + 1];
    struct stage *stage = *state;
    int served;
    int large = (int)sizeof(data) * 4;
    int fd = stage_connect(stage, PACKETS, &served);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &large, sizeof(large));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &large, sizeof(large));
    assert_int_equal(send(fd, data, sizeof(data), 0), sizeof(data));
    assert_int_equal(stage_hear(stage, served, data, sizeof(data)), 0);
    assert_int_equal(stage_hear(stage, fd, data, sizeof(data)), 0);
    close(fd);
    /* The control: others are not concerned. */
    fd = stage_connect(stage, PACKETS, &served);
    assert_int_equal(send(fd, "x", 1, 0), 1);
    assert_int_equal(stage_hear(stage, served, data, sizeof(data)), 1);
    close(fd);
}

/* Pumps MUCH from one end to the other; a reader with PACE takes a little each so many turns. */
static void pump(struct stage *stage, int from, int to, int pace)
{
    static char data[65536];
    static char heard[65536];
    size_t sent = 0;
    size_t got = 0;
    for (int i = 0; i < 100 * ROUNDS && got < MUCH; i++) {
        for (size_t k = 0; k < sizeof(data); k++)
            data[k] = (char)((sent + k) % 251);
        size_t left = MUCH - sent < sizeof(data) ? MUCH - sent : sizeof(data);
        ssize_t count = left == 0 ? 0 : send(from, data, left, MSG_DONTWAIT);
        sent += count > 0 ? (size_t)count : 0;
        if (sent == MUCH && count > 0)
            shutdown(from, SHUT_WR);
        stage_turn(stage, 1);
        if (i % pace != 0)
            continue;
        count = recv(to, heard, sizeof(heard), MSG_DONTWAIT);
        for (ssize_t k = 0; k < count; k++)
            assert_int_equal(heard[k], (char)((got + (size_t)k) % 251));
        got += count > 0 ? (size_t)count : 0;
    }
    assert_int_equal(got, MUCH);
    assert_int_equal(stage_hear(stage, to, heard, sizeof(heard)), 0);
}

static void test_a_stream_comes_whole_both_ways_and_is_half_closed(void **state)
{
    struct stage *stage = *state;
    char byte;
    int served;
    int fd = stage_connect(stage, STREAM, &served);
    pump(stage, fd, served, 1);
    pump(stage, served, fd, 3);
    /* Both have said their last: nothing of it is left. */
    stage_turn(stage, 20);
    assert_int_equal(stage->near->counts[STREAM], 0);
    assert_int_equal(stage->far->counts[STREAM], 0);
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
    close(fd);
}

static void test_who_does_not_read_holds_up_nobody_and_takes_a_window(void **state)
{
    static char data[4096];
    struct stage *stage = *state;
    int served, other_served;
    size_t sent = 0;
    int slow = stage_connect(stage, STREAM, &served);
    int other = stage_connect(stage, PACKETS, &other_served);
    for (int i = 0; i < ROUNDS; i++) {
        ssize_t count = send(slow, data, sizeof(data), MSG_DONTWAIT);
        sent += count > 0 ? (size_t)count : 0;
        stage_turn(stage, 1);
    }
    /* Two sockets' buffers, and one window between them. */
    assert_true(sent >= MUX_WINDOW);
    assert_true(sent < MUX_WINDOW + ((size_t)1 << 20));
    assert_int_equal(send(other, "x", 1, 0), 1);
    assert_int_equal(stage_hear(stage, other_served, data, sizeof(data)), 1);
    /* It has been closed by who said it all: the rest is there for who reads it in time. */
    close(slow);
    size_t got = 0;
    for (int i = 0; i < ROUNDS && got < sent; i++) {
        stage_turn(stage, 1);
        ssize_t count = recv(served, data, sizeof(data), MSG_DONTWAIT);
        got += count > 0 ? (size_t)count : 0;
    }
    assert_int_equal(got, sent);
    close(other);
}

static void test_what_was_said_before_a_close_is_heard(void **state)
{
    struct stage *stage = *state;
    char data[16];
    int ends[2];
    for (int from = 0; from < 2; from++) {
        ends[0] = stage_connect(stage, PACKETS, &ends[1]);
        assert_int_equal(send(ends[from], "last", 4, 0), 4);
        int closed = ends[from];
        if (from == 1)
            stage->served[stage->count - 1] = -1;
        close(closed);
        assert_int_equal(stage_hear(stage, ends[1 - from], data, sizeof(data)), 4);
        assert_int_equal(stage_hear(stage, ends[1 - from], data, sizeof(data)), 0);
        if (from == 1)
            close(ends[0]);
        stage_turn(stage, 20);
        assert_int_equal(stage->near->counts[PACKETS], 0);
        assert_int_equal(stage->far->counts[PACKETS], 0);
    }
}

static void test_nobody_serves_it(void **state)
{
    struct stage *stage = *state;
    char byte;
    stage->refuses = true;
    int fd = stage_call(PACKETS);
    assert_int_equal(stage_hear(stage, fd, &byte, 1), 0);
    close(fd);
    stage_turn(stage, 20);
    assert_int_equal(stage->near->counts[PACKETS], 0);
    stage->refuses = false;
    int served;
    fd = stage_connect(stage, PACKETS, &served);
    close(fd);
}

/* They wait in the listener's queue, which has an end as on the host, and have no place of the
 * other service's. */
static void test_a_thousand_callers_do_not_exhaust_it(void **state)
{
    static int callers[CALLERS];
    struct stage *stage = *state;
    char byte;
    int served;
    size_t refused = 0;
    for (size_t i = 0; i < CALLERS; i++) {
        callers[i] = stage_call(PACKETS);
        refused += callers[i] < 0;
        stage_turn(stage, 1);
        assert_true(stage->near->counts[PACKETS] <= MOST);
        assert_true(stage->far->counts[PACKETS] <= MOST);
    }
    assert_int_equal(stage->count, MOST);
    assert_true(refused > 0);
    int other = stage_connect(stage, STREAM, &served);
    assert_int_equal(send(other, "x", 1, 0), 1);
    assert_int_equal(stage_hear(stage, served, &byte, 1), 1);
    close(other);
    /* Who waits has its turn when one goes; when all have gone there is room again. */
    close(callers[0]);
    size_t before = stage->count;
    for (int i = 0; i < ROUNDS && stage->count == before; i++)
        stage_turn(stage, 1);
    assert_int_equal(stage->count, before + 1);
    for (size_t i = 1; i < CALLERS; i++)
        cleanup_close(&callers[i]);
    stage_turn(stage, 2000);
    assert_int_equal(stage->near->counts[PACKETS], 0);
    assert_int_equal(stage->far->counts[PACKETS], 0);
    int fd = stage_connect(stage, PACKETS, &served);
    assert_int_equal(send(fd, "y", 1, 0), 1);
    assert_int_equal(stage_hear(stage, served, &byte, 1), 1);
    close(fd);
}

static void test_an_end_that_goes_is_noticed(void **state)
{
    struct stage *stage = *state;
    int served;
    int fd = stage_connect(stage, PACKETS, &served);
    cleanup_close(&stage->up[1]);
    int result = 0;
    for (int i = 0; i < 10 && result == 0; i++)
        result = mux_run_once(stage->far, 0);
    assert_int_equal(result, -EPIPE);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_messages_keep_their_bounds),
        STAGE_TEST(test_a_message_that_is_too_long_ends_its_connection),
        STAGE_TEST(test_a_stream_comes_whole_both_ways_and_is_half_closed),
        STAGE_TEST(test_who_does_not_read_holds_up_nobody_and_takes_a_window),
        STAGE_TEST(test_what_was_said_before_a_close_is_heard),
        STAGE_TEST(test_nobody_serves_it),
        STAGE_TEST(test_a_thousand_callers_do_not_exhaust_it),
        STAGE_TEST(test_an_end_that_goes_is_noticed),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
