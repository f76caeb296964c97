/* The relay of the container: bytes both ways, and to the last one, however either side ends. */
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/unix_socket.h"
#include "stubs/agent-git-relay/relay.h"

#define SOCKET "proxy.sock"
#define MUCH ((size_t)8 * 1024 * 1024)
#define LITTLE 4096
#define PATIENCE_S 60

struct stage {
    char directory[64];
    struct sockaddr_in address; /* of the relay */
    int proxy;                  /* where the relay connects to */
    pid_t relay;
};

static void run_relay(int listener)
{
    static struct relay relay = {.socket = SOCKET};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    relay.listener = listener;
    (void)relay_run(&relay);
    _exit(1);
}

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof(*stage));
    socklen_t size = sizeof(stage->address);
    assert_non_null(stage);
    snprintf(stage->directory, sizeof(stage->directory), "/tmp/test-relay-XXXXXX");
    assert_non_null(mkdtemp(stage->directory));
    assert_int_equal(chdir(stage->directory), 0);
    stage->proxy = unix_socket_listen(SOCKET, 0600, 4);
    assert_true(stage->proxy >= 0);
    /* It accepts when something comes, as it does not wait. */
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    stage->address.sin_family = AF_INET;
    stage->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener, (struct sockaddr *)&stage->address, size), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&stage->address, &size), 0);
    stage->relay = fork();
    if (stage->relay == 0)
        run_relay(listener);
    close(listener);
    *state = stage;
    alarm(PATIENCE_S);
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    alarm(0);
    kill(stage->relay, SIGKILL);
    waitpid(stage->relay, NULL, 0);
    close(stage->proxy);
    unlink(SOCKET);
    assert_int_equal(chdir("/"), 0);
    rmdir(stage->directory);
    free(stage);
    return 0;
}

/* A command's connection; it has little room for what it does not read. */
static int call(const struct stage *stage)
{
    const int little = LITTLE;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little)), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&stage->address, sizeof(stage->address)),
                     0);
    return fd;
}

/* The other end of a connection. */
static int answer(const struct stage *stage)
{
    int fd = -1;
    while (fd < 0)
        fd = accept(stage->proxy, NULL, NULL);
    return fd;
}

static void say(int fd, size_t size)
{
    static char block[64 * 1024];
    memset(block, 'x', sizeof(block));
    while (size > 0) {
        ssize_t count = send(fd, block, size < sizeof(block) ? size : sizeof(block), MSG_NOSIGNAL);
        assert_true(count > 0);
        size -= (size_t)count;
    }
}

/* Everything until the end. */
static size_t hear_out(int fd)
{
    static char block[64 * 1024];
    size_t total = 0;
    ssize_t count;
    while ((count = recv(fd, block, sizeof(block), 0)) > 0)
        total += (size_t)count;
    return total;
}

static void hands_bytes_both_ways(void **state)
{
    int command = call(*state);
    int proxy = answer(*state);
    char text[4] = "";
    say(command, 3);
    assert_int_equal(recv(proxy, text, 3, MSG_WAITALL), 3);
    say(proxy, 3);
    assert_int_equal(recv(command, text, 3, MSG_WAITALL), 3);
    assert_string_equal(text, "xxx");
    shutdown(command, SHUT_WR);
    assert_int_equal(hear_out(proxy), 0);
    say(proxy, LITTLE);
    close(proxy);
    assert_int_equal(hear_out(command), LITTLE);
    close(command);
}

/* The command reads nothing before the proxy has gone. */
static void gives_all_that_was_said_before_an_end(void **state)
{
    int command = call(*state);
    int proxy = answer(*state);
    pid_t speaker = fork();
    if (speaker == 0) {
        close(command);
        say(proxy, MUCH);
        _exit(0);
    }
    close(proxy);
    /* It could not end while nobody reads at all: read until what is left fits in between. */
    char block[LITTLE];
    size_t total = 0;
    while (waitpid(speaker, NULL, WNOHANG) == 0) {
        ssize_t count = recv(command, block, sizeof(block), 0);
        assert_true(count > 0);
        total += (size_t)count;
    }
    usleep(200000); /* the relay hears of the end while it has bytes left */
    assert_int_equal(total + hear_out(command), MUCH);
    close(command);
}

/* An answer that comes before the question is over: the rest is for nobody. */
static void gives_the_answer_to_who_is_still_asking(void **state)
{
    int command = call(*state);
    int proxy = answer(*state);
    say(command, LITTLE);
    say(proxy, LITTLE);
    close(proxy);
    assert_int_equal(hear_out(command), LITTLE);
    close(command);
}

static void has_room_again_after_each(void **state)
{
    for (size_t i = 0; i < 3 * (size_t)RELAY_PAIRS; i++) {
        int command = call(*state);
        int proxy = answer(*state);
        close(i % 2 == 0 ? command : proxy);
        assert_int_equal(hear_out(i % 2 == 0 ? proxy : command), 0);
        close(i % 2 == 0 ? proxy : command);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hands_bytes_both_ways, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gives_all_that_was_said_before_an_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gives_the_answer_to_who_is_still_asking, set_up, tear_down),
        cmocka_unit_test_setup_teardown(has_room_again_after_each, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
