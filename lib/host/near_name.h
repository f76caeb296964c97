/* Which known name somebody may have meant. */
#ifndef HOST_NEAR_NAME_H
#define HOST_NEAR_NAME_H

/* Longest name that is compared. */
#define NEAR_NAME_LENGTH 32

/* Puts NAME into NEAREST when fewer letters must be inserted, deleted or replaced to make WANTED
 * from it than from what is there. */
void near_name_keep(const char *wanted, const char *name, char nearest[NEAR_NAME_LENGTH + 1]);

#endif
