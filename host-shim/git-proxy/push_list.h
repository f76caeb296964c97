/*
 * What a push asks for: the commands at the head of a git-receive-pack request
 * (gitprotocol-pack(5), "Reference Update Request"), and the capabilities behind the first of them.
 * Bytes of somebody hostile: read strictly, and as the other end reads them, or refused.
 */
#ifndef GIT_PROXY_PUSH_LIST_H
#define GIT_PROXY_PUSH_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/error.h"

/* Refs of one push; more is `git push --mirror` of something large, which no session does. */
#define PUSH_COMMANDS_MAX 256
/* SHA-256 in hex with the terminator. */
#define PUSH_OBJECT_SIZE 65
/* "refs/" and what manifest_is_branch takes, with the terminator. */
#define PUSH_REF_SIZE 256

struct push_command {
    char ref[PUSH_REF_SIZE];
    char old_id[PUSH_OBJECT_SIZE]; /* as its sender saw it; all zero: the ref is to be made */
    char new_id[PUSH_OBJECT_SIZE]; /* all zero: it is to be deleted */
};

struct push_list {
    struct push_command commands[PUSH_COMMANDS_MAX];
    size_t count;
    bool wants_report;  /* report-status, or its version 2 */
    bool has_side_band; /* side-band-64k: the answer is multiplexed */
    bool has_options;   /* push-options follow the list */
};

/*
 * Reads the list at the head of SIZE bytes at DATA, its flush included. How many bytes it takes, 0
 * when its end has not come yet, or -EPROTO with the reason. An empty list is git's question
 * whether a push would be heard.
 */
ssize_t push_list_parse(const char *data, size_t size, struct push_list *list, struct error *err);

/* All zero. */
bool push_is_nothing(const char *id);

#endif
