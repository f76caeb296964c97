/* User attributes and ACLs of a file or directory, read on one side and set on the other: xattr(7),
 * acl(5). */
#ifndef BOOT_COPY_ATTRIBUTES_H
#define BOOT_COPY_ATTRIBUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Most bytes of one file's attributes, names included: file systems with no limit of their own let
 * a file have gigabytes. */
#define COPY_ATTRIBUTES_MAX (1024u * 1024)

struct copy_attributes {
    char *block; /* owned; names and values one after the other. NULL: none */
    size_t size;
    unsigned int left_out; /* more than COPY_ATTRIBUTES_MAX allows, or not to be read */
    /* Of the group's bits in st_mode, which are the mask where there is an ACL, those that the ACL
     * does not give to the group itself: without the ACL they would be too many. */
    mode_t masked;
};

/* Reads user attributes and ACLs of FD. 0 or -errno. */
int copy_attributes_read(int fd, struct copy_attributes *attributes);

/* Sets the user attributes on FD; *LEFT_OUT grows by those that its file system cannot hold. 0 or
 * -errno. */
int copy_attributes_write(int fd, const struct copy_attributes *attributes, uint64_t *left_out);

/* Likewise the ACLs, of which the kernel makes the mode's group bits the mask. 0 or -errno. */
int copy_attributes_write_acls(int fd, const struct copy_attributes *attributes,
                               uint64_t *left_out);

/* Takes away what FD, a directory or not, got from the default ACL above it. 0 or -errno. */
int copy_attributes_drop_acls(int fd, bool is_directory);

void copy_attributes_free(struct copy_attributes *attributes);

#endif
