/*
 * An agent's data on the root channel: in when a container boots, out when it shuts down. The
 * container asks and the keeper answers, one frame for one. Host byte order: both ends are of one
 * machine.
 */
#ifndef WIRE_DATA_MESSAGE_H
#define WIRE_DATA_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

#define DATA_KEY_BYTES 32
/* What one frame has of an archive: a frame has 64 KiB. */
#define DATA_CHUNK_BYTES (48 * 1024)
/* What comes out of a session at most: what fits the file system in memory that it is packed in. */
#define DATA_EXPORT_BYTES_MAX (224ull * 1024 * 1024)

enum data_action {
    DATA_IMPORT_BEGIN = 1, /* answered by struct data_terms; offset: the archive's size */
    DATA_IMPORT_READ = 2,  /* from offset; answered by the bytes there, none at the end */
    DATA_EXPORT_BEGIN = 3, /* answered by struct data_terms; what came before is forgotten */
    DATA_EXPORT_WRITE = 4, /* bytes at offset, where the last ones ended; answered by the offset up
                              to which there are all */
    DATA_EXPORT_END = 5,   /* offset: the archive's size; answered once it is merged, for good. 0:
                              nothing comes, and what came is forgotten */
};

enum data_outcome {
    DATA_DONE = 0,
    DATA_UNWANTED = 1, /* this session has no data; nothing follows */
    DATA_REFUSED = 2,  /* what follows is text: why */
};

/* What a frame begins with. */
struct data_message {
    uint32_t action;
    uint32_t outcome; /* of an answer */
    uint64_t offset;
};

struct data_terms {
    uint8_t key[DATA_KEY_BYTES]; /* of this session and direction */
    uint64_t counter;            /* of exports */
    uint64_t most;               /* bytes of the archive */
};

/* Checks the request in DATA of SIZE bytes: a known action, with as many bytes behind it as it may
 * have. *BYTES is borrowed from DATA. 0 or -EPROTO. */
int data_message_parse(const void *data, size_t size, struct data_message *message,
                       const void **bytes, size_t *count, struct error *err);

/* The container's end of one exchange. Everything is borrowed. */
struct data_exchange {
    int channel;
    enum data_action action;
    uint64_t offset;
    const void *bytes; /* that follow */
    size_t count;
    void *answer; /* room for what follows the answer, with ANSWER_SIZE bytes */
    size_t answer_size;
    size_t answer_count; /* what came */
    uint64_t answer_offset;
    enum data_outcome outcome;
    uint32_t timeout_ms;
    bool (*is_cancelled)(void); /* as of struct channel_wait */
};

/* Asks, and waits for the answer. 0, whatever the outcome, or -errno; a refusal's text is in ERR.
 */
int data_exchange_run(struct data_exchange *exchange, struct error *err);

#endif
