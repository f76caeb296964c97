/* The Docker engine, through its own command line client: found, checked and asked in one place. */
#ifndef HOST_ENGINE_H
#define HOST_ENGINE_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/base/process.h"

struct engine_facts {
    char client[128];        /* path of the docker client */
    char engine_version[64]; /* "20.10.24+dfsg1" */
    char runc_version[64];
    char kernel_version[128];
    char cgroup_version[8];
    char cgroup_driver[16]; /* "none": a rootless engine that may set no limits */
    bool has_apparmor;
    bool has_seccomp;
    bool is_rootless;
    bool has_userns_remap;
    char host[512];           /* DOCKER_HOST that leads to it: "unix://" and the socket */
    char socket[512];         /* where it listens on this machine */
    char id[128];             /* its own name for itself, for as long as it is installed */
    uid_t container_root_uid; /* host uid that container uid 0 is: 0, the remapped base, or ours
                                 when rootless */
    unsigned int cpus;
    unsigned long long memory_bytes;
};

/*
 * Asks the engine what it is. Refuses, with cause and remedy: no client, no daemon, Podman, a
 * remote engine, an engine older than 20.10 or runc older than 1.1.5, no seccomp. From then on it
 * is the engine of this process (engine_choose). 0 or -errno.
 */
int engine_detect(struct engine_facts *facts, struct error *err);

/*
 * Refuses an engine whose containers reach no socket of this machine, because they run on another
 * kernel, as in a virtual machine. The host's own sockets are then to be had through a sidecar
 * only. 0 or -EINVAL.
 */
int engine_check_sockets(const struct engine_facts *facts, struct error *err);

/*
 * Makes every later engine call of this process, and of those it starts, go to HOST
 * ("unix:///run/docker.sock"), whatever context the user has chosen or will choose. 0 or -errno.
 */
int engine_choose(const char *host, struct error *err);

/* The ID of the engine that answers now. 0 or -errno. */
int engine_read_id(char id[128], struct error *err);

/*
 * Runs `docker ARGUMENTS...` (NULL-terminated, borrowed) to its end and captures its output. A
 * non-zero exit is -EIO with the client's last line of stderr as the reason. TIMEOUT_MS 0: none.
 * RESULT is owned by the caller (process_result_free).
 */
int engine_run(const char *const *arguments, unsigned int timeout_ms, struct process_result *result,
               struct error *err);

/* agentattach of users.tab: who attaches to a session and asks its PID 1, which nobody does as
 * root. */
#define ENGINE_ATTACH_IDENTITY "10003:10003"

/* engine_run for what is taken away when nothing can be done about a failure. */
void engine_run_quietly(const char *const *arguments, unsigned int timeout_ms);

/*
 * The last line of what the client wrote to stderr that tells a reason, without its own "Error: "
 * in front. A container's boot report is indented, and its events start with "audit: ".
 */
void engine_reason(const char *text, char *reason, size_t size);

/* `docker inspect --type KIND NAME`: the one object found. *OBJECT is owned (json_decref). -ENOENT
 * when missing. */
int engine_inspect(const char *kind, const char *name, json_t **object, struct error *err);

/* The exit code, running state and OOM flag of container NAME. -ENOENT when it does not exist. */
struct engine_container {
    bool is_running;
    bool has_started; /* at any time */
    bool was_oom_killed;
    int exit_code;
    char started_at[64]; /* RFC 3339: the last time */
    char error[256];     /* the engine's own word on why it did not start, "" usually */
};
int engine_container_state(const char *name, struct engine_container *container, struct error *err);

#endif
