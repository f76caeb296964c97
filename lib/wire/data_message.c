/* Checks and exchanges the frames that carry an agent's data. */
#include "lib/wire/data_message.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/wire/channel.h"

int data_message_parse(const void *data, size_t size, struct data_message *message,
                       const void **bytes, size_t *count, struct error *err)
{
    if (size < sizeof(*message))
        return error_set(err, EPROTO, "the data request is shorter than its head");
    memcpy(message, data, sizeof(*message));
    if (message->action < DATA_IMPORT_BEGIN || message->action > DATA_EXPORT_END)
        return error_set(err, EPROTO, "the data request has the unknown action %u",
                         message->action);
    *bytes = (const char *)data + sizeof(*message);
    *count = size - sizeof(*message);
    size_t most = message->action == DATA_EXPORT_WRITE ? DATA_CHUNK_BYTES : 0;
    size_t least = message->action == DATA_EXPORT_WRITE ? 1 : 0;
    if (*count < least || *count > most)
        return error_set(err, EPROTO, "the data request has %zu bytes behind its head", *count);
    return 0;
}

static int take_answer(struct data_exchange *exchange, const void *payload, size_t size,
                       struct error *err)
{
    struct data_message head;
    if (size < sizeof(head))
        return error_set(err, EPROTO, "the keeper's answer is too short");
    memcpy(&head, payload, sizeof(head));
    const char *bytes = (const char *)payload + sizeof(head);
    size_t count = size - sizeof(head);
    if (head.action != exchange->action || head.outcome > DATA_REFUSED)
        return error_set(err, EPROTO, "the keeper answered something else");
    exchange->outcome = (enum data_outcome)head.outcome;
    exchange->answer_offset = head.offset;
    exchange->answer_count = 0;
    if (head.outcome == DATA_REFUSED)
        error_set(err, EPROTO, "%.*s", (int)count, bytes);
    if (head.outcome != DATA_DONE)
        return 0;
    if (count > exchange->answer_size)
        return error_set(err, EPROTO, "the keeper's answer is too long");
    if (count > 0)
        memcpy(exchange->answer, bytes, count);
    exchange->answer_count = count;
    return 0;
}

int data_exchange_run(struct data_exchange *exchange, struct error *err)
{
    static char frame[LIMIT_CHANNEL_FRAME_BYTES];
    const struct data_message head = {.action = exchange->action, .offset = exchange->offset};
    const void *payload = NULL;
    size_t size = sizeof(head) + exchange->count;
    if (size > sizeof(frame))
        return error_set(err, EMSGSIZE, "ask the keeper");
    memcpy(frame, &head, sizeof(head));
    if (exchange->count > 0)
        memcpy(frame + sizeof(head), exchange->bytes, exchange->count);
    int result =
        channel_send_in_time(exchange->channel, CHANNEL_DATA, frame, size, exchange->timeout_ms);
    if (result < 0)
        return error_set(err, -result, "ask the keeper");
    struct channel_wait wait = {.type = CHANNEL_DATA_ANSWER,
                                .data = frame,
                                .room = sizeof(frame),
                                .timeout_ms = exchange->timeout_ms,
                                .is_cancelled = exchange->is_cancelled};
    result = channel_await(exchange->channel, &wait, &payload, &size, err);
    return result < 0 ? result : take_answer(exchange, payload, size, err);
}
