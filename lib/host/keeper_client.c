/* Starts the session's keeper, records the start through it, and hears from it how the session
 * ended. */
#include "lib/host/keeper_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/process.h"
#include "lib/host/install_paths.h"
#include "lib/wire/audit.h"
#include "lib/wire/channel.h"
#include "lib/wire/manifest.h"
#include "lib/wire/record.h"

#define READY_MS 10000
/* The same with what a person may have to unlock for the broker: host-shim/keeper/secrets.c. */
#define STARTED_MS 130000
/* The keeper takes the network away after the container's end; the engine may be slow with it. */
#define END_MS 60000
/* The keeper reads a line whole, of up to 512 bytes. */
#define ADVICE_LINE_SIZE 480
#define ASSET_BYTES_MAX (16u * 1024 * 1024)

/* Files of the installation that decide what a session may do: their digests go on record. */
static const char *const assets[] = {
    "policies/seccomp/agent.json",
    "policies/capabilities.tab",
    "policies/engine-args.tab",
    "policies/agents.tab",
    "policies/agent-config.tab",
    "policies/agent-start.tab",
    "policies/refused-variables.tab",
    "policies/agent-data.tab",
    "images.lock",
};

/* Reads one line of the keeper's within TIMEOUT_MS, without its newline. 0, or -errno; -EINTR:
 * SIGNALS, a signalfd or -1, has one, which is left there. */
static int read_line(int fd, int signals, uint64_t timeout_ms, char *line, size_t size)
{
    uint64_t deadline = clock_monotonic_ns() + timeout_ms * CLOCK_NANOSECONDS_PER_MILLISECOND;
    size_t used = 0;
    while (used + 1 < size) {
        uint64_t now = clock_monotonic_ns();
        struct pollfd wait[] = {{.fd = fd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
        int left =
            now < deadline ? (int)((deadline - now) / CLOCK_NANOSECONDS_PER_MILLISECOND) + 1 : 0;
        int count = poll(wait, ARRAY_LENGTH(wait), left);
        if (count == 0)
            return -ETIMEDOUT;
        if (count > 0 && wait[0].revents == 0)
            return -EINTR;
        ssize_t got = count < 0 ? -1 : recv(fd, line + used, 1, MSG_DONTWAIT);
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return -errno;
        if (got == 0)
            return -EPIPE;
        if (got == 1 && line[used] == '\n')
            break;
        used += got > 0 ? (size_t)got : 0;
    }
    line[used] = '\0';
    return 0;
}

static int spawn(const struct keeper_client *client, uid_t container_root, int theirs,
                 struct error *err)
{
    char program[PATH_MAX];
    char fd_text[16];
    char uid_text[16];
    int status = install_path_libexec("coding-agents-keeper", program, err);
    if (status < 0)
        return status;
    snprintf(fd_text, sizeof(fd_text), "%d", theirs);
    snprintf(uid_text, sizeof(uid_text), "%u", (unsigned int)container_root);
    const char *argv[9] = {program,        "--session", client->session,
                           "--control-fd", fd_text,     "--container-root-uid",
                           uid_text};
    size_t count = 7;
    if (client->has_sidecar)
        argv[count++] = "--sidecar";
    if (client->is_without_data)
        argv[count++] = "--no-data";
    struct process_spec spec = {
        .argv = argv, .standard_input = -1, .standard_output = 2, .standard_error = 2};
    struct process_result result = {.output = NULL};
    /* What is started here detaches itself and leaves the keeper behind. */
    status = process_run(&spec, &result, err);
    process_result_free(&result);
    return status;
}

int keeper_client_start(struct keeper_client *client, uid_t container_root, struct error *err)
{
    int ends[2];
    char line[512] = "";
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return error_set(err, errno, "make a socket to the keeper");
    cleanup_fd int ours = ends[0];
    cleanup_fd int theirs = ends[1];
    fd_set_close_on_exec(theirs, false);
    int status = spawn(client, container_root, theirs, err);
    if (status < 0)
        return error_prefix(err, "start the keeper of the session");
    cleanup_close(&theirs);
    status = read_line(ours, client->signals, STARTED_MS, line, sizeof(line));
    if (status < 0)
        return error_set(err, -status, "the keeper of the session did not get ready");
    client->has_login = strcmp(line, "READY LOGIN") == 0;
    if (!client->has_login && strcmp(line, "READY") != 0)
        return error_set(err, EINVAL, "the keeper of the session could not start: %s",
                         strncmp(line, "FAILED ", 7) == 0 ? line + 7 : line);
    client->control = steal_fd(&ours);
    return 0;
}

static int tell(const struct keeper_client *client, const char *line)
{
    return send(client->control, line, strlen(line), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Behind the cause of the end of a vendor's agent that fails. */
static int advise(const struct keeper_client *client, const struct keeper_start *start,
                  struct error *err)
{
    char text[2 * AGENT_START_TEXT];
    char line[ADVICE_LINE_SIZE];
    agent_start_advise(start->agent_start, client->session, start->has_screen, text);
    if (text[0] == '\0')
        return 0;
    snprintf(line, sizeof(line), "ADVICE %.*s\n", (int)sizeof(line) - 10, text);
    int status = tell(client, line);
    return status < 0 ? error_set(err, -status, "the keeper of the session is gone") : 0;
}

int keeper_client_say_started(const struct keeper_client *client, struct error *err)
{
    int status = tell(client, "STARTED\n");
    return status < 0 ? error_set(err, -status, "the keeper of the session is gone") : 0;
}

void keeper_client_await_end(struct keeper_client *client)
{
    char line[512] = "";
    if (client->control < 0)
        return;
    (void)read_line(client->control, -1, END_MS, line, sizeof(line));
    cleanup_close(&client->control);
}

void keeper_client_watch_asks(const struct keeper_client *client)
{
    char program[PATH_MAX];
    pid_t pid;
    cleanup_fd int pidfd = -1;
    if (install_path_libexec("coding-agents-approvals", program, NULL) < 0)
        return;
    const char *const argv[] = {program, "--follow", "--brief", client->session, NULL};
    const struct process_spec spec = {.argv = argv,
                                      .standard_input = -1,
                                      .standard_output = STDERR_FILENO,
                                      .standard_error = -1,
                                      .prepare = process_end_with_parent};
    (void)process_start(&spec, &pid, &pidfd, NULL);
}

void keeper_client_abandon(struct keeper_client *client)
{
    if (client->control >= 0)
        (void)tell(client, "ABANDON the launcher could not start it\n");
    keeper_client_await_end(client);
}

static int digest_file(const char *path, char digest[MANIFEST_DIGEST_SIZE], struct error *err)
{
    cleanup_free char *data = NULL;
    size_t size;
    int status = fd_read_file(AT_FDCWD, path, ASSET_BYTES_MAX, &data, &size, err);
    if (status == 0)
        manifest_digest(data, size, digest);
    return status;
}

/* Sends one event; takes FIELDS. */
static int record(int channel, enum audit_event event, json_t *fields, struct error *err)
{
    int status = fields == NULL ? error_set(err, ENOMEM, "make an event")
                                : channel_send_event(channel, event, fields, err);
    json_decref(fields);
    return status;
}

static json_t *start_fields(const struct keeper_start *start)
{
    char digest[MANIFEST_DIGEST_SIZE];
    cleanup_string_list struct string_list joined = {.items = NULL};
    const char *text = string_list_add(&joined, "");
    for (size_t i = 0; i < start->argv->count && text != NULL; i++)
        text = string_list_format(&joined, "%s%s\n", text, start->argv->items[i]);
    if (text == NULL)
        return NULL;
    manifest_digest(text, strlen(text), digest);
    json_t *fields = json_pack("{s:s, s:s, s:s, s:s, s:s}", "agent", start->agent, "name",
                               start->name, "image", start->image->id, "argv_sha256", digest,
                               "manifest_sha256", start->manifest_sha256);
    if (fields != NULL && record_set_text(fields, "branch", start->branch) < 0) {
        json_decref(fields);
        return NULL;
    }
    return fields;
}

static int config_fields(const struct keeper_client *client, const struct keeper_start *start,
                         json_t **fields, struct error *err)
{
    char path[PATH_MAX];
    char digest[MANIFEST_DIGEST_SIZE];
    json_t *digests = json_object();
    int status = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(assets) && status == 0; i++) {
        status = install_path_share(assets[i], path, err);
        if (status == 0)
            status = digest_file(path, digest, err);
        if (status == 0 && json_object_set_new(digests, assets[i], json_string(digest)) < 0)
            status = error_set(err, ENOMEM, "record the digest of %s", assets[i]);
    }
    if (status == 0)
        status = digest_file("/proc/self/exe", digest, err);
    if (status < 0) {
        json_decref(digests);
        return status;
    }
    const struct repository_config *config = start->config;
    const char *found = config->digest[0] == '\0' ? NULL : config->digest;
    *fields =
        json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:s*}", "launcher_version", CODING_AGENTS_VERSION,
                  "launcher_sha256", digest, "image", start->image->id, "assets", digests, "broker",
                  client->has_sidecar ? "sidecar" : "socket", "repository_config",
                  repository_config_trust_name(config->trust), "repository_config_sha256", found);
    return 0;
}

static json_t *override_fields(const char *what)
{
    json_t *fields = json_object();
    if (fields != NULL && record_set_text(fields, "what", what) < 0) {
        json_decref(fields);
        return NULL;
    }
    return fields;
}

static int record_all(const struct keeper_client *client, const struct keeper_start *start,
                      int channel, struct error *err)
{
    const struct engine_facts *engine = start->engine;
    json_t *config = NULL;
    int status =
        record(channel, AUDIT_ENV_DETECT,
               json_pack("{s:s, s:s, s:s, s:b, s:s}", "kernel", engine->kernel_version, "engine",
                         engine->engine_version, "runc", engine->runc_version, "apparmor",
                         engine->has_apparmor, "cgroup", engine->cgroup_version),
               err);
    if (status == 0)
        status = config_fields(client, start, &config, err);
    if (status == 0)
        status = record(channel, AUDIT_SESSION_CONFIG, config, err);
    if (status == 0 && start->image->digest[0] != '\0')
        status = record(channel, AUDIT_INTEGRITY_CHECK,
                        json_pack("{s:s, s:s, s:s, s:s}", "subject", start->image->reference,
                                  "expected", start->image->digest, "found", start->image->digest,
                                  "outcome", "same"),
                        err);
    if (status == 0)
        status = record(channel, AUDIT_SESSION_START, start_fields(start), err);
    for (size_t i = 0; i < start->overrides->count && status == 0; i++)
        status =
            record(channel, AUDIT_OVERRIDE_USED, override_fields(start->overrides->items[i]), err);
    return status;
}

int keeper_client_record(const struct keeper_client *client, const struct keeper_start *start,
                         struct error *err)
{
    char path[PATH_MAX];
    if (path_format(path, "%s/root.sock", client->socket_directory) < 0)
        return error_set(err, ENAMETOOLONG, "the keeper's socket");
    cleanup_fd int channel =
        channel_connect(path, CHANNEL_ROLE_LAUNCHER, client->session, READY_MS, err);
    if (channel < 0)
        return channel;
    int status = record_all(client, start, channel, err);
    if (status == 0)
        status = channel_flush(channel, READY_MS, err);
    if (status == 0)
        status = advise(client, start, err);
    if (status < 0)
        error_prefix(err, "record the start of the session");
    return status;
}
