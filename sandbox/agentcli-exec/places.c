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
#include "lib/base/unix_socket.h"

/* The kernel's own bound for argv and environment together is 6 MiB (execve(2)). */
#define COMMAND_SIZE_MAX (6 * 1024 * 1024)
#define STATUS_SIZE_MAX 32
#define AGAIN "again"
#define ONCE "once"
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
    unix_socket_refuse_descriptors(fd);
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

static char *join(const char *first, char *const *command, size_t *size)
{
    char *text;
    size_t at = strlen(first) + 1;

    *size = at;
    for (size_t i = 0; command[i] != NULL; i++)
        *size += strlen(command[i]) + 1;
    text = *size > COMMAND_SIZE_MAX ? NULL : malloc(*size);
    if (text == NULL)
        return NULL;
    memcpy(text, first, at);
    for (size_t i = 0; command[i] != NULL; i++) {
        size_t length = strlen(command[i]) + 1;

        memcpy(text + at, command[i], length);
        at += length;
    }
    return text;
}

int places_write_command(const struct user *user, bool is_persistent, char *const *command,
                         struct error *err)
{
    size_t size;
    cleanup_free char *text = join(is_persistent ? AGAIN : ONCE, command, &size);
    gid_t group = getegid();
    int result;

    if (text == NULL)
        return error_set(err, E2BIG, "write '%s'", PLACE_COMMAND);
    /* Nobody here may give a file away: it is made with the group that is to read it. */
    if (setegid(user->gid) < 0)
        return error_set(err, errno, "take the group of '%s'", user->name);
    result = fd_write_file(AT_FDCWD, PLACE_COMMAND, text, size, 0440, err);
    if (setegid(group) < 0)
        return error_set(err, errno, "take the group back");
    return result;
}

static size_t count_strings(const char *text, size_t size)
{
    size_t count = 0;

    for (size_t i = 0; i < size; i++)
        count += text[i] == '\0' ? 1 : 0;
    return count;
}

int places_read_command(struct place_command *command, struct error *err)
{
    cleanup_free char *read = NULL;
    size_t size = 0;
    size_t count;
    char *at;
    int result = fd_read_file(AT_FDCWD, PLACE_COMMAND, COMMAND_SIZE_MAX, &read, &size, err);

    if (result < 0)
        return result;
    count = count_strings(read, size);
    if (count < 2 || read[size - 1] != '\0')
        return error_set(err, EPROTO, "'%s' holds no command", PLACE_COMMAND);
    command->argv = calloc(count, sizeof(*command->argv));
    if (command->argv == NULL)
        return error_set(err, ENOMEM, "read '%s'", PLACE_COMMAND);
    command->is_persistent = strcmp(read, AGAIN) == 0;
    at = read + strlen(read) + 1;
    for (size_t i = 0; i + 1 < count; i++) {
        command->argv[i] = at;
        at += strlen(at) + 1;
    }
    command->text = steal_pointer(&read);
    return 0;
}

unsigned int places_count_ends(bool is_early)
{
    cleanup_free char *text = NULL;
    char number[STATUS_SIZE_MAX];
    size_t size = 0;
    unsigned int count = 1;

    if (!is_early) {
        unlink(PLACE_ENDS);
        return 0;
    }
    if (fd_read_file(AT_FDCWD, PLACE_ENDS, STATUS_SIZE_MAX, &text, &size, NULL) == 0)
        count += (unsigned int)strtoul(text, NULL, 10);
    snprintf(number, sizeof(number), "%u\n", count);
    (void)fd_write_file(AT_FDCWD, PLACE_ENDS, number, strlen(number), 0600, NULL);
    return count;
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
