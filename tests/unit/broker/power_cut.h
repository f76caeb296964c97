/*
 * A broker that is traced, and killed at one of its system calls; and what a disk has of its
 * journal then if the machine loses its power in that moment: what was synced, and of the rest all,
 * nothing or a half. fsync(2): a name is on the disk once its directory is synced.
 */
#ifndef TESTS_BROKER_POWER_CUT_H
#define TESTS_BROKER_POWER_CUT_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "tests/unit/broker/stage.h"

#define POWER_CUT_FILES 8
#define POWER_CUT_BYTES 4096

enum power_cut_disk { DISK_KEEPS_ALL, DISK_KEEPS_SYNCED, DISK_TEARS, DISK_COUNT };

/* A disk without a journal's care, for the judge to notice. */
enum power_cut_flaw { FLAW_NONE, FLAW_NO_SYNC, FLAW_NO_BURN };

struct power_cut_file {
    char name[64]; /* "": free */
    ino_t inode;
    size_t size;
    char bytes[POWER_CUT_BYTES];
};

struct power_cut {
    unsigned int at; /* the stop it is killed at, from 1; each call has two. 0: none */
    bool counts_all; /* else those alone that are about the disk or a message */
    enum power_cut_flaw flaw;
    unsigned int stops; /* how many there were */

    /* Of the tracer. */
    char directory[PATH_MAX]; /* of the journal */
    pthread_t thread;
    int announced; /* owned */
    int gate;      /* owned */
    pid_t pid;
    bool is_there;                                /* the directory's own name is on the disk */
    struct power_cut_file named[POWER_CUT_FILES]; /* on the disk, by name */
    struct power_cut_file
        synced[POWER_CUT_FILES]; /* on the disk, by inode, with or without a name */
};

/* The next broker of STAGE is traced, and killed as CUT says. */
void power_cut_begin(struct power_cut *cut, struct stage *stage);
/* Kills it if it is still there, and waits until it has gone. */
void power_cut_end(struct power_cut *cut, struct stage *stage);
/* Makes the journal's directory what DISK would have kept of it. */
void power_cut_restore(const struct power_cut *cut, enum power_cut_disk disk);

#endif
