/* What differs between two commits, as git names it: paths, modes, objects. */
#ifndef COLLECT_CHANGES_H
#define COLLECT_CHANGES_H

#include <stdbool.h>
#include <stddef.h>

#include "host-shim/collect/auto_exec.h"
#include "lib/base/error.h"
#include "lib/host/git.h"

/* The list of changed files: a million of 64 bytes with their modes and ids. More is refused. */
#define CHANGES_LIST_BYTES (256u * 1024 * 1024)
/* Symbolic links whose target is read, one git process each; the others are named as not examined.
 */
#define CHANGES_LINKS_EXAMINED 256

struct change {
    unsigned int old_mode; /* as in trees: 0100644; 0 when there was none */
    unsigned int new_mode;
    char status; /* A, D, M, T */
    char new_object[GIT_OBJECT_SIZE];
    char *path; /* bytes without an encoding */
};

struct changes {
    struct change *items;
    size_t count;
    unsigned long long added_lines;
    unsigned long long removed_lines;
    size_t binary_files;
};

/* One reason why a changed file deserves a look before it is used on the host. */
struct finding {
    const char *path; /* borrowed from the changes */
    const char *why;  /* borrowed from the table, or a constant */
};

struct findings {
    struct finding *items;
    size_t count;
};

/*
 * Parses `git diff-tree -r -z --raw --numstat` output of SIZE bytes. Anything else is an error.
 * *CHANGES is owned by the caller (changes_free). 0 or -errno.
 */
int changes_parse(const char *output, size_t size, struct changes *changes, struct error *err);

/* Runs git for the difference from FROM to TO (commits or trees) in DIRECTORY. */
int changes_read(const char *directory, const struct git_identity *identity, const char *from,
                 const char *to, struct changes *changes, struct error *err);
void changes_free(struct changes *changes);

/*
 * What in CHANGES would run code on the host: rules of TABLE, files that turned executable, links
 * that leave the tree, submodules. Targets of links are read with git in DIRECTORY. *FINDINGS is
 * owned (findings_free).
 */
int findings_collect(const char *directory, const struct git_identity *identity,
                     const struct changes *changes, const struct auto_exec_table *table,
                     struct findings *findings);
void findings_free(struct findings *findings);

#endif
