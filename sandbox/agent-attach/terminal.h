/* The person's terminal: raw while attached, as it was before on every way out. */
#ifndef AGENT_ATTACH_TERMINAL_H
#define AGENT_ATTACH_TERMINAL_H

#include <stdbool.h>
#include <termios.h>

#include "lib/base/error.h"
#include "sandbox/attach/frame.h"

struct terminal {
    struct termios saved;
    int saved_flags[2]; /* file status flags of descriptors 0 and 1 */
    bool is_raw;
};

/* Makes the terminal at descriptors 0 and 1 raw and non-blocking. 0 or -errno: -ENOTTY when it is
 * none. */
int terminal_enter(struct terminal *terminal, struct error *err);

/*
 * Puts it back. With IS_ABRUPT nobody has undone what the program inside did to the screen: the
 * alternate screen, mouse reports, bracketed paste and a hidden cursor are turned off too. Harmless
 * when not raw.
 */
void terminal_leave(struct terminal *terminal, bool is_abrupt);

/* The size now, at least 1 by 1 and at most what a frame may carry. */
struct frame_size terminal_size(void);

#endif
