/*
 * What an image's maker recorded of its programs (images/record-programs): the table
 * /usr/share/coding-agents/programs.tab, rows of SHA256 SIZE MODIFIED PATH.
 */
#ifndef WIRE_RECORDED_PROGRAM_H
#define WIRE_RECORDED_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/wire/task_protocol.h"

#define RECORDED_PROGRAMS "/usr/share/coding-agents/programs.tab"

struct recorded_program {
    uint8_t digest[TASK_DIGEST_SIZE];
    uint64_t size;      /* bytes */
    int64_t modified_s; /* seconds since the epoch */
    const char *path;   /* borrowed, valid during the callback */
};

/* 0 goes on; a negative errno stops, with ERR set. */
typedef int recorded_program_reader(const struct recorded_program *program, void *context,
                                    struct error *err);

/* Calls READER for each row of the table at PATH. 0, also without a table, or -errno for a table
 * that is malformed. */
int recorded_programs_read(const char *path, recorded_program_reader *reader, void *context,
                           struct error *err);

/* True when FILE has the size and the time that were recorded, to the second. */
bool recorded_program_fits(const struct recorded_program *program, const struct task_file *file);

/*
 * Verifies that the program at PATH is the one that TABLE recorded. The digest that stands there is
 * taken for the file's as long as its size and time are those that were recorded with it; else the
 * file is read, which takes some seconds a gigabyte, and the digests are compared. Then FILE tells
 * it from all others. 0; -ENOENT when there is no such file, and FILE is zero; -EINVAL with
 * a sentence for a program that is not recorded, or is another one, or that somebody but root may
 * write; or -errno.
 */
int recorded_program_verify(const char *table, const char *path, struct task_file *file,
                            struct error *err);

/* recorded_program_verify of both programs of RULE, whose files are filled in. That one is not
 * there at all is no error: nobody can execute it. */
int direct_rule_verify(const char *table, struct task_direct *rule, struct error *err);

#endif
