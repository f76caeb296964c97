/* Counts what was taken out of a policy, and what of that nobody noticed. */
#ifndef TESTS_POLICIES_MUTANTS_H
#define TESTS_POLICIES_MUTANTS_H

#include <stdbool.h>

/* Starts with the policy NAME, which is borrowed until the end. */
void mutants_begin(const char *name);

/* One mutant was tried. Unless it was noticed, prints what was changed. */
void mutants_note(bool is_noticed, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Fails the test when no mutant was tried, or one was not noticed. */
void mutants_end(void);

#endif
