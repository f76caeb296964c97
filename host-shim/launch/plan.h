/* Everything a session is started with, decided: the input of the pure functions that make docker's
 * argv and the manifest. */
#ifndef LAUNCH_PLAN_H
#define LAUNCH_PLAN_H

#include "host-shim/launch/branch.h"
#include "host-shim/launch/engine.h"
#include "host-shim/launch/image.h"
#include "host-shim/launch/options.h"
#include "host-shim/launch/repository.h"
#include "lib/wire/manifest.h"

#define PLAN_STOP_GRACE_MS 60000

/* All strings are borrowed from what the plan was made of. */
struct launch_plan {
    const char *container; /* "coding-agents-ID", of the volume and the network too */
    const char *network;   /* the same, or "none" */
    const char *session;
    const char *agent;
    const char *repository_label;
    const char *manifest_sha256;
    uid_t owner;
    bool is_detached; /* `docker run -d`: interactive and persistent sessions */
    bool takes_input; /* stdin is a pipe or a file */
    const char *seccomp_profile;
    bool has_apparmor;
    const struct string_list *capabilities;
    unsigned int milli_cpus;
    unsigned long long memory_bytes;
    unsigned int pids;
    const struct string_list *device_read_bps;
    const struct string_list *device_write_bps;
    const char *gpu; /* NULL: none */
    const char *source;
    const char *source_git; /* NULL: inside the source */
    const struct string_list *alternates;
    const char *session_directory;
    const char *socket_directory;
    const struct string_list *engine_arguments;
    const char *image;
    unsigned int stop_timeout_s;
};

/* What the plan and the manifest are made of, all borrowed. */
struct plan_input {
    const struct launch_options *options;
    const struct engine_facts *engine;
    const struct repository *repository;
    const struct branch *branch;
    const struct image *image;
    const char *session;
    bool is_interactive;
};

/*
 * Fills the limits of PLAN: as asked, else 4 processors, 8 GiB, 4096 processes, the first two at
 * most what the engine has. -EINVAL when more is asked than it has.
 */
int plan_limits(const struct launch_options *options, const struct engine_facts *engine,
                struct launch_plan *plan, struct error *err);

/* What a manifest needs beyond its input. */
struct plan_storage {
    struct string_list command; /* owned */
    char *hook_arguments[2];    /* borrowed */
    struct manifest_setup_hook hook;
};

/* Fills MANIFEST, which borrows from INPUT and STORAGE, but for file_list_sha256. 0 or -errno. */
int plan_manifest(const struct plan_input *input, struct plan_storage *storage,
                  struct manifest *manifest, struct error *err);

/* The identity of host user UID as the container sees it; 65534 when it has none there. */
uid_t plan_container_id(const struct engine_facts *engine, uid_t uid);

/* The argv of `docker run` for PLAN, added to ARGV; pure. 0 or -ENOMEM. */
int plan_arguments(const struct launch_plan *plan, struct string_list *argv);

/* FIELD as one field of CSV, quoted when it has to be. Owned by LIST. */
const char *plan_csv_field(const char *field, struct string_list *list);

#endif
