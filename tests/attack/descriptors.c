/*
 * Sends who listens at a local socket descriptors that keep whoever closes them, in every way, and
 * stays until standard input ends, for they wait no longer than this lives.
 *     descriptors SOCKET [TIMES]       over connections of its own
 *     descriptors --fd NUMBER          over this one
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/unix_socket.h"
#include "tests/attack/linger.h"

static void say(const char *what, enum linger_way way, int result)
{
    printf("%s %s: %s\n", what, linger_names[way], result < 0 ? strerror(-result) : "sent");
}

/* The naive receiver is the proof that each way is one. */
static void try_naive(void)
{
    for (enum linger_way way = 0; way < LINGER_WAYS; way++)
        printf("naive %s: %s\n", linger_names[way],
               linger_stops_naive(way) ? "stands still" : "goes on");
}

/* Connections stay open: whoever is attacked closes them. */
static void attack_path(const char *path, unsigned long times)
{
    for (unsigned long i = 0; i < times; i++) {
        for (enum linger_way way = 0; way < LINGER_WAYS; way++) {
            int fd = unix_socket_connect(path);
            say("attack", way, fd < 0 ? fd : linger_send(fd, way));
        }
    }
}

int main(int argc, char **argv)
{
    char byte;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 3 && strcmp(argv[1], "--fd") == 0) {
        for (enum linger_way way = 0; way < LINGER_WAYS; way++)
            say("attack", way, linger_send((int)strtol(argv[2], NULL, 10), way));
    } else if (argc == 2 || argc == 3) {
        try_naive();
        attack_path(argv[1], argc == 3 ? strtoul(argv[2], NULL, 10) : 1);
    } else {
        fputs("usage: descriptors SOCKET [TIMES] | --fd NUMBER\n", stderr);
        return 2;
    }
    puts("standing");
    while (read(STDIN_FILENO, &byte, 1) > 0 || errno == EINTR)
        continue;
    return 0;
}
