/* Prepares what the container is given: session directory, manifest, list of files, state. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-shim/launch/launch.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/host/install_paths.h"
#include "lib/host/leftovers.h"
#include "lib/host/policy.h"
#include "lib/wire/session.h"

/* The session of a dry run: an id as any other, that no session directory backs. */
#define DRY_RUN_SESSION "dryrunaa"

static int name_places(struct launch *launch, struct error *err)
{
    char root[PATH_MAX];
    int status = session_state_root(root, err);
    if (status == 0)
        status = session_state_directory(launch->session, launch->state_directory, err);
    if (status == 0)
        status = session_runtime_directory(launch->session, launch->runtime_directory, err);
    if (status < 0)
        return status;
    snprintf(launch->container, sizeof(launch->container), "coding-agents-%s", launch->session);
    if (path_format(launch->host_directory, "%s/host", launch->runtime_directory) < 0 ||
        path_format(launch->socket_directory, "%s/sockets", launch->runtime_directory) < 0 ||
        path_format(launch->clone, "%s/clones/%s", root, launch->session) < 0)
        return error_set(err, ENAMETOOLONG, "the runtime directory '%s'",
                         launch->runtime_directory);
    return 0;
}

int stage_reserve(struct launch *launch, struct error *err)
{
    int status = 0;
    if (launch->options.is_dry_run) {
        memcpy(launch->session, DRY_RUN_SESSION, sizeof(DRY_RUN_SESSION));
    } else {
        leftovers_sweep();
        if (launch->options.has_sidecar)
            leftovers_sweep_volumes();
        status = session_reserve(launch->session, err);
    }
    return status < 0 ? status : name_places(launch, err);
}

void stage_fill_plan(struct launch *launch)
{
    struct run_plan *plan = &launch->plan;
    const struct launch_options *options = &launch->options;
    const struct repository *repository = &launch->repository;
    plan->container = launch->container;
    plan->network = options->is_restricted ? "none" : launch->container;
    plan->session = launch->session;
    plan->agent = options->agent;
    plan->repository_label = repository->label;
    plan->manifest_sha256 = launch->manifest_sha256;
    plan->owner = geteuid();
    plan->is_detached = launch->is_interactive || options->is_persistent;
    plan->seccomp_profile = launch->seccomp_profile;
    plan->has_apparmor = launch->engine.has_apparmor;
    plan->capabilities = &launch->capabilities;
    plan->device_read_bps = &options->device_read_bps;
    plan->device_write_bps = &options->device_write_bps;
    plan->gpu = options->gpu;
    plan->source = repository->top;
    plan->source_git = repository->is_git_outside ? repository->git_common : NULL;
    plan->alternates = &repository->alternates;
    plan->session_directory = launch->host_directory;
    plan->socket_directory = options->has_sidecar ? NULL : launch->socket_directory;
    plan->engine_arguments = &options->engine_arguments;
    plan->image = launch->image.id;
    plan->stop_timeout_s = PLAN_STOP_GRACE_MS / 1000 + 5;
}

static int render_manifest(struct launch *launch, struct error *err)
{
    const struct plan_input input = {
        .options = &launch->options,
        .engine = &launch->engine,
        .repository = &launch->repository,
        .branch = &launch->branch,
        .image = &launch->image,
        .config = &launch->trust.config,
        .session = launch->session,
        .is_interactive = launch->is_interactive || launch->options.is_persistent,
        .asks = launch->trust.asks,
    };
    struct manifest manifest;
    plan_manifest(&input, &launch->storage, &manifest);
    manifest_digest(launch->repository.files.data, launch->repository.files.size,
                    manifest.file_list_sha256);
    int status = manifest_render(&manifest, &launch->manifest, &launch->manifest_size, err);
    if (status == 0)
        manifest_digest(launch->manifest, launch->manifest_size, launch->manifest_sha256);
    return status;
}

int stage_render(struct launch *launch, struct error *err)
{
    int status = render_manifest(launch, err);
    if (status < 0)
        return status;
    stage_fill_plan(launch);
    status = run_plan_arguments(&launch->plan, &launch->argv);
    return status < 0 ? error_set(err, -status, "make the arguments of docker run") : 0;
}

static char *borrow(const char *text)
{
    return (char *)(uintptr_t)(text == NULL ? "" : text);
}

static int save_state(const struct launch *launch, struct error *err)
{
    char created[CLOCK_TIMESTAMP_SIZE];
    clock_format(clock_realtime_ns(), created);
    struct session_state state = {
        .phase = SESSION_PLANNED,
        .agent = borrow(launch->options.agent),
        .name = borrow(launch->branch.name),
        .repository = borrow(launch->repository.top),
        .branch = borrow(launch->branch.inside),
        .host_branch = borrow(launch->branch.host),
        .base_commit = borrow(launch->repository.base_commit),
        .image = borrow(launch->image.id),
        .container = borrow(launch->container),
        .volume = borrow(launch->container),
        .network = borrow(launch->plan.network),
        .engine_context = borrow(launch->engine.host),
        .engine_id = borrow(launch->engine.id),
        .is_interactive = launch->is_interactive || launch->options.is_persistent,
        .is_persistent = launch->options.is_persistent,
        .push_enabled = !launch->options.no_push,
        .created_at = created,
        .ended_at = borrow(""),
        .exit_code = -1,
        .cause = borrow(""),
        .collected_commit = borrow(""),
    };
    memcpy(state.session, launch->session, sizeof(state.session));
    return session_state_save(&state, err);
}

/* The container's root has no capability to pass permissions, so what it reads is open below a
 * closed root. */
static int make_open_directory(const char *path, mode_t mode, struct error *err)
{
    int status = path_make_directories(path, 0700, err);
    if (status == 0 && chmod(path, mode) < 0)
        status = error_set(err, errno, "open '%s' to the container", path);
    return status;
}

/* The command as it was given to the engine, for whoever must make up for a shutdown that did not
 * happen. */
static int save_arguments(const struct launch *launch, int directory, struct error *err)
{
    json_t *list = json_array();
    bool failed = list == NULL;
    for (size_t i = 0; i < launch->argv.count && !failed; i++) {
        /* A path that is no UTF-8 is of no use there: only confinement and the volume are. */
        json_t *item = json_string(launch->argv.items[i]);
        failed = json_array_append_new(list, item == NULL ? json_string("") : item) < 0;
    }
    cleanup_free char *text = failed ? NULL : json_dumps(list, JSON_COMPACT);
    json_decref(list);
    if (text == NULL)
        return error_set(err, ENOMEM, "keep the arguments of docker run");
    return fd_write_file(directory, "docker-argv.json", text, strlen(text), 0600, err);
}

/* What outlives the runtime directory. */
static int save_record(const struct launch *launch, struct error *err)
{
    cleanup_fd int directory = open(launch->state_directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return error_set(err, errno, "open '%s'", launch->state_directory);
    int status = fd_write_file(directory, "manifest.json", launch->manifest, launch->manifest_size,
                               0600, err);
    return status == 0 ? save_arguments(launch, directory, err) : status;
}

int stage_write(struct launch *launch, struct error *err)
{
    const struct source_files *files = &launch->repository.files;
    int status = make_open_directory(launch->host_directory, 0755, err);
    if (status == 0)
        status = make_open_directory(launch->socket_directory, 0711, err);
    cleanup_fd int directory = open(launch->host_directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (status == 0 && directory < 0)
        status = error_set(err, errno, "open '%s'", launch->host_directory);
    if (status == 0)
        status = fd_write_file(directory, "manifest.json", launch->manifest, launch->manifest_size,
                               0644, err);
    if (status == 0)
        status = fd_write_file(directory, "files.list", files->data, files->size, 0644, err);
    const char *variables = launch->options.variables;
    if (status == 0 && variables != NULL)
        status = fd_write_file(directory, "variables", variables, strlen(variables), 0644, err);
    if (status == 0)
        status = save_state(launch, err);
    if (status == 0)
        status = save_record(launch, err);
    return status;
}

void stage_remove(struct launch *launch)
{
    (void)path_remove_tree(AT_FDCWD, launch->runtime_directory, NULL);
    (void)path_remove_tree(AT_FDCWD, launch->state_directory, NULL);
}

static void set_running(struct session_state *state, void *context)
{
    (void)context;
    state->phase = SESSION_RUNNING;
}

int stage_set_running(struct launch *launch, struct error *err)
{
    return session_state_update(launch->session, set_running, NULL, err);
}
