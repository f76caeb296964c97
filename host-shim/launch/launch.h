/* One launch, from the command line to the end of the session: what its steps share. */
#ifndef LAUNCH_LAUNCH_H
#define LAUNCH_LAUNCH_H

#include <limits.h>
#include <stdbool.h>

#include "host-shim/launch/plan.h"
#include "lib/host/agent_start.h"
#include "lib/host/keeper_client.h"
#include "lib/host/session_trust.h"

struct launch {
    struct launch_options options;
    struct engine_facts engine;
    struct repository repository;
    struct session_trust trust;
    struct agent_start start;
    struct branch branch;
    struct image image;
    struct plan_storage storage;
    struct run_plan plan;
    struct string_list capabilities;
    struct string_list argv; /* of `docker run` */
    char session[MANIFEST_SESSION_SIZE];
    char container[32];
    char clone[PATH_MAX]; /* of a URL; "" otherwise */
    char state_directory[PATH_MAX];
    char runtime_directory[PATH_MAX];
    char host_directory[PATH_MAX]; /* what the container sees of the session, read-only */
    char socket_directory[PATH_MAX];
    char seccomp_profile[PATH_MAX];
    char manifest_sha256[MANIFEST_DIGEST_SIZE];
    char *manifest; /* owned */
    size_t manifest_size;
    struct keeper_client keeper;
    int signals;       /* owned; signalfd of the signals that are held back, -1 before */
    int passed_signal; /* the last one that reached the engine's client; 0: none */
    bool is_interactive;
    int exit_code; /* what the program exits with; set by a step that fails in its own way */
};

/* launch.c: `coding-agents run` and `launch`. Returns the exit code. */
int launch_main(int argc, char **argv);
/* A line for the user on stderr. */
void launch_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* stage.c: everything on the host that the container will be given. 0 or -errno. */
int stage_reserve(struct launch *launch,
                  struct error *err); /* id and directories; names only in a dry run */
int stage_render(struct launch *launch, struct error *err); /* manifest, plan, argv, in memory */
/* The part of stage_render that fills the plan with what the launch has found; pure but for the
 * caller's uid. */
void stage_fill_plan(struct launch *launch);
int stage_write(struct launch *launch, struct error *err); /* manifest, list of files, state */
void stage_remove(struct launch *launch);
int stage_set_running(struct launch *launch, struct error *err);

/* config.c: the agent's command, with what it is told of the repository's configuration once
 * config_decide knows. 0 or -errno; -EPERM for a wrong command line. */
int config_form_command(struct launch *launch, struct error *err);
int config_decide(struct launch *launch, struct error *err);

/* belongings.c: the session's keeper, network and volume, as steps of a launch. 0 or -errno. */
int belongings_start_keeper(struct launch *launch, struct error *err);
int belongings_record_start(struct launch *launch, struct error *err);
void belongings_abandon_keeper(struct launch *launch);
int belongings_create_network(struct launch *launch, struct error *err);
void belongings_remove_network(struct launch *launch);
int belongings_create_volume(struct launch *launch, struct error *err);
void belongings_remove_volume(struct launch *launch);

/*
 * container.c: the one `docker run`. -errno only when it is certain that nothing of the session
 * ran: the caller takes its volume away then. Whatever may have started is seen to its end, with 0.
 */
int container_run(struct launch *launch, struct error *err);
void container_remove(struct launch *launch);
/* container.c: once the engine's client ended with CODE: what became of the container. As
 * container_run. */
int container_judge(struct launch *launch, int code, struct error *err);

/* attach.c: a session with a terminal, and one that stays. 0 with launch->exit_code set, or -errno.
 */
int attach_session(struct launch *launch, struct error *err);

/* container.c: an interruption before anything of the session ran, as an error. Always negative. */
int container_interrupted(struct launch *launch, struct error *err);

/* finish.c: after the container's end with CODE: collects, and sets the exit code. -errno when boot
 * was refused. */
int finish_session(struct launch *launch, int code, struct error *err);
/* finish.c: the container is gone and nobody knows what it did: its end is recorded and told. */
void finish_lost(struct launch *launch, int code);

#endif
