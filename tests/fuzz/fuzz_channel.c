/* Fuzzes a frame of the root channel as the keeper reads it: header first, then an event's JSON
 * against the table. */
#include <string.h>

#include "lib/wire/channel.h"
#include "lib/wire/data_message.h"
#include "tests/fuzz/fuzz.h"

static void try_event(const void *payload, size_t size)
{
    struct error err = ERROR_INITIALIZER;
    json_t *document = json_loadb(payload, size, JSON_REJECT_DUPLICATES, NULL);
    const char *name = json_string_value(json_object_get(document, "event"));
    const json_t *fields = json_object_get(document, "fields");
    enum audit_event event = name != NULL ? audit_event_from_name(name) : AUDIT_EVENT_COUNT;
    if (audit_event_check(event, fields, &err) == 0)
        fuzz_require(json_is_object(fields) && strcmp(audit_event_name(event), name) == 0);
    else
        fuzz_require(err.message[0] != '\0');
    json_decref(document);
}

static void try_data(const void *payload, size_t size)
{
    struct data_message message;
    struct error err = ERROR_INITIALIZER;
    const void *bytes = NULL;
    size_t count = 0;
    if (data_message_parse(payload, size, &message, &bytes, &count, &err) < 0)
        fuzz_require(err.message[0] != '\0');
    else
        fuzz_require(count <= DATA_CHUNK_BYTES && count == size - sizeof(message));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct channel_header header;
    struct error err = ERROR_INITIALIZER;
    const void *payload = NULL;
    size_t payload_size = 0;
    if (channel_parse_frame(data, size, &header, &payload, &payload_size, &err) < 0) {
        fuzz_require(payload == NULL && err.message[0] != '\0');
        return 0;
    }
    fuzz_require((const uint8_t *)payload + payload_size == data + size);
    fuzz_require(size <= LIMIT_CHANNEL_FRAME_BYTES);
    if (header.type == CHANNEL_EVENT)
        try_event(payload, payload_size);
    if (header.type == CHANNEL_DATA)
        try_data(payload, payload_size);
    return 0;
}
