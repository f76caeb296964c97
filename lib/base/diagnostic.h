/* One line to stderr that can never stall the caller: for programs that must go on whatever becomes
 * of their output. */
#ifndef BASE_DIAGNOSTIC_H
#define BASE_DIAGNOSTIC_H

#include <stdint.h>

/* Twenty digits and the terminator. */
#define DIAGNOSTIC_NUMBER_SIZE 21

/*
 * Writes the name of the program, ": ", the strings up to a NULL, and a newline. A line that stderr
 * does not take at once is lost; one that is too long is cut; control characters become '?'.
 */
void diagnostic_say(const char *first, ...) __attribute__((sentinel));

/* The same for what FORMAT makes, as it stands: no name, no newline. A text that is too long is cut
 * and ends with a newline. */
void diagnostic_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes NUMBER in decimal into TEXT and returns it. */
char *diagnostic_number(char text[DIAGNOSTIC_NUMBER_SIZE], uint64_t number);

#endif
