/* Fuzzes what a client of the task runner reads: any bytes, as one message. */
#include <string.h>

#include "sandbox/task-client/message.h"
#include "tests/fuzz/fuzz.h"

static bool ends(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static void require_strings(const union task_message_of_runner *message)
{
    const struct task_row *row = &message->row;
    const struct task_reply *reply = &message->reply;

    if (message->header.type == TASK_ROW) {
        fuzz_require(ends(row->id, sizeof(row->id)) && ends(row->rule, sizeof(row->rule)));
        fuzz_require(ends(row->profile, sizeof(row->profile)));
        fuzz_require(ends(row->arguments, sizeof(row->arguments)));
        fuzz_require(row->arguments_size <= sizeof(row->arguments));
    } else if (message->header.type != TASK_STATUS_ROW) {
        fuzz_require(ends(reply->id, sizeof(reply->id)) && ends(reply->text, sizeof(reply->text)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static union task_message_of_runner message;
    size_t taken = size < sizeof(message) ? size : sizeof(message);

    memset(&message, 0xa5, sizeof(message));
    memcpy(&message, data, taken);
    if (task_message_check(&message, taken) == 0) {
        fuzz_require(taken == task_message_size(message.header.type));
        require_strings(&message);
    }
    return 0;
}
