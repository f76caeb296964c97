/* User attributes of a file or directory, read on one side and set on the other: xattr(7). */
#ifndef BOOT_COPY_ATTRIBUTES_H
#define BOOT_COPY_ATTRIBUTES_H

#include <stddef.h>
#include <stdint.h>

/* Most bytes of one file's attributes, names included: file systems with no limit of their own let
 * a file have gigabytes. */
#define COPY_ATTRIBUTES_MAX (1024u * 1024)

struct copy_attributes {
    char *block; /* owned; names and values one after the other. NULL: none */
    size_t size;
    unsigned int left_out; /* more than COPY_ATTRIBUTES_MAX allows */
};

/* Reads those of FD whose names begin with "user.". 0 or -errno. */
int copy_attributes_read(int fd, struct copy_attributes *attributes);

/* Sets them on FD; *LEFT_OUT grows by those that its file system cannot hold. 0 or -errno. */
int copy_attributes_write(int fd, const struct copy_attributes *attributes, uint64_t *left_out);

void copy_attributes_free(struct copy_attributes *attributes);

#endif
