/* The commands of a session, from its audit log: two lines of one command become one entry, and
 * what ran inside belongs to it. */
#ifndef COMMANDS_EXEC_LIST_H
#define COMMANDS_EXEC_LIST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/wire/audit.h"

enum exec_state {
    EXEC_RUNNING,
    EXEC_ENDED,
    EXEC_DENIED,  /* the policy said no */
    EXEC_FAILED,  /* it could not be run */
    EXEC_DIRECT,  /* it took its caller's place; its end is the caller's */
    EXEC_REFUSED, /* it could not be judged */
    EXEC_ASKING,  /* waits for an answer */
    EXEC_LOST,    /* nobody will tell its end any more: the runner or the session ended first */
};

/* A line of the log; size 0: none. */
struct exec_line {
    off_t offset;
    size_t size;
};

struct exec_entry {
    enum exec_state state;
    struct exec_line ask;    /* exec-ask; none when nobody was asked */
    struct exec_line answer; /* exec-answer */
    struct exec_line start;  /* exec-start or exec-refused; none when only other lines name it */
    struct exec_line end;
    struct exec_line *nested; /* owned */
    size_t nested_count;
    bool is_changed;   /* since its reader cleared this */
    bool is_announced; /* its reader's: it was shown while it ran */
};

/* Lines that are no records and are named one by one; more are counted. */
#define EXEC_LIST_MALFORMED_MAX 16

struct exec_list {
    int fd; /* owned; the log */
    char *buffer;
    size_t buffered; /* bytes of a line that has no end yet */
    off_t offset;    /* of the buffer in the log */
    struct audit_chain chain;
    struct error damage; /* number 0: none. Lines behind it prove nothing, and are shown */
    json_t *latest;      /* owned; by id, the number of the entry that has it */
    struct exec_entry *entries;
    size_t count;
    size_t first_open;                           /* no entry before it is running or asking */
    bool is_closed;                              /* the log has its end */
    uint64_t lines;                              /* ends of lines so far */
    uint64_t malformed[EXEC_LIST_MALFORMED_MAX]; /* their numbers, from 1 */
    size_t malformed_count;
    uint64_t malformed_more;
    uint64_t last_malformed; /* its number; 0: none */
};

/* Opens the log at PATH, nothing read yet. LIST is released by exec_list_close. 0 or -errno. */
int exec_list_open(struct exec_list *list, const char *path, struct error *err);
void exec_list_close(struct exec_list *list);

/*
 * Takes in every whole line that was added since the last call; each is checked against the chain.
 * A damaged log is no failure: list->damage, and what of it is no record list->malformed. 0 or
 * -errno.
 */
int exec_list_read(struct exec_list *list, struct error *err);

/* True while somebody may add to the log: it has no end yet, and a keeper holds it. */
bool exec_list_is_live(const struct exec_list *list);

/* Nothing more will be read: every running or asking command becomes a lost one, half a line
 * becomes damage.
 */
void exec_list_end(struct exec_list *list);

/* The record at LINE, owned by the caller; NULL when there is none. */
json_t *exec_list_record(const struct exec_list *list, const struct exec_line *line);

/* For people and scripts: "running", "ended", ... */
const char *exec_state_name(enum exec_state state);

/* Frees what ran inside ENTRY, which was shown. */
void exec_entry_forget_nested(struct exec_entry *entry);

#endif
