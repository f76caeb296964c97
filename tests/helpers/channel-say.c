/*
 * Says hello on a root channel as ROLE and sends one event: `channel-say SOCKET SESSION ROLE JSON`;
 * with a fifth argument a frame of that type, with a sixth so many of it.
 * Prints "flushed" when the keeper has it on disk, "refused" when it hung up.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/wire/channel_frame.h"

static void send_frame(int fd, unsigned int type, const void *payload, size_t size)
{
    char frame[4096];
    const struct channel_header header = {.magic = CHANNEL_MAGIC,
                                          .version = CHANNEL_VERSION,
                                          .type = (uint16_t)type,
                                          .length = (uint32_t)size};
    if (size > sizeof(frame) - sizeof(header))
        exit(2);
    memcpy(frame, &header, sizeof(header));
    if (size > 0)
        memcpy(frame + sizeof(header), payload, size);
    (void)send(fd, frame, sizeof(header) + size, MSG_NOSIGNAL);
}

static int await(int fd, unsigned int type)
{
    char frame[4096];
    struct channel_header header;
    ssize_t count = recv(fd, frame, sizeof(frame), 0);
    if (count < (ssize_t)sizeof(header))
        return 0;
    memcpy(&header, frame, sizeof(header));
    return header.type == type;
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct channel_hello hello = {.version = CHANNEL_VERSION};
    if (argc < 5 || argc > 7 || strlen(argv[1]) >= sizeof(address.sun_path) ||
        strlen(argv[2]) >= sizeof(hello.session))
        return 2;
    memcpy(address.sun_path, argv[1], strlen(argv[1]) + 1);
    memcpy(hello.session, argv[2], strlen(argv[2]) + 1);
    hello.role = (uint32_t)strtoul(argv[3], NULL, 10);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        perror("connect");
        return 1;
    }
    send_frame(fd, CHANNEL_HELLO, &hello, sizeof(hello));
    if (!await(fd, CHANNEL_HELLO_REPLY)) {
        puts("refused");
        return 1;
    }
    unsigned int type = argc >= 6 ? (unsigned int)strtoul(argv[5], NULL, 10) : CHANNEL_EVENT;
    unsigned long count = argc == 7 ? strtoul(argv[6], NULL, 10) : 1;
    for (unsigned long i = 0; i < count; i++)
        send_frame(fd, type, argv[4], strlen(argv[4]));
    send_frame(fd, CHANNEL_FLUSH, NULL, 0);
    if (!await(fd, CHANNEL_FLUSHED))
        return 1;
    puts("flushed");
    return 0;
}
