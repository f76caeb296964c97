/*
 * Hard links within a copied tree: the first name of a file is copied, the others are linked to its
 * copy when everything else is there.
 */
#ifndef BOOT_COPY_LINKS_H
#define BOOT_COPY_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "init/agent-boot/copy_tree.h"

/* One name; of the first one of a file, `first` is NULL. Names and directories are borrowed. */
struct copy_link {
    struct copy_directory *directory;
    const char *name;
    dev_t device;
    ino_t inode;
    const struct copy_link *first;
    struct copy_link *next; /* owned; in the order they were made */
};

struct copy_links {
    void *index;            /* tsearch(3): the first names, by tree, device and inode */
    struct copy_link *list; /* owned: all, newest first */
};

/*
 * Records NAME in DIRECTORY for the file of STATUS; both directories of a link are held. 1 when it
 * is the file's first name, to be copied, 0 when it will be linked, or -ENOMEM. Under the run's
 * lock.
 */
int copy_links_add(struct copy_links *links, struct copy_directory *directory, const char *name,
                   const struct stat *status);

void copy_links_free(struct copy_links *links);

#endif
