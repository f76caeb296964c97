/* A running copy: what its threads share, and who works at what. */
#ifndef BOOT_COPY_RUN_H
#define BOOT_COPY_RUN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "init/agent-boot/copy.h"
#include "init/agent-boot/copy_links.h"
#include "init/agent-boot/copy_tree.h"

struct copy_counters {
    atomic_uint_fast64_t files;
    atomic_uint_fast64_t bytes;
    atomic_uint_fast64_t missing;
    atomic_uint_fast64_t special;
    atomic_uint_fast64_t attributes;
};

struct copy_run {
    struct copy_plan *plan; /* borrowed */
    struct copy_counters done;
    atomic_bool is_stopped; /* looked at between files and inside large ones */

    pthread_mutex_t lock;           /* guards what follows */
    pthread_cond_t changed;         /* there may be work, or none will come */
    pthread_cond_t ended;           /* a thread has ended */
    struct copy_directory *waiting; /* to be entered, the last found first */
    struct copy_directory *open;    /* entered, with entries that nobody has taken */
    struct copy_directory *held;    /* finished but for hard links */
    struct copy_links links;
    unsigned int threads; /* that have not ended */
    unsigned int working; /* that are not waiting for work */
    unsigned int kept;    /* directories that stay open for their children */
    int failure;          /* -errno of the first failure */
    struct error error;
};

enum copy_work {
    COPY_WORK_ENTER, /* open the directory, make its copy, then copy its entries */
    COPY_WORK_HELP,  /* copy entries of one that another thread entered */
    COPY_WORK_LINK,  /* everything else is done: make the hard links */
    COPY_WORK_END,
};

/* Every top waits to be entered. */
void copy_run_begin(struct copy_run *run);

/* Waits for the next work and its directory, which leave must be called for. */
enum copy_work copy_run_next(struct copy_run *run, struct copy_directory **directory);

/* The directory is entered; CHILDREN (by next_sibling; NEW_ONES of them are not the plan's yet)
 * wait from now on. */
void copy_run_entered(struct copy_run *run, struct copy_directory *directory,
                      struct copy_directory *children, bool are_new);

/* Takes the next entry's name (borrowed). NULL: none is left, or the run stopped. */
const char *copy_run_take(struct copy_run *run, struct copy_directory *directory);

/* The calling thread is done with the directory's entries. True when nothing below it is left. */
bool copy_run_leave(struct copy_run *run, struct copy_directory *directory);

/*
 * The directory has its mode and times, or needs none: closes it. The parent when that was its last
 * unfinished child, else NULL.
 */
struct copy_directory *copy_run_finish(struct copy_run *run, struct copy_directory *directory);

/* True when DIRECTORY is put aside because hard links are still to be made. */
bool copy_run_hold(struct copy_run *run, struct copy_directory *directory);

/* Records the first failure and stops everything. */
void copy_run_fail(struct copy_run *run, int failure, const struct error *err);

#endif
