/* Makes, writes and reads the files of an interactive session. */
#include "sandbox/agentcli-exec/places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "sandbox/attach/frame.h"

/* The kernel's own bound for argv and environment together is 6 MiB (execve(2)). */
#define COMMAND_SIZE_MAX (6 * 1024 * 1024)
#define STATUS_SIZE_MAX 32
#define BACKLOG 16

int places_make_directory(const struct user *user, struct error *err)
{
    struct stat status;

    if (mkdir(PLACE_DIRECTORY, 0700) == 0) {
        if (chown(PLACE_DIRECTORY, user->uid, user->gid) == 0)
            return 0;
        error_set(err, errno, "give '%s' to '%s'", PLACE_DIRECTORY, user->name);
        rmdir(PLACE_DIRECTORY);
        return -err->number;
    }
    if (errno != EEXIST || lstat(PLACE_DIRECTORY, &status) < 0)
        return error_set(err, errno, "make '%s'", PLACE_DIRECTORY);
    if (!S_ISDIR(status.st_mode) || status.st_uid != user->uid || (status.st_mode & 077) != 0)
        return error_set(err, EPROTO, "'%s' is there and is not a private directory of '%s'",
                         PLACE_DIRECTORY, user->name);
    return 0;
}

static struct sockaddr_un socket_address(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    return address;
}

static int listen_at(const char *path, int type, mode_t mask, struct error *err)
{
    const struct sockaddr_un address = socket_address(path);
    cleanup_fd int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t saved_mask;
    int result;

    if (fd < 0)
        return error_set(err, errno, "make a socket");
    unlink(path);
    saved_mask = umask(mask);
    result = bind(fd, (const struct sockaddr *)&address, sizeof(address));
    umask(saved_mask);
    if (result < 0 || listen(fd, BACKLOG) < 0)
        return error_set(err, errno, "listen at '%s'", path);
    return steal_fd(&fd);
}

int places_listen_attach(struct error *err)
{
    if (mkdir(ATTACH_DIRECTORY, 0755) < 0 && errno != EEXIST)
        return error_set(err, errno, "make '%s'", ATTACH_DIRECTORY);
    return listen_at(ATTACH_SOCKET, SOCK_STREAM, 0, err);
}

void places_clean_tmux(void)
{
    unlink(PLACE_TMUX_SOCKET);
}

void places_clean_status(void)
{
    unlink(PLACE_STATUS);
}

int places_listen_pane(struct error *err)
{
    return listen_at(PLACE_PANE_SOCKET, SOCK_SEQPACKET, 0077, err);
}

int places_connect_pane(struct error *err)
{
    const struct sockaddr_un address = socket_address(PLACE_PANE_SOCKET);
    cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return error_set(err, errno, "connect to '%s'", PLACE_PANE_SOCKET);
    return steal_fd(&fd);
}

int places_write_command(char *const *command, struct error *err)
{
    cleanup_free char *text = NULL;
    size_t size = 0;
    size_t at = 0;

    for (size_t i = 0; command[i] != NULL; i++)
        size += strlen(command[i]) + 1;
    if (size > COMMAND_SIZE_MAX)
        return error_set(err, E2BIG, "write '%s'", PLACE_COMMAND);
    text = malloc(size);
    if (text == NULL)
        return error_set(err, ENOMEM, "write '%s'", PLACE_COMMAND);
    for (size_t i = 0; command[i] != NULL; i++) {
        size_t length = strlen(command[i]) + 1;

        memcpy(text + at, command[i], length);
        at += length;
    }
    return fd_write_file(AT_FDCWD, PLACE_COMMAND, text, size, 0600, err);
}

static size_t count_strings(const char *text, size_t size)
{
    size_t count = 0;

    for (size_t i = 0; i < size; i++)
        count += text[i] == '\0' ? 1 : 0;
    return count;
}

int places_read_command(char ***command, char **text, struct error *err)
{
    cleanup_free char *read = NULL;
    char **strings;
    size_t size = 0;
    size_t count;
    char *at;
    int result = fd_read_file(AT_FDCWD, PLACE_COMMAND, COMMAND_SIZE_MAX, &read, &size, err);

    if (result < 0)
        return result;
    count = count_strings(read, size);
    if (count == 0 || read[size - 1] != '\0')
        return error_set(err, EPROTO, "'%s' holds no command", PLACE_COMMAND);
    strings = calloc(count + 1, sizeof(*strings));
    if (strings == NULL)
        return error_set(err, ENOMEM, "read '%s'", PLACE_COMMAND);
    at = read;
    for (size_t i = 0; i < count; i++) {
        strings[i] = at;
        at += strlen(at) + 1;
    }
    *command = strings;
    *text = steal_pointer(&read);
    return 0;
}

int places_write_status(int wait_status, struct error *err)
{
    char text[STATUS_SIZE_MAX];
    int length = snprintf(text, sizeof(text), "%d\n", wait_status);

    return fd_write_file(AT_FDCWD, PLACE_STATUS, text, (size_t)length, 0600, err);
}

int places_read_status(int *wait_status, struct error *err)
{
    cleanup_free char *text = NULL;
    char *end = NULL;
    size_t size = 0;
    long value;
    int result = fd_read_file(AT_FDCWD, PLACE_STATUS, STATUS_SIZE_MAX, &text, &size, err);

    if (result < 0)
        return result;
    errno = 0;
    value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\n' || value < 0 || value > 0xffff)
        return error_set(err, EPROTO, "'%s' holds no wait status", PLACE_STATUS);
    *wait_status = (int)value;
    return 0;
}
