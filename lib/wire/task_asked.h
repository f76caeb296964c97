/* The words that a command is asked about, as they came from a less trusted side. Pure. */
#ifndef WIRE_TASK_ASKED_H
#define WIRE_TASK_ASKED_H

#include <stdbool.h>

#include "lib/wire/task_protocol.h"

/* True when ASKED's words end within their place, and there are some exactly when a flag says so.
 */
static inline bool task_asked_is_sound(const struct task_asked *asked)
{
    const uint32_t known = TASK_ASKED_INNER | TASK_ASKED_MORE;
    bool is_inner = (asked->flags & TASK_ASKED_INNER) != 0;
    if (asked->size > sizeof(asked->words) || (asked->flags & ~known) != 0)
        return false;
    return is_inner ? asked->size > 0 && asked->words[asked->size - 1] == '\0' : asked->size == 0;
}

#endif
