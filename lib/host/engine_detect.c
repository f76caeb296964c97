/* Finds out what the Docker engine is, and refuses by name what a session cannot run on. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/host/engine.h"

#define ENGINE_ANSWER_MS 30000

struct version {
    unsigned int major;
    unsigned int minor;
    unsigned int patch;
};

/* The oldest ones that do all a session needs: docs/capabilities.md. */
static const struct version engine_floor = {20, 10, 0};
static const struct version runc_floor = {1, 1, 5};

static int find_client(char client[128], struct error *err)
{
    const char *path = getenv("PATH");
    const char *rest = path == NULL || path[0] == '\0' ? "/usr/local/bin:/usr/bin:/bin" : path;
    while (*rest != '\0') {
        size_t length = strcspn(rest, ":");
        int written = snprintf(client, 128, "%.*s/docker", (int)length, rest);
        if (length > 0 && written > 0 && written < 128 && access(client, X_OK) == 0)
            return 0;
        rest += length;
        rest += *rest == ':';
    }
    return error_set(
        err, EINVAL,
        "there is no docker command: install Docker Engine (apt-get install docker.io)");
}

/* Asks one question whose answer is one JSON value. */
static int ask(const char *const *arguments, json_t **answer, struct error *err)
{
    struct process_result result = {.output = NULL};
    int status = engine_run(arguments, ENGINE_ANSWER_MS, &result, err);
    if (status < 0)
        return status;
    json_error_t reason;
    *answer = json_loads(result.output, JSON_DECODE_ANY, &reason);
    process_result_free(&result);
    if (*answer == NULL)
        return error_set(err, EPROTO,
                         "docker %s did not print JSON (%s): is it the client of Docker Engine? "
                         "coding-agents doctor tells more",
                         arguments[0], reason.text);
    return 0;
}

static void copy_string(char *text, size_t size, const json_t *value)
{
    const char *string = json_string_value(value);
    snprintf(text, size, "%s", string == NULL ? "" : string);
}

static bool parse_version(const char *text, struct version *version)
{
    return sscanf(text, "%u.%u.%u", &version->major, &version->minor, &version->patch) == 3;
}

static bool version_is_below(const struct version *version, const struct version *floor)
{
    if (version->major != floor->major)
        return version->major < floor->major;
    if (version->minor != floor->minor)
        return version->minor < floor->minor;
    return version->patch < floor->patch;
}

/* A session bind-mounts the repository, so the engine must be on this machine. */
static int refuse_remote(struct engine_facts *facts, uid_t *socket_owner, struct error *err)
{
    static const char *const arguments[] = {"context", "inspect", "--format",
                                            "{{json (index .Endpoints \"docker\").Host}}", NULL};
    json_t *answer = NULL;
    int status = ask(arguments, &answer, err);
    if (status < 0)
        return status;
    const char *host = facts->host;
    copy_string(facts->host, sizeof(facts->host), answer);
    json_decref(answer);
    struct stat info;
    if (strncmp(host, "unix://", 7) != 0)
        return error_set(err, EINVAL,
                         "the engine '%s' is remote, but the repository is on this machine: unset "
                         "DOCKER_HOST or choose a local context (docker context use default)",
                         host);
    if (stat(host + 7, &info) < 0)
        return error_set(
            err, EINVAL,
            "the Docker engine does not run: there is no socket %s (systemctl start docker)",
            host + 7);
    snprintf(facts->socket, sizeof(facts->socket), "%s", host + 7);
    *socket_owner = info.st_uid;
    return 0;
}

static const json_t *find_component(const json_t *version, const char *name)
{
    const json_t *components = json_object_get(json_object_get(version, "Server"), "Components");
    for (size_t i = 0; i < json_array_size(components); i++) {
        const json_t *component = json_array_get(components, i);
        const char *found = json_string_value(json_object_get(component, "Name"));
        if (found != NULL && strcmp(found, name) == 0)
            return component;
    }
    return NULL;
}

/* podman-docker prints a Client with "APIVersion"; Podman's own socket calls its component "Podman
 * Engine". */
static bool is_podman(const json_t *version)
{
    return find_component(version, "Podman Engine") != NULL ||
           json_object_get(json_object_get(version, "Client"), "APIVersion") != NULL;
}

static int check_floor(const char *what, const char *text, const struct version *floor,
                       struct error *err)
{
    struct version version;
    if (!parse_version(text, &version))
        return error_set(
            err, EINVAL,
            "the engine does not say which %s it has ('%s'): at least %u.%u.%u is needed", what,
            text, floor->major, floor->minor, floor->patch);
    if (version_is_below(&version, floor))
        return error_set(err, EINVAL, "%s %s is too old: install %u.%u.%u or newer", what, text,
                         floor->major, floor->minor, floor->patch);
    return 0;
}

static int read_versions(struct engine_facts *facts, struct error *err)
{
    static const char *const arguments[] = {"version", "--format", "{{json .}}", NULL};
    json_t *version = NULL;
    int status = ask(arguments, &version, err);
    if (status < 0)
        return status;
    bool podman = is_podman(version);
    copy_string(facts->engine_version, sizeof(facts->engine_version),
                json_object_get(find_component(version, "Engine"), "Version"));
    copy_string(facts->runc_version, sizeof(facts->runc_version),
                json_object_get(find_component(version, "runc"), "Version"));
    json_decref(version);
    if (podman)
        return error_set(
            err, EINVAL,
            "the docker command is Podman, which does not enforce the same confinement: "
            "install Docker Engine (apt-get install docker.io)");
    status = check_floor("Docker Engine", facts->engine_version, &engine_floor, err);
    if (status == 0)
        status = check_floor("runc", facts->runc_version, &runc_floor, err);
    return status;
}

static bool has_security_option(const json_t *info, const char *name)
{
    char wanted[64];
    int length = snprintf(wanted, sizeof(wanted), "name=%s", name);
    const json_t *options = json_object_get(info, "SecurityOptions");
    for (size_t i = 0; i < json_array_size(options); i++) {
        const char *option = json_string_value(json_array_get(options, i));
        if (option != NULL && strncmp(option, wanted, (size_t)length) == 0 &&
            (option[length] == '\0' || option[length] == ','))
            return true;
    }
    return false;
}

/* With userns-remap the engine's root directory ends in the base: /var/lib/docker/165536.165536. */
static uid_t remapped_root(const json_t *info)
{
    const char *directory = json_string_value(json_object_get(info, "DockerRootDir"));
    const char *name = directory == NULL ? NULL : strrchr(directory, '/');
    unsigned int base;
    if (name == NULL || sscanf(name, "/%u.", &base) != 1)
        return 0;
    return base;
}

static void read_facts(const json_t *info, uid_t socket_owner, struct engine_facts *facts)
{
    copy_string(facts->kernel_version, sizeof(facts->kernel_version),
                json_object_get(info, "KernelVersion"));
    copy_string(facts->cgroup_version, sizeof(facts->cgroup_version),
                json_object_get(info, "CgroupVersion"));
    copy_string(facts->cgroup_driver, sizeof(facts->cgroup_driver),
                json_object_get(info, "CgroupDriver"));
    copy_string(facts->id, sizeof(facts->id), json_object_get(info, "ID"));
    facts->has_apparmor = has_security_option(info, "apparmor");
    facts->has_seccomp = has_security_option(info, "seccomp");
    facts->is_rootless = has_security_option(info, "rootless");
    facts->has_userns_remap = has_security_option(info, "userns");
    facts->container_root_uid = 0;
    if (facts->is_rootless)
        facts->container_root_uid = socket_owner;
    else if (facts->has_userns_remap)
        facts->container_root_uid = remapped_root(info);
    json_int_t cpus = json_integer_value(json_object_get(info, "NCPU"));
    json_int_t memory = json_integer_value(json_object_get(info, "MemTotal"));
    facts->cpus = cpus > 0 ? (unsigned int)cpus : 1;
    facts->memory_bytes = memory > 0 ? (unsigned long long)memory : 0;
}

static int read_info(uid_t socket_owner, struct engine_facts *facts, struct error *err)
{
    static const char *const arguments[] = {"info", "--format", "{{json .}}", NULL};
    json_t *info = NULL;
    int status = ask(arguments, &info, err);
    if (status < 0)
        return status;
    read_facts(info, socket_owner, facts);
    json_decref(info);
    if (!facts->has_seccomp)
        return error_set(
            err, EINVAL,
            "the Docker engine was built or started without seccomp, which a session needs: "
            "install an engine that has it");
    return 0;
}

int engine_detect(struct engine_facts *facts, struct error *err)
{
    struct engine_facts found = {.client = ""};
    uid_t socket_owner = 0;
    int status = find_client(found.client, err);
    if (status == 0)
        status = refuse_remote(&found, &socket_owner, err);
    /* Podman's docker command answers nothing about contexts; its version tells what it is. */
    if (status == -EPROTO && read_versions(&found, err) < 0)
        return -EINVAL;
    if (status == 0)
        status = read_versions(&found, err);
    if (status == 0)
        status = read_info(socket_owner, &found, err);
    if (status == 0)
        status = engine_choose(found.host, err);
    if (status == 0)
        *facts = found;
    return status;
}

int engine_check_sockets(const struct engine_facts *facts, struct error *err)
{
    struct utsname own;
    if (uname(&own) < 0 || facts->kernel_version[0] == '\0' ||
        strcmp(own.release, facts->kernel_version) == 0)
        return 0;
    return error_set(
        err, EINVAL,
        "the engine's containers run on another kernel (%s, and here %s), as in a "
        "virtual machine, and reach no socket of this one: start with --broker sidecar",
        facts->kernel_version, own.release);
}
