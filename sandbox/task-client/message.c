/* Sizes by type, and strings that end. */
#include "sandbox/task-client/message.h"

#include <errno.h>

size_t task_message_size(uint32_t type)
{
    switch (type) {
    case TASK_ROW:
        return sizeof(struct task_row);
    case TASK_STATUS_ROW:
        return sizeof(struct task_status_row);
    default:
        return sizeof(struct task_reply);
    }
}

static void end_string(char *text, size_t size)
{
    text[size - 1] = '\0';
}

static void end_strings(union task_message_of_runner *message)
{
    if (message->header.type == TASK_ROW) {
        struct task_row *row = &message->row;

        end_string(row->id, sizeof(row->id));
        end_string(row->profile, sizeof(row->profile));
        end_string(row->rule, sizeof(row->rule));
        end_string(row->arguments, sizeof(row->arguments));
        if (row->arguments_size > sizeof(row->arguments))
            row->arguments_size = sizeof(row->arguments);
    } else if (message->header.type != TASK_STATUS_ROW) {
        end_string(message->reply.id, sizeof(message->reply.id));
        end_string(message->reply.text, sizeof(message->reply.text));
    }
}

int task_message_check(union task_message_of_runner *message, size_t size)
{
    if (size < sizeof(message->header) || message->header.version != TASK_PROTOCOL_VERSION ||
        size != task_message_size(message->header.type))
        return -EPROTO;
    end_strings(message);
    return 0;
}
