/* One command of a session as people and scripts see it. */
#ifndef COMMANDS_EXEC_VIEW_H
#define COMMANDS_EXEC_VIEW_H

#include <jansson.h>
#include <stdio.h>

#include "host-shim/commands/exec_list.h"

/*
 * ENTRY with all that its lines say, as documented in docs/record.md: owned by the caller, NULL
 * when memory is short.
 */
json_t *exec_view_json(const struct exec_list *list, const struct exec_entry *entry);

/* "2026-01-02 03:04:05", with the terminator. */
#define EXEC_VIEW_TIME_SIZE 20

/* The text under KEY of OBJECT, or under its twin in base64: owned by the caller, NULL when there
 * is none. */
char *exec_view_text(const json_t *object, const char *key);

/* Argument INDEX of its argv, owned by the caller; NULL when there is none that can be read. */
char *exec_view_argument(const json_t *object, size_t index);

/* When the command of OBJECT (a view, or one of its nested execs) started, to the second; "-" when
 * it says none. */
void exec_view_format_time(const json_t *object, char text[EXEC_VIEW_TIME_SIZE]);

/* Its arguments as a line of a shell, and behind them the file that ran where they name another. */
void exec_view_print_arguments(FILE *file, const json_t *object);

/* What OBJECT's argv gives to a shell, when it has one of the shapes in which vendors' programs do
 * that (lib/host/agent_shape.h): owned by the caller; NULL. */
char *exec_view_command(const json_t *object);

/* OBJECT as a person means it: "$ " and what was given to a shell, else its arguments. */
void exec_view_print_command(FILE *file, const json_t *object);

/* Whose program runs things for itself. */
struct exec_agent {
    const char *name; /* borrowed */
    uid_t uid;
};
/* *AGENT called NAME, with the identity that all have. 0 or -errno. */
int exec_view_find_agent(const char *name, struct exec_agent *agent, struct error *err);

/* True for what AGENT's program runs for itself, when nobody has to know of it: nothing of it was
 * denied or asked about. */
bool exec_view_is_own(const json_t *view, const struct exec_agent *agent);

/* The title of the columns, and VIEW (of exec_view_json) as lines below it, safe for a terminal:
 * its command as a person means it, or with IS_WHOLE as it was executed. */
void exec_view_print_title(FILE *file);
void exec_view_print(FILE *file, const json_t *view, bool is_whole);

/* Which commands are wanted. All zeros: every one. */
struct exec_filter {
    bool is_denied;      /* only what was denied or refused, it or something inside it */
    bool is_failed;      /* only what did not end with 0 */
    int tier;            /* only this tier and higher ones, it or something inside it */
    uint64_t since_ns;   /* CLOCK_REALTIME */
    const char *program; /* only what fits this pattern of lib/policy/glob.h, it or something inside
                            it: with a '/' the path, else the name; NULL: any */
};

/* 0 when PATTERN can be looked for, or -EINVAL. */
int exec_filter_program(const char *pattern, struct error *err);

/* The number of the tier called NAME, or -EINVAL. */
int exec_filter_tier(const char *name, struct error *err);
/* *SINCE_NS from "90s", "10m", "2h", "3d" before NOW_NS, or from RFC 3339 in UTC. 0 or -EINVAL. */
int exec_filter_since(const char *text, uint64_t now_ns, uint64_t *since_ns, struct error *err);
bool exec_filter_matches(const struct exec_filter *filter, const json_t *view);

#endif
