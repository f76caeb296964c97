/* Replies of PID 1 as lines for people or as JSON. */
#ifndef INITCTL_PRINT_H
#define INITCTL_PRINT_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/wire/init_protocol.h"

/* Prints EVENT as one line. */
void print_event(const struct init_event *event, bool is_json);

/* What a status answer is gathered in: the session, with "services" as they come. */
struct print_status {
    bool is_json;
    json_t *session; /* owned; NULL until the session is known, and for people */
    uint64_t now_ns;
};

/* Prints, or gathers, a reply to STATUS. */
void print_status_reply(struct print_status *status, const struct init_reply *reply);

/* Prints what was gathered and releases it. */
void print_status_end(struct print_status *status);

#endif
