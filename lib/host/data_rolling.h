/* Files that grow: histories, logs. Two that grew apart become one that has the lines of both. */
#ifndef HOST_DATA_ROLLING_H
#define HOST_DATA_ROLLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a file, borrowed. */
struct data_bytes {
    const char *bytes;
    size_t size;
};

/* True when LATER begins with all of EARLIER, which is what it was. */
bool data_is_continuation(const struct data_bytes *later, const struct data_bytes *earlier);

/* True when nothing in it says that it is no lines of text. */
bool data_is_text(const struct data_bytes *file);

/*
 * What THEIRS has that OURS has not, as whole lines in their order, into *ADDED (owned; NULL
 * when there is nothing) and *SIZE. Lines are told apart by what they say: each of THEIRS behind
 * their common beginning is new unless a line of OURS there is the same, one for one. So what was
 * added once is not added again. 0 or -ENOMEM.
 */
int data_rolling_new(const struct data_bytes *ours, const struct data_bytes *theirs, char **added,
                     size_t *size);

#endif
