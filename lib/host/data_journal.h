/*
 * A merge in two phases. First everything that is to be in the store is made in a directory beside
 * it, then the list of moves is put there in one rename, which is the decision; then the moves are
 * made. Whoever opens the store next makes those that are missing, or throws away what was never
 * decided.
 */
#ifndef HOST_DATA_JOURNAL_H
#define HOST_DATA_JOURNAL_H

#include <jansson.h>

#include "lib/host/data_store.h"

struct data_journal {
    const struct data_store *store; /* borrowed */
    int work;                       /* owned; STATE/data/.AGENT.work */
    int staging;                    /* owned; its "in": the files of the archive */
    json_t *moves;                  /* owned */
    size_t made;                    /* files made in "new" */
};

/* An empty place for a merge. Released by data_journal_close, which throws away what was not
 * decided. 0 or -errno. */
int data_journal_begin(struct data_journal *journal, const struct data_store *store,
                       struct error *err);
void data_journal_close(struct data_journal *journal);

/* The file of the archive at PATH is to be in the store. 0 or -errno. */
int data_journal_move(struct data_journal *journal, const char *path, struct error *err);
/* A new file for PATH in the store, for its content: *FD is owned by the caller. 0 or -errno. */
int data_journal_make(struct data_journal *journal, const char *path, int *fd, struct error *err);

/* Decides, and makes the moves. 0 or -errno; what was decided is then made by the next opener. */
int data_journal_commit(struct data_journal *journal, struct error *err);

/* Makes the moves of a merge that was decided and cut short, and removes what one left. 0 or
 * -errno. */
int data_journal_recover(const struct data_store *store, struct error *err);

#endif
