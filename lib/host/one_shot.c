/* Assembles the docker commands of one-shot containers from the session's record. */
#include "lib/host/one_shot.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/host/engine.h"
#include "lib/host/install_paths.h"
#include "lib/host/run_plan.h"
#include "lib/wire/limits.h"

#define REPOSITORY_RUNNING "/var/lib/coding-agents/local.git"
#define REPOSITORY_ENDED "/volume/local.git"
#define SANDBOX "/usr/libexec/coding-agents/agent-task-sandbox"
/* agentuser, with the group that may pass the volume's root directory: policies/users.tab. */
#define FETCH_IDENTITY "10000:10004"
/* A tenth of a second apart: removing a container takes the engine less, on a busy disk some. */
#define REMOVAL_POLLS 200

void one_shot_name(const struct session_state *state, const char *purpose, char name[64])
{
    snprintf(name, 64, "coding-agents-%s-%s", state->session, purpose);
}

static int finish_list(struct string_list *list, struct error *err)
{
    if (!list->has_failed)
        return 0;
    string_list_free(list);
    return error_set(err, ENOMEM, "assemble a docker command");
}

static void add_all(struct string_list *list, const char *const *arguments)
{
    for (size_t i = 0; arguments[i] != NULL; i++)
        string_list_add(list, arguments[i]);
}

static void add_upload_pack_running(const struct session_state *state, struct string_list *list)
{
    static const char *const sandboxed[] = {
        SANDBOX,
        "--network",
        "none",
        "--environment",
        "GIT_CONFIG_GLOBAL=/dev/null",
        "--environment",
        "GIT_CONFIG_NOSYSTEM=1",
        "--",
        "git-upload-pack",
        "--strict",
        REPOSITORY_RUNNING,
        NULL,
    };
    static const char *const exec[] = {"docker", "exec", "-i", "-u", "0:0", "-w", "/", NULL};
    add_all(list, exec);
    string_list_add(list, state->container);
    add_all(list, sandboxed);
}

static void add_upload_pack_ended(const struct session_state *state, const char *seccomp,
                                  struct string_list *list)
{
    /* clang-format off */
    static const char *const confined[] = {
        "docker", "run", "--rm", "-i", "--pull", "never",
        "--network", "none", "--log-driver", "none",
        "--cap-drop", "ALL", "--read-only", "--user", FETCH_IDENTITY,
        "--pids-limit", "512", "--memory", "4g", "--memory-swap", "4g",
        "--security-opt", "no-new-privileges:true",
        "--env", "HOME=/nonexistent", "--env", "GIT_CONFIG_GLOBAL=/dev/null",
        "--env", "GIT_CONFIG_NOSYSTEM=1", "--workdir", "/",
        "--entrypoint", "git-upload-pack", NULL,
    };
    /* clang-format on */
    char name[64];
    one_shot_name(state, "fetch", name);
    add_all(list, confined);
    string_list_add(list, "--security-opt");
    string_list_format(list, "seccomp=%s", seccomp);
    string_list_add(list, "--name");
    string_list_add(list, name);
    run_plan_add_no_proxies(list);
    string_list_add(list, "--mount");
    string_list_format(list, "type=volume,source=%s,destination=/volume,readonly", state->volume);
    string_list_add(list, state->image);
    string_list_add(list, "--strict");
    string_list_add(list, REPOSITORY_ENDED);
}

int one_shot_upload_pack(const struct session_state *state, bool is_running,
                         struct string_list *list, struct error *err)
{
    *list = (struct string_list){.count = 0};
    if (is_running) {
        add_upload_pack_running(state, list);
        return finish_list(list, err);
    }
    char seccomp[PATH_MAX];
    int result = install_path_share("policies/seccomp/agent.json", seccomp, err);
    if (result < 0)
        return result;
    add_upload_pack_ended(state, seccomp, list);
    return finish_list(list, err);
}

enum option_fate { OPTION_KEPT, OPTION_MOUNT };

struct kept_option {
    const char *name;
    bool has_value;
    enum option_fate fate;
};

/* What of the session's own engine options a recovery needs. Anything not listed is left out. */
/* clang-format off */
static const struct kept_option kept_options[] = {
    {"--read-only",    false, OPTION_KEPT},
    {"--security-opt", true,  OPTION_KEPT},
    {"--cap-drop",     true,  OPTION_KEPT},
    {"--cap-add",      true,  OPTION_KEPT},
    {"--pids-limit",   true,  OPTION_KEPT},
    {"--memory",       true,  OPTION_KEPT},
    {"--memory-swap",  true,  OPTION_KEPT},
    {"--cpus",         true,  OPTION_KEPT},
    {"--ulimit",       true,  OPTION_KEPT},
    {"--tmpfs",        true,  OPTION_KEPT},
    {"--shm-size",     true,  OPTION_KEPT},
    {"--ipc",          true,  OPTION_KEPT},
    {"--cgroupns",     true,  OPTION_KEPT},
    {"--mount",        true,  OPTION_MOUNT},
};
/* clang-format on */

static const struct kept_option *find_option(const char *argument)
{
    size_t length = strcspn(argument, "=");
    for (size_t i = 0; i < ARRAY_LENGTH(kept_options); i++) {
        if (strlen(kept_options[i].name) == length &&
            memcmp(kept_options[i].name, argument, length) == 0)
            return &kept_options[i];
    }
    return NULL;
}

/* The session's volume stays; host paths, which may have any name, do not, nor does what a sidecar
 * listened in. The type stands first in what the launcher writes. */
static bool mount_is_kept(const char *value)
{
    static const char kept[] = "type=volume,";
    return strncmp(value, kept, sizeof(kept) - 1) == 0 &&
           strstr(value, ",target=" MANIFEST_SOCKET_DIRECTORY ",") == NULL;
}

bool one_shot_keep_options(char *const *argv, const char *image, struct string_list *list)
{
    for (size_t i = 0; argv != NULL && argv[i] != NULL; i++) {
        if (strcmp(argv[i], image) == 0)
            return true;
        const struct kept_option *option = find_option(argv[i]);
        if (option == NULL)
            continue;
        const char *value = strchr(argv[i], '=');
        if (value != NULL)
            value++;
        else if (option->has_value)
            value = argv[++i];
        if (option->has_value && value == NULL)
            return false;
        if (option->fate == OPTION_MOUNT && (value == NULL || !mount_is_kept(value)))
            continue;
        string_list_add(list, option->name);
        if (option->has_value)
            string_list_add(list, value);
    }
    return false;
}

static int load_engine_arguments(const char *directory, struct string_list *argv, struct error *err)
{
    char path[PATH_MAX];
    cleanup_free char *text = NULL;
    size_t size = 0;
    if (path_format(path, "%s/docker-argv.json", directory) < 0)
        return error_set(err, ENAMETOOLONG, "the state directory '%s'", directory);
    int result = fd_read_file(AT_FDCWD, path, LIMIT_MANIFEST_BYTES, &text, &size, err);
    if (result < 0)
        return result;
    json_t *value = json_loadb(text, size, 0, NULL);
    size_t count = json_array_size(value);
    for (size_t i = 0; i < count; i++) {
        const char *argument = json_string_value(json_array_get(value, i));
        string_list_add(argv, argument == NULL ? "" : argument);
    }
    json_decref(value);
    if (argv->count == 0 || argv->has_failed)
        return error_set(err, EPROTO, "%s is not a list of arguments", path);
    return 0;
}

/*
 * The container's root has no capability to pass the user's 0700 state directory, so the manifest
 * gets a directory of its own that is world-readable and reached only through the mount.
 */
static int stage_manifest(const char *directory, char staged[PATH_MAX],
                          char digest[MANIFEST_DIGEST_SIZE], struct error *err)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    cleanup_free char *text = NULL;
    size_t size = 0;
    if (path_format(from, "%s/manifest.json", directory) < 0 ||
        path_format(staged, "%s/recovery", directory) < 0 ||
        path_format(to, "%s/manifest.json", staged) < 0)
        return error_set(err, ENAMETOOLONG, "the state directory '%s'", directory);
    int result = fd_read_file(AT_FDCWD, from, LIMIT_MANIFEST_BYTES, &text, &size, err);
    if (result == 0)
        result = path_make_directories(staged, 0755, err);
    if (result == 0 && chmod(staged, 0755) < 0)
        result = error_set(err, errno, "open directory '%s' to the container", staged);
    if (result == 0)
        result = fd_write_file(AT_FDCWD, to, text, size, 0644, err);
    if (result == 0)
        manifest_digest(text, size, digest);
    return result;
}

static void add_recovery_frame(const struct session_state *state, struct string_list *list)
{
    static const char *const frame[] = {
        "docker",    "run",  "--rm",         "--pull", "never",
        "--network", "none", "--log-driver", "none",   NULL,
    };
    char name[64];
    one_shot_name(state, "recover", name);
    add_all(list, frame);
    string_list_add(list, "--name");
    string_list_add(list, name);
}

int one_shot_recovery(const struct session_state *state, struct string_list *list,
                      struct error *err)
{
    char directory[PATH_MAX];
    char staged[PATH_MAX];
    char digest[MANIFEST_DIGEST_SIZE];
    cleanup_string_list struct string_list argv = {.items = NULL};
    int result = session_state_directory(state->session, directory, err);
    if (result == 0)
        result = load_engine_arguments(directory, &argv, err);
    if (result == 0)
        result = stage_manifest(directory, staged, digest, err);
    if (result < 0)
        return result;
    *list = (struct string_list){.count = 0};
    add_recovery_frame(state, list);
    if (!one_shot_keep_options(argv.items, state->image, list)) {
        string_list_free(list);
        return error_set(err, EPROTO,
                         "the recorded engine options of session %s do not name its image",
                         state->session);
    }
    run_plan_add_no_proxies(list);
    run_plan_add_bind(list, staged, MANIFEST_HOST_DIRECTORY);
    string_list_add(list, state->image);
    string_list_add(list, "--recover");
    string_list_add(list, "--manifest-sha256");
    string_list_add(list, digest);
    return finish_list(list, err);
}

static bool holds_name(const char *name)
{
    json_t *object = NULL;
    if (engine_inspect("container", name, &object, NULL) < 0)
        return false;
    json_decref(object);
    return true;
}

/* One that ends by itself just now is being removed by the engine, which refuses a second removal
 * and keeps the name until it is done. */
void one_shot_remove(const char *name)
{
    const struct timespec apart = {.tv_nsec = 100 * CLOCK_NANOSECONDS_PER_MILLISECOND};
    const char *const arguments[] = {"rm", "--force", "--volumes=false", name, NULL};
    struct process_result result = {.output = NULL};
    /* A container that is gone already is what is wanted. */
    if (engine_run(arguments, 60000, &result, NULL) == 0)
        process_result_free(&result);
    for (int i = 0; i < REMOVAL_POLLS && holds_name(name); i++)
        nanosleep(&apart, NULL);
}
