/* Stands where agent-boot stands when inits are compared: hands agent-init five services, each the
 * program named by the last argument. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/wire/init_protocol.h"

#define SERVICES 5

static int send_service(const char *program, int number)
{
    static struct init_boot_message message;
    size_t size = strlen(program) + 1;
    message = (struct init_boot_message){
        .version = INIT_PROTOCOL_VERSION,
        .type = INIT_BOOT_SERVICE,
        .service = {.flags = number == 0 ? INIT_SERVICE_MAIN : INIT_SERVICE_RESTART,
                    .argument_count = 1,
                    .strings_size = (uint32_t)size},
    };
    if (size > sizeof(message.service.strings))
        return -1;
    snprintf(message.service.name, sizeof(message.service.name), "service-%d", number);
    memcpy(message.service.strings, program, size);
    size += offsetof(struct init_boot_message, service.strings);
    return send(INIT_BOOT_FD, &message, size, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
    const struct init_boot_message ready = {
        .version = INIT_PROTOCOL_VERSION, .type = INIT_BOOT_READY, .value = 8000};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--shutdown") == 0)
            return 0;
    }
    for (int i = 0; i < SERVICES; i++) {
        if (send_service(argv[argc - 1], i) < 0)
            return 1;
    }
    return send(INIT_BOOT_FD, &ready, offsetof(struct init_boot_message, service), MSG_NOSIGNAL) <
           0;
}
