/* Translates uids of the host into those of a container. */
#include "lib/host/uid_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

#define TEXT_MAX 4096

static int parse_number(const char **text, uid_t *number)
{
    char *end = NULL;
    errno = 0;
    unsigned long value = strtoul(*text, &end, 10);
    if (errno != 0 || end == *text || value > UINT32_MAX)
        return -EPROTO;
    *number = (uid_t)value;
    *text = end;
    return 0;
}

int uid_map_parse(const char *text, struct uid_map *map)
{
    *map = (struct uid_map){.count = 0};
    while (*text != '\0') {
        if (map->count == UID_MAP_ROWS_MAX ||
            parse_number(&text, &map->rows[map->count].inside) < 0 ||
            parse_number(&text, &map->rows[map->count].outside) < 0 ||
            parse_number(&text, &map->rows[map->count].count) < 0 || *text != '\n')
            return -EPROTO;
        map->count++;
        text++;
    }
    return map->count > 0 ? 0 : -EPROTO;
}

int uid_map_read(pid_t pid, struct uid_map *map, struct error *err)
{
    char path[64];
    char text[TEXT_MAX];
    snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t count = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (count < 0)
        return error_set(err, errno, "read '%s'", path);
    text[count] = '\0';
    return uid_map_parse(text, map) < 0 ? error_set(err, EPROTO, "'%s' is no map of uids", path)
                                        : 0;
}

uid_t uid_map_inside(const struct uid_map *map, uid_t outside)
{
    for (size_t i = 0; i < map->count; i++) {
        if (outside >= map->rows[i].outside && outside - map->rows[i].outside < map->rows[i].count)
            return map->rows[i].inside + (outside - map->rows[i].outside);
    }
    return UID_MAP_NOBODY;
}
