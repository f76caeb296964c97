/* Bytes that somebody else chose, made safe for a terminal and for JSON. */
#ifndef HOST_PRINTABLE_H
#define HOST_PRINTABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * BYTES of SIZE as text that a terminal shows and does not obey: control characters (C0, DEL, C1),
 * characters that reorder or hide text, and bytes that are no UTF-8 become \xNN; a backslash is
 * doubled. The text is owned by the caller; NULL when memory is short.
 */
char *printable_text(const void *bytes, size_t size);

/* printable_text of the string, written to FILE. */
void printable_print(FILE *file, const char *text);

/*
 * TEXT as one word of a shell command line, printable: as it is, in '...', or, with anything that
 * printable_text would escape, in $'...', which bash, zsh and ksh read back as the same bytes.
 * Owned by the caller; NULL when memory is short.
 */
char *printable_word(const char *text);

/* The last line of TEXT that is not blank, as printable text owned by the caller; NULL when there
 * is none. */
char *printable_last_line(const char *text);

/*
 * The length of the UTF-8 sequence at BYTES, of which SIZE are there, and its code point; 0 when it
 * is none (overlong, surrogate, beyond U+10FFFF, cut off).
 */
size_t printable_decode(const unsigned char *bytes, size_t size, unsigned int *point);

/* True for a code point that a terminal obeys, or that hides or reorders its neighbours. */
bool printable_is_hazard(unsigned int point);

/* Prints VALUE with sorted keys and nothing but ASCII, and a newline. 0 or -EIO. */
int printable_json_dump(const json_t *value, FILE *file);

#endif
