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

/* Writes NUMBER in decimal into TEXT and returns it. */
char *diagnostic_number(char text[DIAGNOSTIC_NUMBER_SIZE], uint64_t number);

#endif
