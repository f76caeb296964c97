/* Finds what the engine masks in /proc, and masks the same in another one. */
#include "sandbox/agent-task-sandbox/masks.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "lib/base/syscalls.h"

#define PROC "/proc/"

/* The engine's defaults; with `systempaths=unconfined` it leaves them to us. */
static const struct {
    const char *path;
    bool is_read_only;
} defaults[] = {
    {.path = "/proc/acpi"},
    {.path = "/proc/asound"},
    {.path = "/proc/kcore"},
    {.path = "/proc/keys"},
    {.path = "/proc/latency_stats"},
    {.path = "/proc/sched_debug"},
    {.path = "/proc/scsi"},
    {.path = "/proc/timer_list"},
    {.path = "/proc/timer_stats"},
    {.path = "/proc/bus", .is_read_only = true},
    {.path = "/proc/fs", .is_read_only = true},
    {.path = "/proc/irq", .is_read_only = true},
    {.path = "/proc/sys", .is_read_only = true},
    {.path = "/proc/sysrq-trigger", .is_read_only = true},
};

static bool is_known(const struct masks *masks, const char *path)
{
    for (size_t i = 0; i < masks->count; i++) {
        if (strcmp(masks->items[i].path, path) == 0)
            return true;
    }
    return false;
}

static int add(struct masks *masks, const char *path, bool is_read_only, struct error *err)
{
    struct mask *mask = &masks->items[masks->count];
    struct stat status;

    if (is_known(masks, path) || stat(path, &status) < 0)
        return 0;
    if (masks->count == MASKS_MAX || strlen(path) >= sizeof(mask->path))
        return error_set(err, E2BIG, "mask '%s'", path);
    *mask = (struct mask){.is_directory = S_ISDIR(status.st_mode), .is_read_only = is_read_only};
    memccpy(mask->path, path, '\0', sizeof(mask->path));
    masks->count++;
    return 0;
}

/* proc(5): id, parent, device, root, mount point, options..., "-", type, source, options. */
static int add_line(struct masks *masks, char *line, struct error *err)
{
    char *rest = line;
    const char *field[5] = {NULL};
    const char *type = strstr(line, " - ");

    for (size_t i = 0; i < ARRAY_LENGTH(field) && rest != NULL; i++)
        field[i] = strsep(&rest, " ");
    if (field[4] == NULL || type == NULL || strncmp(field[4], PROC, strlen(PROC)) != 0)
        return 0;
    return add(masks, field[4], strncmp(type + 3, "proc ", 5) == 0, err);
}

int masks_find(char *mountinfo, struct masks *masks, struct error *err)
{
    int result = 0;
    char *line;

    masks->count = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(defaults) && result == 0; i++)
        result = add(masks, defaults[i].path, defaults[i].is_read_only, err);
    while (result == 0 && (line = strsep(&mountinfo, "\n")) != NULL)
        result = add_line(masks, line, err);
    return result;
}

static int lay(const struct mask *mask)
{
    const struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                                     MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
    const char *source = mask->is_directory ? MASK_EMPTY : "/dev/null";

    if (mount(mask->is_read_only ? mask->path : source, mask->path, NULL, MS_BIND, NULL) < 0)
        return -errno;
    return mask->is_read_only ? sys_mount_setattr(AT_FDCWD, mask->path, 0, &read_only) : 0;
}

int masks_lay(const struct masks *masks, struct error *err)
{
    for (size_t i = 0; i < masks->count; i++) {
        int result = lay(&masks->items[i]);

        if (result < 0)
            return error_set(err, -result, "mask '%s'", masks->items[i].path);
    }
    return 0;
}
