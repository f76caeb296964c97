/* One line of an audit log, inside the library. */
#ifndef WIRE_AUDIT_RECORD_H
#define WIRE_AUDIT_RECORD_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire/audit.h"

#define AUDIT_NO_PREVIOUS "0000000000000000000000000000000000000000000000000000000000000000"

struct audit_record {
    enum audit_event event;
    const char *session; /* borrowed */
    uint64_t sequence;
    const char *previous; /* borrowed, hex */
    const struct audit_source *source;
    const json_t *fields; /* borrowed */
};

/* Renders RECORD, with the time of now, as a whole line with its digest. *LINE is owned. 0 or
 * -errno. */
int audit_record_render(const struct audit_record *record, char **line, size_t *size,
                        struct error *err);

/* True when the digest inside LINE is that of LINE. */
bool audit_record_is_intact(const char *line, size_t size);

/* Appends SIZE bytes of whole lines to FD with nothing left behind when that fails. 0 or -errno. */
int audit_append_lines(int fd, const char *lines, size_t size);

#endif
