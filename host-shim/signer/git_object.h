/*
 * A commit or a tag as git hands it to a program that signs: the object without its signature
 * (git-cat-file(1) prints it so). What git itself writes is accepted and nothing else. No memory of
 * its own: all texts are borrowed from what was read.
 */
#ifndef SIGNER_GIT_OBJECT_H
#define SIGNER_GIT_OBJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

/* An octopus has as many; git itself has no limit. */
#define GIT_OBJECT_PARENTS_MAX 32
/* git-hash-object(1): SHA-1 and SHA-256 in hex. */
#define GIT_OBJECT_SHA1_DIGITS 40
#define GIT_OBJECT_SHA256_DIGITS 64

enum git_object_kind { GIT_OBJECT_COMMIT, GIT_OBJECT_TAG };

/* SIZE bytes of what was read; no NUL behind them. */
struct git_object_text {
    const char *text;
    size_t size;
};

/* "NAME <EMAIL> TIME ZONE". */
struct git_object_person {
    struct git_object_text name;
    struct git_object_text email;
};

struct git_object {
    enum git_object_kind kind;
    struct git_object_text parents[GIT_OBJECT_PARENTS_MAX]; /* ids, of a commit */
    size_t parent_count;
    struct git_object_person author;    /* of a commit */
    struct git_object_person committer; /* of a commit; of a tag: who tagged */
    struct git_object_text target;      /* the id of what a tag is for */
    struct git_object_text target_type; /* "commit", "tree", "blob", "tag" */
    size_t headers;                     /* bytes before the empty line */
};

/*
 * Reads SIZE bytes at TEXT, in a repository whose ids have DIGITS digits. A header that signs, one
 * that git does not write, one out of its order, a NUL, and a message in which somebody would find
 * a signature are -EPROTO with the reason. 0 or -EPROTO.
 */
int git_object_parse(const char *text, size_t size, size_t digits, struct git_object *object,
                     struct error *err);

/* True when PERSON is NAME with EMAIL, but for what git strips from the ends of both. */
bool git_object_is_by(const struct git_object_person *person, const char *name, const char *email);

#endif
