/* The argv of `docker run` as a pure function of the plan: an ordered table of groups. */
#include "lib/host/run_plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/wire/manifest.h"
#include "lib/wire/relay.h"

#define TMPFS_RUN "/run:rw,nosuid,nodev,noexec,mode=0755,size=64m"

const char *run_plan_csv_field(const char *field, struct string_list *list)
{
    if (strpbrk(field, ",\"\r\n") == NULL && field[0] != ' ' && field[0] != '\0')
        return string_list_add(list, field);
    char *quoted = string_list_format(list, "\"%s%*s", field, (int)strlen(field) + 1, "");
    if (quoted == NULL)
        return NULL;
    char *out = quoted + 1;
    for (const char *in = field; *in != '\0'; in++) {
        if (*in == '"')
            *out++ = '"';
        *out++ = *in;
    }
    *out++ = '"';
    *out = '\0';
    return quoted;
}

static void add_pair(struct string_list *argv, const char *option, const char *value)
{
    string_list_add(argv, option);
    string_list_add(argv, value);
}

void run_plan_add_bind(struct string_list *argv, const char *source, const char *target)
{
    cleanup_string_list struct string_list made = {.items = NULL};
    const char *field = run_plan_csv_field(string_list_format(&made, "source=%s", source), &made);
    string_list_add(argv, "--mount");
    string_list_format(argv, "type=bind,%s,target=%s,readonly,bind-nonrecursive", field, target);
    argv->has_failed = argv->has_failed || made.has_failed;
}

/*
 * The client adds the proxies of the user's ~/.docker/config.json, often with a password, to the
 * environment of every container; whom the session trusts with them is not for a client to say. A
 * value that is given wins, and an empty one means none to every program.
 */
void run_plan_add_no_proxies(struct string_list *argv)
{
    static const char *const variables[] = {
        "HTTP_PROXY=", "http_proxy=", "HTTPS_PROXY=", "https_proxy=", "FTP_PROXY=",
        "ftp_proxy=",  "ALL_PROXY=",  "all_proxy=",   "NO_PROXY=",    "no_proxy=",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(variables); i++)
        add_pair(argv, "--env", variables[i]);
}

static void add_environment(const struct run_plan *plan, struct string_list *argv)
{
    (void)plan;
    run_plan_add_no_proxies(argv);
}

static void add_each(struct string_list *argv, const char *option, const struct string_list *values)
{
    for (size_t i = 0; values != NULL && i < values->count; i++)
        add_pair(argv, option, values->items[i]);
}

static void add_identity(const struct run_plan *plan, struct string_list *argv)
{
    static const char *const head[] = {"docker", "run"};
    for (size_t i = 0; i < ARRAY_LENGTH(head); i++)
        string_list_add(argv, head[i]);
    if (plan->is_detached)
        string_list_add(argv, "--detach");
    else if (plan->takes_input)
        string_list_add(argv, "--interactive");
    add_pair(argv, "--name", plan->container);
    add_pair(argv, "--hostname", plan->container);
    add_pair(argv, "--pull", "never");
    add_pair(argv, "--workdir", "/workspace");
}

static void add_labels(const struct run_plan *plan, struct string_list *argv)
{
    const struct {
        const char *key;
        const char *value;
    } labels[] = {
        {"session", plan->session},
        {"agent", plan->agent},
        {"repo", plan->repository_label},
        {"version", CODING_AGENTS_VERSION},
        {"manifest-sha256", plan->manifest_sha256},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(labels); i++) {
        string_list_add(argv, "--label");
        string_list_format(argv, "coding-agents.%s=%s", labels[i].key, labels[i].value);
    }
    string_list_add(argv, "--label");
    string_list_format(argv, "coding-agents.owner-uid=%u", (unsigned int)plan->owner);
}

static void add_confinement(const struct run_plan *plan, struct string_list *argv)
{
    string_list_add(argv, "--read-only");
    add_pair(argv, "--security-opt", "no-new-privileges:true");
    string_list_add(argv, "--security-opt");
    string_list_format(argv, "seccomp=%s", plan->seccomp_profile);
    if (plan->has_apparmor)
        add_pair(argv, "--security-opt", "apparmor=coding-agents");
    string_list_add(argv, "--cap-drop=ALL");
    for (size_t i = 0; i < plan->capabilities->count; i++)
        string_list_format(argv, "--cap-add=%s", plan->capabilities->items[i]);
    add_pair(argv, "--ipc", "private");
    add_pair(argv, "--cgroupns", "private");
}

static void add_limits(const struct run_plan *plan, struct string_list *argv)
{
    string_list_add(argv, "--pids-limit");
    string_list_format(argv, "%u", plan->pids);
    string_list_add(argv, "--memory");
    string_list_format(argv, "%llu", plan->memory_bytes);
    string_list_add(argv, "--memory-swap");
    string_list_format(argv, "%llu", plan->memory_bytes);
    string_list_add(argv, "--cpus");
    string_list_format(argv, "%u.%03u", plan->milli_cpus / 1000, plan->milli_cpus % 1000);
    add_pair(argv, "--ulimit", "core=0");
    string_list_add(argv, "--stop-timeout");
    string_list_format(argv, "%u", plan->stop_timeout_s);
    add_each(argv, "--device-read-bps", plan->device_read_bps);
    add_each(argv, "--device-write-bps", plan->device_write_bps);
}

static void add_gpu(const struct run_plan *plan, struct string_list *argv)
{
    if (plan->gpu == NULL)
        return;
    string_list_add(argv, "--gpus");
    run_plan_csv_field(plan->gpu, argv);
}

static void add_logging(const struct run_plan *plan, struct string_list *argv)
{
    (void)plan;
    add_pair(argv, "--log-driver", "json-file");
    add_pair(argv, "--log-opt", "max-size=50m");
    add_pair(argv, "--log-opt", "max-file=2");
}

static void add_network(const struct run_plan *plan, struct string_list *argv)
{
    add_pair(argv, "--network", plan->network);
}

static void add_sockets(const struct run_plan *plan, struct string_list *argv)
{
    if (plan->socket_directory != NULL) {
        run_plan_add_bind(argv, plan->socket_directory, MANIFEST_SOCKET_DIRECTORY);
        return;
    }
    string_list_add(argv, "--mount");
    string_list_format(argv,
                       "type=volume,source=%s" RELAY_VOLUME_SUFFIX
                       ",target=" MANIFEST_SOCKET_DIRECTORY ",readonly,volume-nocopy",
                       plan->container);
}

static void add_mounts(const struct run_plan *plan, struct string_list *argv)
{
    add_pair(argv, "--tmpfs", TMPFS_RUN);
    run_plan_add_bind(argv, plan->source, MANIFEST_SOURCE_DIRECTORY);
    if (plan->source_git != NULL)
        run_plan_add_bind(argv, plan->source_git, MANIFEST_SOURCE_GIT_DIRECTORY);
    for (size_t i = 0; i < plan->alternates->count; i++) {
        char target[64];
        snprintf(target, sizeof(target), MANIFEST_SOURCE_ALTERNATES_DIRECTORY "/%zu", i);
        run_plan_add_bind(argv, plan->alternates->items[i], target);
    }
    run_plan_add_bind(argv, plan->session_directory, MANIFEST_HOST_DIRECTORY);
    add_sockets(plan, argv);
    string_list_add(argv, "--mount");
    string_list_format(argv, "type=volume,source=%s,target=" MANIFEST_VOLUME ",volume-nocopy",
                       plan->container);
}

/* Last before the image: the user's, each already on the allow-list; the engine takes the last
 * word. */
static void add_extra(const struct run_plan *plan, struct string_list *argv)
{
    for (size_t i = 0; i < plan->engine_arguments->count; i++)
        string_list_add(argv, plan->engine_arguments->items[i]);
}

static void add_image(const struct run_plan *plan, struct string_list *argv)
{
    string_list_add(argv, plan->image);
    add_pair(argv, "--manifest-sha256", plan->manifest_sha256);
}

typedef void argument_group(const struct run_plan *plan, struct string_list *argv);

static argument_group *const argument_groups[] = {
    add_identity, add_labels,  add_confinement, add_limits, add_gpu,   add_environment,
    add_logging,  add_network, add_mounts,      add_extra,  add_image,
};

int run_plan_arguments(const struct run_plan *plan, struct string_list *argv)
{
    for (size_t i = 0; i < ARRAY_LENGTH(argument_groups); i++)
        argument_groups[i](plan, argv);
    return argv->has_failed ? -ENOMEM : 0;
}
