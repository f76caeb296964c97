/*
 * The session manifest: what the launcher decided, in one JSON document with schema
 * policies/schema/manifest.json. Written by the launcher, digested, read once by agent-boot.
 */
#ifndef WIRE_MANIFEST_H
#define WIRE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"

#define MANIFEST_VERSION 1
/* "[a-z2-7]{8}" with the terminator. */
#define MANIFEST_SESSION_SIZE 9
/* SHA-256 in lower case hex with the terminator. */
#define MANIFEST_DIGEST_SIZE 65
/* Whom a container sees for an identity that its engine does not map: user_namespaces(7). */
#define MANIFEST_OVERFLOW_ID 65534

enum manifest_mode {
    MANIFEST_MODE_HEADLESS = 0,    /* run the command, exit with its status */
    MANIFEST_MODE_INTERACTIVE = 1, /* tmux with the command, or the agent's own program */
};

enum manifest_source_kind {
    MANIFEST_SOURCE_NONE = 0,       /* an empty workspace */
    MANIFEST_SOURCE_REPOSITORY = 1, /* a work tree with its git directory */
};

/* How the session's commits and tags are signed: gpg.format of git-config(1). */
enum manifest_signing {
    MANIFEST_SIGNING_NONE = 0, /* they are not */
    MANIFEST_SIGNING_OPENPGP = 1,
    MANIFEST_SIGNING_SSH = 2,
};

/* A key and value of git configuration that git_config_refusal (lib/wire/git_config.h) lets
 * through. */
struct manifest_git_config {
    char *key; /* as git prints it: "remote.origin.url" */
    char *value;
};

/*
 * One git directory to bring along. The top one has worktree "". A submodule's git directory is
 * rebuilt as /workspace/.git/modules/NAME and its work tree gets a .git file.
 */
struct manifest_git_directory {
    char *worktree;     /* relative to the workspace; "" for the top */
    char *name;         /* submodule name; "" for the top */
    char *common_path;  /* container path of the common git directory: objects, refs, packed-refs,
                           shallow */
    char *private_path; /* container path of the work tree's own: HEAD, index; equal to common_path
                           usually */
    char **alternates;  /* container paths of further object directories, to be merged;
                           NULL-terminated */
    struct manifest_git_config *config;
    size_t config_count;
};

struct manifest_setup_hook {
    char *name;       /* a program in /etc/coding-agents/setup.d */
    char **arguments; /* NULL-terminated */
};

struct manifest {
    char session[MANIFEST_SESSION_SIZE];
    char *agent; /* "shell" */
    char *name;
    char *repository_label; /* base name of the repository, for people */
    enum manifest_mode mode;
    bool is_persistent; /* launch: the session outlives the agent's program */
    char **command;     /* argv, NULL-terminated; empty: the agent's default */
    char *image;        /* digest or id of the image, for the record */
    char *launcher_version;
    uint32_t stop_grace_ms;

    enum manifest_source_kind source_kind;
    /* Whose eyes read the source: the host user's identity as the container sees it. */
    uid_t read_uid;
    gid_t read_gid;
    gid_t read_groups[64];
    size_t read_group_count;
    char file_list_sha256[MANIFEST_DIGEST_SIZE]; /* of files.list, NUL-separated relative paths */
    /* The files that configure the agent, when it is told to trust them: what the copy has of them
     * must come to this digest (lib/wire/agent_config.h). Empty: it is told of nothing. */
    char **trusted_files; /* relative to the workspace; NULL-terminated */
    char trusted_sha256[MANIFEST_DIGEST_SIZE];
    struct manifest_git_directory *git_directories;
    size_t git_directory_count;

    char *branch;        /* the branch inside and in the volume's bare repository */
    char *base_commit;   /* hex object id the branch starts at; "" for an empty repository */
    char *object_format; /* "sha1" or "sha256" */
    char *user_name;     /* git identity */
    char *user_email;
    bool commit_enabled; /* commit at shutdown; push follows push_enabled */
    bool push_enabled;
    bool commit_secrets;
    char *commit_message; /* "" for the plain one */
    /* By the user's key, which stays on the host (lib/wire/signing.h). */
    enum manifest_signing signing;
    char *signing_key; /* what names it: a key of gpg's, or a public one of ssh; "": none */
    bool sign_commits; /* without being asked to, as commit.gpgSign and tag.gpgSign say */
    bool sign_tags;

    struct manifest_setup_hook *setup_hooks;
    size_t setup_hook_count;
};

/* Fixed places inside the container. */
#define MANIFEST_HOST_DIRECTORY "/run/coding-agents/host" /* the session directory, read-only */
#define MANIFEST_FILE MANIFEST_HOST_DIRECTORY "/manifest.json"
#define MANIFEST_FILE_LIST MANIFEST_HOST_DIRECTORY "/files.list"
#define MANIFEST_VARIABLES_FILE MANIFEST_HOST_DIRECTORY "/variables" /* may be missing */
#define MANIFEST_SOCKET_DIRECTORY "/run/coding-agents/sockets"
#define MANIFEST_CHANNEL_SOCKET MANIFEST_SOCKET_DIRECTORY "/root.sock"
#define MANIFEST_VOLUME "/run/coding-agents/volume"
#define MANIFEST_SOURCE_DIRECTORY "/tmp/source-repo"
#define MANIFEST_SOURCE_GIT_DIRECTORY "/tmp/source-git" /* common git directory of a worktree */
#define MANIFEST_SOURCE_ALTERNATES_DIRECTORY "/tmp/source-alternates" /* /0, /1, ... */

/*
 * Renders MANIFEST as canonical JSON (sorted keys, compact, one newline); NULL texts and lists are
 * empty ones. What manifest_parse would refuse is refused here with the same words. *TEXT is owned
 * by the caller.
 */
int manifest_render(const struct manifest *manifest, char **text, size_t *size, struct error *err);

/*
 * Parses TEXT of SIZE bytes. Unknown keys, unknown major versions, missing or ill-typed keys, bad
 * session ids, branch names or paths are errors that name the key. *MANIFEST is owned by the
 * caller. 0 or -errno.
 */
int manifest_parse(const char *text, size_t size, struct manifest **manifest, struct error *err);

/* SHA-256 of SIZE bytes at DATA as lower case hex. */
void manifest_digest(const void *data, size_t size, char digest[MANIFEST_DIGEST_SIZE]);

/* Releases everything. NULL is fine. */
void manifest_free(struct manifest *manifest);

/* "[a-z2-7]{8}" */
bool manifest_is_session_id(const char *text);
/* "[a-z0-9][a-z0-9-]{0,31}" */
bool manifest_is_name(const char *text);
/* git-check-ref-format(1) for a branch, and no leading '-'. At most 200 bytes. */
bool manifest_is_branch(const char *text);

#endif
