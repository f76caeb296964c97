/* Everything a container of a session is started with, decided, and the argv of `docker run` that
 * says so. */
#ifndef HOST_RUN_PLAN_H
#define HOST_RUN_PLAN_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/string_list.h"

/* All strings are borrowed from what the plan was made of. */
struct run_plan {
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
    const char *socket_directory; /* NULL: they lie in the volume of the sidecar */
    const struct string_list *engine_arguments;
    const char *image;
    unsigned int stop_timeout_s;
};

/* The argv of `docker run` for PLAN, added to ARGV; pure. 0 or -ENOMEM. */
int run_plan_arguments(const struct run_plan *plan, struct string_list *argv);

/*
 * `--mount` of the host's SOURCE, of any name, at TARGET: read-only, and without what is mounted
 * below it, which would stay writable.
 */
void run_plan_add_bind(struct string_list *argv, const char *source, const char *target);

/* `--env` options that keep the proxies of the client's configuration out of a container. */
void run_plan_add_no_proxies(struct string_list *argv);

/* FIELD as one field of CSV, quoted when it has to be. Owned by LIST. */
const char *run_plan_csv_field(const char *field, struct string_list *list);

#endif
