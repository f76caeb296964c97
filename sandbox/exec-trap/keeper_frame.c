/* Frames of the root channel as the task runner writes and reads them. */
#include "sandbox/exec-trap/keeper_frame.h"

#include <stdbool.h>
#include <string.h>

_Static_assert(offsetof(struct keeper_frame, payload) ==
                   offsetof(struct keeper_frame, header) + sizeof(struct channel_header),
               "a frame is one piece");

size_t keeper_frame_greet(struct keeper_frame *frame, const char *session)
{
    struct channel_hello *hello = &frame->payload.hello;
    *frame = (struct keeper_frame){.header = channel_header_of(CHANNEL_HELLO, sizeof(*hello))};
    hello->version = CHANNEL_VERSION;
    hello->role = CHANNEL_ROLE_RUNNER;
    memccpy(hello->session, session, '\0', sizeof(hello->session) - 1);
    return sizeof(frame->header) + sizeof(*hello);
}

static bool is_answer(const struct channel_header *header, size_t size)
{
    return size == KEEPER_FRAME_SIZE && header->magic == CHANNEL_MAGIC &&
           header->version == CHANNEL_VERSION && header->type == CHANNEL_EXEC_ANSWER &&
           header->length == sizeof(struct exec_answer);
}

const struct exec_answer *keeper_frame_answer(struct keeper_frame *frame, size_t size)
{
    struct exec_answer *answer = &frame->payload.answer;
    if (!is_answer(&frame->header, size) || answer->version != EXEC_EVENT_VERSION ||
        (answer->action != TASK_ACTION_SANDBOX && answer->action != TASK_ACTION_DENY))
        return NULL;
    answer->id[sizeof(answer->id) - 1] = '\0';
    answer->text[sizeof(answer->text) - 1] = '\0';
    return answer;
}
