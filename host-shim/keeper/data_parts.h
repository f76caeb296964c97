/* What the keeper's requests about data and the program that it runs for them share. */
#ifndef KEEPER_DATA_PARTS_H
#define KEEPER_DATA_PARTS_H

#include "host-shim/keeper/data.h"

/* Answers PEER (NULL: nobody waits) with HEAD and COUNT bytes behind it. */
void data_reply(struct peer *peer, const struct data_message *head, const void *bytes,
                size_t count);
/* The same with why ACTION is refused, which goes on record too. */
void data_refuse(struct keeper *keeper, struct peer *peer, enum data_action action,
                 const char *why);
/* The same with the key and the limits of one direction. */
void data_reply_terms(struct keeper *keeper, struct peer *peer, enum data_action action,
                      uint64_t offset);

/* Where the archive for the session is made; where what it gives back is kept, all of it or what
 * has come so far. 0 or -errno. */
int data_import_path(const struct keeper *keeper, char path[PATH_MAX]);
int data_spool_path(const struct keeper *keeper, bool is_whole, char path[PATH_MAX]);

/* Runs the program for ACTION on the archive FILE; PEER is answered at its end. 0 or -errno. */
int data_run(struct peer *peer, enum data_action action, const char *file, struct error *err);

#endif
