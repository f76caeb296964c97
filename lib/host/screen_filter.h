/* A stream that draws a screen (tmux's), stripped of what makes a terminal do anything else. */
#ifndef HOST_SCREEN_FILTER_H
#define HOST_SCREEN_FILTER_H

#include <stdbool.h>
#include <stddef.h>

/* The longest sequence that is let through: a colour of three times three digits and attributes. */
#define SCREEN_FILTER_SEQUENCE 64

enum screen_filter_state {
    SCREEN_FILTER_GROUND,
    SCREEN_FILTER_CHARACTER, /* in UTF-8 */
    SCREEN_FILTER_ESCAPE,
    SCREEN_FILTER_CONTROL, /* after CSI */
    SCREEN_FILTER_STRING,  /* OSC, DCS, APC, PM, SOS, a title: nothing of it passes */
};

/* All zero at the start of a stream. */
struct screen_filter {
    enum screen_filter_state state;
    unsigned char sequence[SCREEN_FILTER_SEQUENCE];
    size_t size;       /* of the sequence so far; beyond the array: too long to pass */
    bool is_alternate; /* the terminal shows its second screen */
};

/* What screen_filter_finish writes at most. */
#define SCREEN_FILTER_RESET_SIZE 256

/*
 * Filters SIZE bytes at INPUT into OUTPUT, which has room for SIZE + SCREEN_FILTER_SEQUENCE bytes.
 * Text in UTF-8, cursor, erasing, colours, scrolling, character sets and the modes of a drawn
 * screen pass; strings (titles, clipboard), questions that a terminal answers by typing, and
 * everything not listed are dropped. Returns the bytes written.
 */
size_t screen_filter_run(struct screen_filter *filter, const void *input, size_t size,
                         char *output);

/* At the end: what brings the terminal back from every mode that passed. Returns the bytes written.
 */
size_t screen_filter_finish(struct screen_filter *filter, char output[SCREEN_FILTER_RESET_SIZE]);

#endif
