/* Puts a canary where secrets lie, and looks what is left of a session. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "tests/fault/tracer.h"

#define CANARY_FILE "canary"

static const char *const places[CANARIES_MAX] = {
    "/run/agent-secrets/shell",
    "/run/agent-data/shell",
    "/run/agent-data-export/shell",
};

/* As the owner would have: the directory's descriptor keeps the file system reachable for us. */
static int plant(const struct tracer *tracer, const char *place)
{
    char path[128];
    struct stat status;
    snprintf(path, sizeof(path), "/proc/%d/root%s", tracer->first, place);
    cleanup_fd int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return -1;
    cleanup_fd int file = openat(directory, CANARY_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || fd_write_all(file, tracer->canary, strlen(tracer->canary)) < 0 ||
        fstat(directory, &status) < 0 || fchown(file, status.st_uid, status.st_gid) < 0)
        return -1;
    return steal_fd(&directory);
}

/* The last thing that the step does which makes the places. */
static bool is_data_up(const struct tracer *tracer)
{
    char path[64];
    struct stat status;
    snprintf(path, sizeof(path), "/proc/%d/root/run/agent-tmux", tracer->first);
    return stat(path, &status) == 0 && status.st_uid != 0;
}

void canary_plant(struct tracer *tracer)
{
    if (tracer->canaries[0] >= 0 || !is_data_up(tracer))
        return;
    for (int i = 0; i < CANARIES_MAX; i++)
        tracer->canaries[i] = plant(tracer, places[i]);
}

int canary_count_reachable(const struct tracer *tracer)
{
    char path[128];
    int count = 0;
    for (int i = 0; i < CANARIES_MAX; i++) {
        snprintf(path, sizeof(path), "/proc/%d/root%s/" CANARY_FILE, tracer->first, places[i]);
        count += access(path, F_OK) == 0 ? 1 : 0;
    }
    return count;
}

int canary_count(const struct tracer *tracer, int *planted)
{
    int count = 0;
    *planted = 0;
    for (int i = 0; i < CANARIES_MAX; i++) {
        if (tracer->canaries[i] < 0)
            continue;
        ++*planted;
        count += faccessat(tracer->canaries[i], CANARY_FILE, F_OK, 0) == 0 ? 1 : 0;
    }
    return count;
}

static bool is_survivor(const struct tracer *tracer, const char *pid)
{
    char path[300];
    struct stat status;
    snprintf(path, sizeof(path), "/proc/%s/ns/pid", pid);
    return stat(path, &status) == 0 && status.st_ino == tracer->namespace_inode;
}

/* Keeps "(NAME) STATE" of a process: proc(5). False when it is dead: one that we trace is nobody
 * else's to reap until we have seen its end. */
static bool note_live(struct tracer *tracer, const char *pid)
{
    char path[300];
    char line[128] = "";
    snprintf(path, sizeof(path), "/proc/%s/stat", pid);
    cleanup_file FILE *file = fopen(path, "re");
    const char *name =
        file != NULL && fgets(line, sizeof(line), file) != NULL ? strchr(line, '(') : NULL;
    const char *end = name == NULL ? NULL : strrchr(line, ')');
    if (end == NULL || end[2] == 'Z' || end[2] == 'X')
        return false;
    snprintf(tracer->survivor, sizeof(tracer->survivor), "%.*s", (int)(end + 3 - name), name);
    return true;
}

int canary_count_survivors(struct tracer *tracer)
{
    cleanup_directory DIR *directory = opendir("/proc");
    int count = 0;
    struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        long pid = strtol(entry->d_name, NULL, 10);
        if (pid > 0 && pid != tracer->first && is_survivor(tracer, entry->d_name))
            count += note_live(tracer, entry->d_name) ? 1 : 0;
    }
    return count;
}
