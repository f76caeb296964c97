/* Starts the sidecar, and hands what it says to who serves it on the host. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host-shim/sidecar/sidecar.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/process.h"
#include "lib/host/engine.h"
#include "lib/host/session_relay.h"

/* An engine that starts a container does so within seconds. */
#define READY_MS 60000
/* The container ends with its input, and the client with the container. */
#define CLIENT_END_MS 1500

static int open_connection(void *context, unsigned int service, const struct mux_caller *caller)
{
    struct sidecar *sidecar = context;
    int ends[2];
    if (socketpair(AF_UNIX, sidecar->services[service].type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                   ends) < 0)
        return -errno;
    cleanup_fd int ours = ends[0];
    cleanup_fd int theirs = ends[1];
    /* Nobody serves a check. */
    int result = sidecar->relays[service] < 0
                     ? -ECONNREFUSED
                     : session_relay_give(sidecar->relays[service], theirs, caller);
    return result < 0 ? result : steal_fd(&ours);
}

/* The keeper says nothing: what comes is its end, and with it the session's. */
static void on_keeper(void *context, uint32_t events)
{
    struct sidecar *sidecar = context;
    (void)events;
    sidecar->is_over = true;
}

static int open_mux(struct sidecar *sidecar, struct error *err)
{
    const struct mux_plan plan = {.input = sidecar->input,
                                  .output = sidecar->output,
                                  .services = sidecar->services,
                                  .open = open_connection,
                                  .context = sidecar};
    fd_set_nonblocking(sidecar->input, true);
    fd_set_nonblocking(sidecar->output, true);
    int result = mux_open(&sidecar->mux, &plan);
    if (result == 0 && sidecar->child.keeper >= 0) {
        result =
            event_loop_add(&sidecar->mux.loop, sidecar->child.keeper, EPOLLIN, on_keeper, sidecar);
        result = result < 0 ? result : 0;
    }
    return result < 0 ? error_set(err, -result, "make the event loop") : 0;
}

static int spawn(struct sidecar *sidecar, const struct string_list *argv, struct error *err)
{
    int up[2];
    int down[2];
    if (pipe2(up, O_CLOEXEC) < 0)
        return error_set(err, errno, "make a pipe to the sidecar");
    sidecar->input = up[0];
    cleanup_fd int their_output = up[1];
    if (pipe2(down, O_CLOEXEC) < 0)
        return error_set(err, errno, "make a pipe to the sidecar");
    sidecar->output = down[1];
    cleanup_fd int their_input = down[0];
    sidecar->words = memfd_create("sidecar", MFD_CLOEXEC);
    if (sidecar->words < 0)
        return error_set(err, errno, "make a file for the engine's words");
    const struct process_spec spec = {.argv = (const char *const *)argv->items,
                                      .standard_input = their_input,
                                      .standard_output = their_output,
                                      .standard_error = sidecar->words,
                                      .prepare = process_end_with_parent};
    return process_start(&spec, &sidecar->client, &sidecar->client_pidfd, err);
}

int serve_start(struct sidecar *sidecar, struct error *err)
{
    struct engine_facts engine;
    cleanup_string_list struct string_list argv = {.items = NULL};
    for (size_t i = 0; i < RELAY_SERVICE_COUNT; i++)
        sidecar->relays[i] = -1;
    for (size_t i = 0; i < sidecar->serve_count; i++) {
        unsigned int service = sidecar->serves[i];
        sidecar->services[service] = relay_services[service].service;
        if (i < sidecar->child.relay_count)
            sidecar->relays[service] = sidecar->child.relays[i];
    }
    int result = engine_detect(&engine, err);
    if (result == 0)
        result = plan_arguments(sidecar, engine.has_apparmor, &argv, err);
    if (result == 0)
        result = spawn(sidecar, &argv, err);
    return result < 0 ? result : open_mux(sidecar, err);
}

/* What the client and the relay had to say, at the end of WHAT. Always negative. */
static int fail(const struct sidecar *sidecar, int result, const char *what, struct error *err)
{
    char text[4096];
    char reason[512] = "";
    ssize_t count = pread(sidecar->words, text, sizeof(text) - 1, 0);
    if (count > 0) {
        text[count] = '\0';
        engine_reason(text, reason, sizeof(reason));
    }
    if (sidecar->mux.reason.message[0] != '\0')
        snprintf(reason, sizeof(reason), "%.400s", sidecar->mux.reason.message);
    error_set(err, EINVAL, "%s%s%s", what, reason[0] == '\0' ? "" : ": ", reason);
    return result == -ENOENT ? -EIO : result; /* -ENOENT: that there is nothing to do */
}

int serve_await_ready(struct sidecar *sidecar, struct error *err)
{
    uint64_t deadline = clock_monotonic_ns() + READY_MS * CLOCK_NANOSECONDS_PER_MILLISECOND;
    int result = 0;
    while (result == 0 && !sidecar->mux.is_ready && !sidecar->is_over) {
        uint64_t now = clock_monotonic_ns();
        result =
            now >= deadline
                ? -ETIMEDOUT
                : mux_run_once(&sidecar->mux,
                               (int)((deadline - now) / CLOCK_NANOSECONDS_PER_MILLISECOND) + 1);
    }
    if (sidecar->is_over && result == 0)
        result = -ECANCELED;
    return result < 0 ? fail(sidecar, result, "the broker's sidecar did not start", err) : 0;
}

int serve_run(struct sidecar *sidecar, struct error *err)
{
    int result = 0;
    while (result == 0 && !sidecar->is_over)
        result = mux_run_once(&sidecar->mux, -1);
    return result < 0 ? fail(sidecar, result, "the broker's sidecar has ended", err) : 0;
}

void serve_end(struct sidecar *sidecar)
{
    int status;
    /* Who serves is to hear of the end before each of its connections does. */
    for (size_t i = 0; i < sidecar->child.relay_count; i++)
        cleanup_close(&sidecar->child.relays[i]);
    if (sidecar->mux.plan.services != NULL)
        mux_close(&sidecar->mux);
    cleanup_close(&sidecar->output);
    cleanup_close(&sidecar->input);
    if (sidecar->client > 0)
        (void)process_wait(sidecar->client_pidfd, CLIENT_END_MS, &status);
    cleanup_close(&sidecar->client_pidfd);
    cleanup_close(&sidecar->words);
}
