/* The last line of a terminal that shows a session, while something in that session asks. */
#ifndef HOST_ASK_BANNER_H
#define HOST_ASK_BANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "lib/host/ask_client.h"

/* A line, and what puts it in its place. */
#define ASK_BANNER_COLUMNS 512
#define ASK_BANNER_SIZE (ASK_BANNER_COLUMNS + 64)

struct ask_banner {
    struct ask_client client;      /* fd -1: there is nobody to hear */
    uint64_t number;               /* of the ask that is shown */
    char text[ASK_BANNER_COLUMNS]; /* "": none */
    /* That the session stands still, which is shown in place of what asks; "": it does not. */
    char notice[ASK_BANNER_COLUMNS];
    int64_t noticed; /* its change */
    uint64_t noticed_ns;
};

/* Follows the session in CONTAINER; one that cannot be followed has nothing to show. */
void ask_banner_open(struct ask_banner *banner, const char *container);
void ask_banner_close(struct ask_banner *banner);

/* The descriptor is readable. True when what is shown has changed. */
bool ask_banner_hear(struct ask_banner *banner);

/* There is something to show. */
bool ask_banner_is_shown(const struct ask_banner *banner);

/* The session has drawn something, so it does not stand still any more, unless that was on its way.
 * True when what is shown has changed. */
bool ask_banner_go_on(struct ask_banner *banner);

/*
 * What shows the text in the last line of a terminal of SIZE, and leaves everything else there as
 * it was. The bytes; 0: there is nothing to show, or no room.
 */
size_t ask_banner_draw(const struct ask_banner *banner, const struct winsize *size,
                       char output[ASK_BANNER_SIZE]);

#endif
