/* What a process below the keeper says to it: that it is ready, and events for the log. */
#ifndef HOST_KEEPER_TELL_H
#define HOST_KEEPER_TELL_H

#include <jansson.h>

#include "lib/base/error.h"
#include "lib/wire/audit.h"

/* KEEPER is the process's end of the socket to it, borrowed; what cannot be sent is lost. */
void keeper_tell_text(int keeper, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What came of the start: READY for 0, NONE for -ENOENT, else FAILED with ERR. */
void keeper_tell_outcome(int keeper, int result, const struct error *err);
/* Takes FIELDS. */
void keeper_tell_event(int keeper, enum audit_event event, json_t *fields);

#endif
