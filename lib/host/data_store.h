/*
 * What agents leave behind on the host: STATE/data/AGENT/, a tree as the agent's own home has it.
 * It is given away as archives (lib/pack/pack.h) and grows by merging them: all of one or nothing,
 * whatever ends the program in the middle.
 */
#ifndef HOST_DATA_STORE_H
#define HOST_DATA_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/pack/pack.h"

/* What a session is given and may leave behind at most: it lies in its memory. */
#define DATA_SESSION_BYTES_MAX (128ull * 1024 * 1024)

/* What sessions may make of a store, each file counted in blocks of 4 KiB and with one more; and
 * what may lie beside it, not merged. More could not be given away as one archive. */
#define DATA_STORE_BYTES_MAX (1024ull * 1024 * 1024)

/* The session that archives are for and of. */
struct data_session {
    char id[PACK_SESSION_SIZE];
    struct pack_places places; /* what of the agent's data it has to do with */
};

struct data_store {
    int root; /* owned; STATE/data */
    int tree; /* owned; STATE/data/AGENT */
    int lock; /* owned; held */
    char agent[PACK_AGENT_SIZE];
    unsigned char *master; /* owned; the key that all others come from */
    uint64_t quota;        /* bytes that merges of sessions may fill: DATA_STORE_BYTES_MAX */
    /* Borrowed, set by the caller; NULL: archives are this account's, and of everything. */
    const struct data_session *session;
};

/* What a merge did, in files. */
struct data_report {
    size_t added;     /* were not there */
    size_t replaced;  /* have an id in their path, and begin with all of what was there */
    size_t extended;  /* got the lines they lacked */
    size_t unchanged; /* the same, or an older state of what is there */
    size_t left;      /* nothing of that, too large, or in the way: what was there stays */
};

/* What a file of SIZE bytes counts as; and whether MORE of that fits the store beside what is
 * there. 0, -EDQUOT with what to do, or -errno. */
uint64_t data_quota_charge(uint64_t size);
int data_quota_check(const struct data_store *store, uint64_t more, struct error *err);

/* REPORT with its members' names, owned by the caller. NULL without memory. */
json_t *data_report_json(const struct data_report *report);

/*
 * Opens the store of AGENT, made when it is missing, and locks it, waiting for whoever has it. A
 * merge that was cut short behind its decision is brought to its end. STORE is released by
 * data_store_close, whatever comes of it. 0 or -errno.
 */
int data_store_open(struct data_store *store, const char *agent, struct error *err);
void data_store_close(struct data_store *store);

/*
 * Writes an archive to FD: of everything in the store, or for its session of the newest that fit
 * DATA_SESSION_BYTES_MAX. It has *FILES files; *LEFT_OUT are not in it. 0 or -errno.
 */
int data_store_export(const struct data_store *store, int fd, size_t *files, size_t *left_out,
                      struct error *err);

/*
 * Reads the archive on FD, which must be of this agent and made with a key of this user's, or with
 * that of the store's session, without writing anything. *MANIFEST is owned by the caller. 0, or
 * -errno: -EBADMSG says what is wrong.
 */
int data_store_check(const struct data_store *store, int fd, struct pack_manifest **manifest,
                     struct error *err);

/* Merges the archive on FD: data_store_check, and then all of it. 0 or -errno. */
int data_store_merge(const struct data_store *store, int fd, struct data_report *report,
                     struct error *err);

/*
 * What a session gives back is kept beside the store until it is merged: data_spool_name makes the
 * names, relative to STATE/data, of one that is on its way and of one that is all there. Whoever
 * receives it holds a lock (flock(2)) on it.
 */
#define DATA_SPOOL_SIZE (PACK_AGENT_SIZE + PACK_SESSION_SIZE + 8)
void data_spool_name(char name[DATA_SPOOL_SIZE], const char *agent, const char *session,
                     bool is_whole);

/* *BYTES of all that sessions of AGENT gave back and nobody has merged, in the directory ROOT. 0 or
 * -errno. */
int data_spool_measure(int root, const char *agent, uint64_t *bytes, struct error *err);

/* What was found of that when an agent's next session begins. */
#define DATA_LEFT_LISTED_MAX 32
#define DATA_LEFT_MESSAGE_SIZE 160
struct data_left {
    size_t merged;
    size_t refused; /* and removed */
    size_t kept;    /* the store stood in the way, and it is tried again */
    json_t *list; /* owned; at most DATA_LEFT_LISTED_MAX objects with "session", "outcome" (merged,
                     refused, kept), and the report's counts or a "message" */
};

/*
 * Merges what sessions gave back whose keeper ended before it was merged, each by itself: one that
 * fails is in nobody's way. The store must be open without a session; PLACES are the agent's. *LEFT
 * is to be released (its list) by the caller. 0 or -errno.
 */
int data_spool_merge_left(struct data_store *store, const struct pack_places *places,
                          struct data_left *left, struct error *err);

#endif
