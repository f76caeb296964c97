/* state.json inside the library: its table and the unlocked load, shared by session.c and
 * session_list.c. */
#ifndef WIRE_SESSION_STATE_H
#define WIRE_SESSION_STATE_H

#include "lib/wire/record.h"
#include "lib/wire/session.h"

extern const struct record_field session_state_fields[];

#endif
