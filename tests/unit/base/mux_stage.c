/* Both ends of a mux in one process. */
#include "tests/unit/base/mux_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/unix_socket.h"

static const struct mux_service services[MUX_SERVICES] = {
    [PACKETS] = {SOCK_SEQPACKET, MOST},
    [STREAM] = {SOCK_STREAM, MOST},
};

static int open_connection(void *context, unsigned int service, const struct mux_caller *caller)
{
    struct stage *stage = context;
    int ends[2];
    if (stage->refuses)
        return -ECONNREFUSED;
    assert_int_equal(
        socketpair(AF_UNIX, services[service].type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    stage->callers[stage->count] = *caller;
    stage->served[stage->count++] = ends[1];
    return ends[0];
}

int stage_set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof(*stage));
    stage->near = calloc(1, sizeof(*stage->near));
    stage->far = calloc(1, sizeof(*stage->far));
    snprintf(stage->directory, sizeof(stage->directory), "/tmp/test-mux-XXXXXX");
    assert_non_null(mkdtemp(stage->directory));
    assert_int_equal(chdir(stage->directory), 0);
    assert_int_equal(pipe2(stage->up, O_NONBLOCK | O_CLOEXEC), 0);
    assert_int_equal(pipe2(stage->down, O_NONBLOCK | O_CLOEXEC), 0);
    const struct mux_plan near = {
        .input = stage->down[0], .output = stage->up[1], .services = services};
    const struct mux_plan far = {.input = stage->up[0],
                                 .output = stage->down[1],
                                 .services = services,
                                 .open = open_connection,
                                 .context = stage};
    assert_int_equal(mux_open(stage->near, &near), 0);
    assert_int_equal(mux_open(stage->far, &far), 0);
    int packets = unix_socket_listen("packets", 0600, 128);
    int stream = unix_socket_listen_stream("stream", 0600, 128);
    assert_true(packets >= 0 && stream >= 0);
    assert_int_equal(mux_listen(stage->near, PACKETS, packets), 0);
    assert_int_equal(mux_listen(stage->near, STREAM, stream), 0);
    mux_say_ready(stage->near);
    *state = stage;
    return 0;
}

int stage_tear_down(void **state)
{
    struct stage *stage = *state;
    mux_close(stage->near);
    mux_close(stage->far);
    for (size_t i = 0; i < stage->count; i++)
        cleanup_close(&stage->served[i]);
    for (size_t i = 0; i < 2; i++) {
        cleanup_close(&stage->up[i]);
        cleanup_close(&stage->down[i]);
    }
    unlink("packets");
    unlink("stream");
    assert_int_equal(chdir("/"), 0);
    rmdir(stage->directory);
    free(stage->near);
    free(stage->far);
    free(stage);
    return 0;
}

void stage_turn(struct stage *stage, int count)
{
    while (count-- > 0) {
        assert_int_equal(mux_run_once(stage->near, 0), 0);
        assert_int_equal(mux_run_once(stage->far, 0), 0);
    }
}

int stage_call(unsigned int service)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, services[service].type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), service == STREAM ? "stream" : "packets");
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        cleanup_close(&fd);
    return fd;
}

int stage_connect(struct stage *stage, unsigned int service, int *served)
{
    size_t before = stage->count;
    int fd = stage_call(service);
    assert_true(fd >= 0);
    for (int i = 0; i < ROUNDS && stage->count == before; i++)
        stage_turn(stage, 1);
    assert_int_equal(stage->count, before + 1);
    *served = stage->served[before];
    return fd;
}

ssize_t stage_hear(struct stage *stage, int to, char *data, size_t room)
{
    ssize_t count = -1;
    for (int i = 0; i < ROUNDS && count < 0; i++) {
        stage_turn(stage, 1);
        count = recv(to, data, room, MSG_DONTWAIT);
        assert_true(count >= 0 || errno == EAGAIN);
    }
    assert_true(count >= 0);
    return count;
}
