/* Fuzzes what a session's sidecar says to the host: frames in any order, to connections that are
 * there and that are not, whose other ends are read now and then. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mux.h"
#include "tests/fuzz/fuzz.h"

#define SERVED 64

static const struct mux_service services[MUX_SERVICES] = {
    {SOCK_SEQPACKET, 4}, {SOCK_STREAM, 4}, {0, 0}, {SOCK_SEQPACKET, 1}};
static int served[SERVED];
static size_t served_count;

static int open_connection(void *context, unsigned int service, const struct mux_caller *caller)
{
    int ends[2];
    (void)context;
    fuzz_require(service < MUX_SERVICES && services[service].type != 0);
    fuzz_require(caller->uid != UINT32_MAX);
    if (caller->uid == 13 || served_count == SERVED ||
        socketpair(AF_UNIX, services[service].type | SOCK_NONBLOCK, 0, ends) < 0)
        return -ECONNREFUSED;
    served[served_count++] = ends[1];
    return ends[0];
}

static void check(const struct mux *mux)
{
    unsigned int counts[MUX_SERVICES] = {0};
    for (size_t i = 0; i < MUX_CONNECTIONS; i++) {
        const struct mux_connection *connection = &mux->connections[i];
        if (!connection->is_used)
            continue;
        counts[connection->service]++;
        fuzz_require(connection->used <= MUX_WINDOW && connection->owed <= connection->used);
        fuzz_require(connection->credit <= MUX_WINDOW);
        fuzz_require(connection->pending_start <= connection->pending_end &&
                     connection->pending_end <= MUX_WINDOW);
    }
    for (size_t i = 0; i < MUX_SERVICES; i++)
        fuzz_require(counts[i] == mux->counts[i] && counts[i] <= services[i].most);
}

/* Who serves the last connection answers, reads or goes, as BYTE says. */
static void serve(uint8_t byte)
{
    static char data[1 << 16];
    int *fd = served_count == 0 ? NULL : &served[served_count - 1];
    if (fd == NULL || *fd < 0)
        return;
    if (byte % 4 == 0)
        (void)send(*fd, data, byte + 1u, MSG_DONTWAIT | MSG_NOSIGNAL);
    else if (byte % 4 == 1)
        (void)recv(*fd, data, sizeof(data), MSG_DONTWAIT);
    else if (byte % 4 == 2)
        shutdown(*fd, SHUT_WR);
    else
        cleanup_close(fd);
}

/* A byte between parts says what happens on the host, and how long the next part is. */
static void play(struct mux *mux, const uint8_t *data, size_t size)
{
    int result = 0;
    while (result == 0 && size > 1) {
        size_t part = (size_t)data[1] + 1 < size - 1 ? data[1] : size - 2;
        serve(data[0]);
        result = mux_feed(mux, data + 2, part);
        fuzz_require(result == 0 || (result == -EPROTO && mux->reason.message[0] != '\0'));
        check(mux);
        if (result == 0)
            result = mux_run_once(mux, 0);
        data += part + 2;
        size -= part + 2;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mux mux;
    static char heard[1 << 16];
    int input[2];
    int output[2];
    memset(&mux, 0, offsetof(struct mux, input));
    served_count = 0;
    fuzz_require(pipe2(input, O_NONBLOCK) == 0 && pipe2(output, O_NONBLOCK) == 0);
    const struct mux_plan plan = {
        .input = input[0], .output = output[1], .services = services, .open = open_connection};
    fuzz_require(mux_open(&mux, &plan) == 0);
    play(&mux, data, size);
    while (read(output[0], heard, sizeof(heard)) > 0)
        ;
    mux_close(&mux);
    for (size_t i = 0; i < served_count; i++)
        cleanup_close(&served[i]);
    for (size_t i = 0; i < 2; i++) {
        close(input[i]);
        close(output[i]);
    }
    return 0;
}
