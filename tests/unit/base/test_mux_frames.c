/* What the other side of a mux may not say: each ends it, with the reason. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "tests/unit/base/mux_stage.h"

/* A frame with a payload of SIZE bytes, the first of which are PAYLOAD. */
static size_t put_frame(char *place, struct mux_header header, const void *payload, size_t size)
{
    header.magic = header.magic == 0 ? MUX_MAGIC : header.magic;
    memcpy(place, &header, sizeof(header));
    memset(place + sizeof(header), 0, header.size);
    memcpy(place + sizeof(header), payload, size);
    return sizeof(header) + header.size;
}

static int feed_frame(struct stage *stage, struct mux_header header, uint32_t value)
{
    static char frame[sizeof(struct mux_header) + MUX_MESSAGE_MAX + 1];
    const uint32_t payload[2] = {value, value};
    size_t size = header.size < sizeof(payload) ? header.size : sizeof(payload);
    return mux_feed(stage->far, frame, put_frame(frame, header, payload, size));
}

#define READY             \
    {                     \
        .type = MUX_READY \
    }
#define OPEN                                                \
    {                                                       \
        .type = MUX_OPEN, .size = sizeof(struct mux_caller) \
    }

static void test_frames_that_are_against_the_protocol_end_it(void **state)
{
    /* clang-format off */
    static const struct {
        struct mux_header frames[4];
        uint32_t value; /* of the last one's payload */
    } wrong[] = {
        {{{.magic = 1, .type = MUX_READY}}, 0},
        {{{.type = 0xff}}, 0},
        {{{.type = MUX_READY, .size = 1}}, 0},
        {{OPEN}, 0},
        {{READY, READY}, 0},
        {{READY, {.type = MUX_OPEN, .size = 4}}, 0},
        {{READY, {.type = MUX_OPEN, .size = sizeof(struct mux_caller), .service = MUX_SERVICES}}, 0},
        {{READY, {.type = MUX_OPEN, .size = sizeof(struct mux_caller), .service = 2}}, 0},
        {{READY, {.type = MUX_OPEN, .size = sizeof(struct mux_caller), .id = MUX_CONNECTIONS}}, 0},
        {{READY, OPEN}, UINT32_MAX},
        {{READY, OPEN, OPEN}, 0},
        {{READY, {.type = MUX_DATA, .size = 1}}, 0},
        {{READY, {.type = MUX_CLOSE}}, 0},
        {{READY, OPEN, {.type = MUX_DATA}}, 0},
        {{READY, OPEN, {.type = MUX_DATA, .size = MUX_MESSAGE_MAX + 1}}, 0},
        {{READY, OPEN, {.type = MUX_CREDIT, .size = 4}}, 1},
        {{READY, OPEN, {.type = MUX_END}, {.type = MUX_END}}, 0},
        {{READY, OPEN, {.type = MUX_END}, {.type = MUX_DATA, .size = 1}}, 0},
        {{READY, OPEN, {.type = MUX_CLOSE}, {.type = MUX_CLOSE}}, 0},
        {{READY, OPEN, {.type = MUX_CLOSE}, {.type = MUX_DATA, .size = 1}}, 0},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        void *own = NULL;
        stage_set_up(&own);
        struct stage *stage = own;
        size_t last = 3;
        while (wrong[i].frames[last].type == 0)
            last--;
        for (size_t k = 0; k < last; k++)
            assert_int_equal(feed_frame(stage, wrong[i].frames[k], 0), 0);
        if (feed_frame(stage, wrong[i].frames[last], wrong[i].value) != -EPROTO)
            fail_msg("row %zu is taken", i);
        assert_true(stage->far->reason.message[0] != '\0');
        stage_tear_down(&own);
    }
}

/* The near end has no use for a connection that the far one opens. */
static void test_only_one_end_opens(void **state)
{
    struct stage *stage = *state;
    static const struct mux_header open = OPEN;
    char frame[sizeof(open) + sizeof(struct mux_caller)];
    stage_turn(stage, 2);
    size_t size = put_frame(frame, open, "", 0);
    assert_int_equal(mux_feed(stage->near, frame, size), -EPROTO);
}

static void test_more_connections_or_bytes_than_agreed_end_it(void **state)
{
    struct stage *stage = *state;
    assert_int_equal(feed_frame(stage, (struct mux_header)READY, 0), 0);
    for (uint16_t i = 0; i < MOST; i++)
        assert_int_equal(
            feed_frame(
                stage,
                (struct mux_header){.type = MUX_OPEN, .id = i, .size = sizeof(struct mux_caller)},
                0),
            0);
    /* Nobody reads at the other end of connection 0: a window of it is taken. */
    int result = 0;
    size_t taken = 0;
    while (result == 0 && taken < 4 * MUX_WINDOW) {
        result = feed_frame(stage, (struct mux_header){.type = MUX_DATA, .size = 65536}, 0);
        taken += result == 0 ? 65536 + MUX_OVERHEAD : 0;
    }
    assert_int_equal(result, -EPROTO);
    assert_true(taken <= MUX_WINDOW);

    void *own = NULL;
    stage_set_up(&own);
    stage = own;
    assert_int_equal(feed_frame(stage, (struct mux_header)READY, 0), 0);
    for (uint16_t i = 0; i <= MOST; i++)
        result = feed_frame(
            stage,
            (struct mux_header){.type = MUX_OPEN, .id = i, .size = sizeof(struct mux_caller)}, 0);
    assert_int_equal(result, -EPROTO);
    stage_tear_down(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_that_are_against_the_protocol_end_it),
        STAGE_TEST(test_only_one_end_opens),
        STAGE_TEST(test_more_connections_or_bytes_than_agreed_end_it),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
