/*
 * The directories of a copy: nodes that are opened by way of each other, however deep they lie, so
 * that no path is ever too long and no descriptor is held for each level.
 */
#ifndef BOOT_COPY_TREE_H
#define BOOT_COPY_TREE_H

#include <stdatomic.h>
#include <sys/stat.h>

#include "init/agent-boot/copy.h"
#include "init/agent-boot/copy_attributes.h"

enum copy_side { COPY_SOURCE, COPY_TARGET, COPY_LINK, COPY_SIDES };

/* The longest path in a message; of a longer one, its end. */
#define COPY_PATH_TEXT_SIZE 400

struct copy_directory {
    struct copy_directory *parent; /* borrowed, as every node here; NULL for a top */
    struct copy_directory *top;
    char *name; /* owned; "." for a top */
    unsigned int depth;
    bool is_whole; /* everything in it is copied; else what is listed */

    /* Of a top alone. */
    struct copy_root root;
    atomic_int method; /* copy_data.c: the best way that these two file systems have shown */

    /* Entries to copy, each NUL-terminated; under the run's lock from next on. */
    char *names; /* owned */
    size_t names_size;
    size_t names_capacity;
    size_t names_next; /* offset of the first that nobody has taken */

    /* Set on entering, used until busy is 0, and by the children of a kept one. -1: closed. */
    int fds[COPY_SIDES];
    bool is_kept;
    bool is_made;      /* the target directory is there */
    bool is_mode_lost; /* new entries do not get the mode that open(2) asks for: a default ACL */
    struct stat status;
    struct copy_attributes attributes; /* owned */

    /* Under the run's lock. */
    unsigned int busy; /* threads at its entries */
    size_t pending;    /* unfinished children, and 1 while it is busy or waits to be entered */
    bool is_held;      /* hard links are made from it or in it at the very end */

    struct copy_directory *first_child; /* listed ones; those of a whole tree are found later */
    struct copy_directory *next_sibling;
    struct copy_directory *next_in_bucket;
    struct copy_directory *next_owned;
    struct copy_directory *next_waiting; /* to be entered; held, later */
    struct copy_directory *next_open;    /* has entries that nobody has taken */
};

/* A directory NAME (of LENGTH bytes) below PARENT, or a top. The caller owns it. NULL: no memory.
 */
struct copy_directory *copy_directory_new(struct copy_directory *parent, const char *name,
                                          size_t length);
void copy_directory_free(struct copy_directory *directory);

/* Adds an entry to be copied. 0 or -ENOMEM. */
int copy_directory_add_name(struct copy_directory *directory, const char *name, size_t length);

/*
 * Opens SIDE of the directory with FLAGS, from the nearest kept directory above it, through no
 * link. Its parents must be entered. The fd (owned by the caller) or -errno.
 */
int copy_directory_open(const struct copy_directory *directory, enum copy_side side, int flags);

/* Makes SIDE of the directory (not of a top) with mode 0700 or what MODE says; one that is there is
 * fine: 1 then. 0, 1 or -errno. */
int copy_directory_make(const struct copy_directory *directory, enum copy_side side, mode_t mode);

/* Closes what is open. */
void copy_directory_close(struct copy_directory *directory);

/* The path of entry NAME (NULL: of the directory itself) below its top, for a message. Returns
 * TEXT. */
const char *copy_directory_text(const struct copy_directory *directory, const char *name,
                                char text[COPY_PATH_TEXT_SIZE]);

#endif
