/* Tells the keeper, which keeps the log: one message each. */
#include "lib/host/keeper_tell.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define MESSAGE_MAX (16 * 1024)

/* Waits when the keeper is behind: an event that was dropped would be a gap in the record. */
static void send_bytes(int keeper, const char *text, size_t size)
{
    (void)send(keeper, text, size, MSG_NOSIGNAL);
}

void keeper_tell_text(int keeper, const char *format, ...)
{
    char text[ERROR_MESSAGE_SIZE + 64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    send_bytes(keeper, text, strlen(text));
}

void keeper_tell_outcome(int keeper, int result, const struct error *err)
{
    if (result == -ENOENT)
        keeper_tell_text(keeper, "NONE");
    else if (result < 0)
        keeper_tell_text(keeper, "FAILED %s", error_text(err));
    else
        keeper_tell_text(keeper, "READY");
}

void keeper_tell_event(int keeper, enum audit_event event, json_t *fields)
{
    char text[MESSAGE_MAX];
    json_t *document = json_pack("{s:s, s:o}", "event", audit_event_name(event), "fields", fields);
    size_t size = document == NULL ? 0 : json_dumpb(document, text, sizeof(text), JSON_COMPACT);
    json_decref(document);
    if (size > 0 && size <= sizeof(text))
        send_bytes(keeper, text, size);
}
