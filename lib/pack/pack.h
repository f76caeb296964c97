/*
 * Archives of an agent's data: history, sessions, logs. A tar without compression, of which the
 * first member is a manifest of all others in their order (path, size, digest), the second a MAC
 * of the manifest's bytes. Only regular files, in ascending order of their paths. An archive that
 * is anything else is refused whole, by name of what is wrong, before anything of it counts.
 */
#ifndef PACK_PACK_H
#define PACK_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/pack/pack_places.h"

#define PACK_VERSION 1
#define PACK_KEY_BYTES 32
/* Names as of the manifest of a session, with the terminator. */
#define PACK_AGENT_SIZE 33
#define PACK_SESSION_SIZE 9
#define PACK_DIGEST_SIZE 65

enum pack_direction {
    PACK_IMPORT, /* from the host, into a session or to another machine */
    PACK_EXPORT, /* out of a session */
};

/* What an archive says it is, under the MAC. */
struct pack_label {
    enum pack_direction direction;
    char agent[PACK_AGENT_SIZE];
    char session[PACK_SESSION_SIZE]; /* "": of no session */
    uint64_t counter;                /* of a session's exports, from 1; 0 for an import */
};

struct pack_entry {
    char *path; /* owned; relative, plain, printable ASCII */
    uint64_t size;
    int64_t modified; /* seconds since the epoch */
    char sha256[PACK_DIGEST_SIZE];
};

struct pack_manifest {
    struct pack_label label;
    struct pack_entry *entries; /* owned */
    size_t count;
    uint64_t total;                /* bytes of all files */
    char sha256[PACK_DIGEST_SIZE]; /* of the manifest's own bytes: which archive this is */
};

void pack_manifest_free(struct pack_manifest *manifest);

/* Renders MANIFEST as canonical JSON. *TEXT is owned by the caller. 0 or -errno. */
int pack_manifest_render(const struct pack_manifest *manifest, char **text, size_t *size,
                         struct error *err);
/* Parses and checks TEXT. *MANIFEST is owned by the caller. 0 or -errno. */
int pack_manifest_parse(const char *text, size_t size, struct pack_manifest **manifest,
                        struct error *err);

/* Says in a whole sentence why an archive is refused. -EBADMSG. */
int pack_reject(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* True for a PATH that an archive may have. */
bool pack_is_path(const char *path);

/* Which files are listed. Everything is borrowed; all zeros: all that there are. */
struct pack_filter {
    const struct pack_places *places; /* where to look; NULL: everywhere */
    const struct pack_manifest
        *known;          /* not what has size and time as listed there; NULL: nothing */
    uint64_t most;       /* bytes of all files; 0: PACK_TOTAL_BYTES_MAX */
    bool is_partial;     /* beyond a cap the newest files are listed and the others left out */
    bool without_linked; /* not what has a second name, which may be that of a login */
};

/*
 * Every regular file below the directory ROOT that an archive may have and FILTER lets through,
 * sorted, NULL-terminated, in *PATHS (owned: free each, then the array). Links, devices, odd names
 * and what the caller may not read are left out and counted in *LEFT_OUT. 0 or -errno; -E2BIG, with
 * the file's name, beyond the caps.
 */
int pack_list(int root, const struct pack_filter *filter, char ***paths, size_t *left_out,
              struct error *err);
void pack_list_free(char **paths);

/* Where an archive comes from. All borrowed. */
struct pack_source {
    int root;           /* directory that PATHS are below */
    char *const *paths; /* sorted, NULL-terminated */
    const struct pack_label *label;
    const unsigned char *key; /* PACK_KEY_BYTES */
};

/* Writes the archive of SOURCE to FD. 0 or -errno; -EBUSY for a file that changes meanwhile. */
int pack_write(int fd, const struct pack_source *source, struct error *err);

/* The key that an archive of LABEL must be made with, into KEY. 0, or -errno: it is refused. */
typedef int pack_find_key(const struct pack_label *label, unsigned char key[PACK_KEY_BYTES],
                          void *context, struct error *err);

struct pack_reader {
    pack_find_key *find_key;
    void *context;
    int staging; /* an empty directory that nobody else writes to, for the files; -1: only look */
};

/*
 * Reads the archive on FD to its end. *MANIFEST is owned by the caller and whole: every file was
 * there, as listed, and nothing else. 0, or -EBADMSG with the reason; the files in the staging
 * directory are worth nothing then.
 */
int pack_read(int fd, const struct pack_reader *reader, struct pack_manifest **manifest,
              struct error *err);

#endif
