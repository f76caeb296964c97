/* Lays the data of earlier sessions into the agent's home. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/agent-data/agent_data.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#define COPY_BYTES (128 * 1024)

static int find_key(const struct pack_label *label, unsigned char key[PACK_KEY_BYTES],
                    void *context, struct error *err)
{
    const struct agent_data *data = context;
    if (label->direction != PACK_IMPORT || strcmp(label->agent, data->label.agent) != 0 ||
        strcmp(label->session, data->label.session) != 0)
        return error_set(err, EPROTO, "it is not for session %s of '%s'", data->label.session,
                         data->label.agent);
    memcpy(key, data->key, PACK_KEY_BYTES);
    return 0;
}

static int copy_bytes(int from, int to)
{
    static char bytes[COPY_BYTES];
    for (;;) {
        ssize_t count = read(from, bytes, sizeof(bytes));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count < 0 ? -errno : 0;
        int result = fd_write_all(to, bytes, (size_t)count);
        if (result < 0)
            return result;
    }
}

/* A copy of FROM under NAME in the home, which is no place of anything: who ends us in the middle
 * leaves half of a file there at most. */
static int copy(const struct agent_data *data, int from, const char *name,
                const struct pack_entry *entry, struct error *err)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = entry->modified}};
    if (unlinkat(data->home, name, 0) < 0 && errno != ENOENT)
        return error_set(err, errno, "remove '%s'", name);
    cleanup_fd int to =
        openat(data->home, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return error_set(err, errno, "make '%s'", name);
    int result = copy_bytes(from, to);
    if (result == 0 && futimens(to, times) < 0)
        result = -errno;
    return result < 0 ? error_set(err, -result, "write '%s'", entry->path) : 0;
}

/* Nothing that is there already is touched. */
static int lay_file(const struct agent_data *data, int staging, const struct pack_entry *entry,
                    struct error *err)
{
    const char *slash = strrchr(entry->path, '/');
    const char *name = slash == NULL ? entry->path : slash + 1;
    char half[PACK_SESSION_SIZE + 16];
    snprintf(half, sizeof(half), ".agent-data.%s", data->label.session);
    cleanup_fd int parent = path_open_parent(data->home, entry->path);
    cleanup_fd int from = path_open_beneath(staging, entry->path, O_RDONLY, 0);
    if (parent < 0 || from < 0)
        return error_set(err, parent < 0 ? -parent : -from, "open the place of '%s'", entry->path);
    int result = copy(data, from, half, entry, err);
    if (result == 0 && renameat2(data->home, half, parent, name, RENAME_NOREPLACE) < 0)
        result = error_set(err, errno, "make '%s'", entry->path);
    if (result < 0) {
        (void)unlinkat(data->home, half, 0);
        return result;
    }
    /* It lies in memory: one copy is enough. */
    (void)unlinkat(staging, entry->path, 0);
    return 0;
}

static void take_back(const struct agent_data *data, const struct pack_manifest *manifest,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (pack_places_have(&data->places, manifest->entries[i].path))
            (void)unlinkat(data->home, manifest->entries[i].path, 0);
    }
}

static int lay_all(const struct agent_data *data, int staging, const struct pack_manifest *manifest,
                   struct agent_data_report *report, struct error *err)
{
    for (size_t i = 0; i < manifest->count; i++) {
        const struct pack_entry *entry = &manifest->entries[i];
        if (!pack_places_have(&data->places, entry->path)) {
            report->left_out++;
            continue;
        }
        int result = lay_file(data, staging, entry, err);
        if (result < 0) {
            take_back(data, manifest, i);
            return result;
        }
        report->files++;
        report->bytes += entry->size;
    }
    return 0;
}

/* What is brought in, so that what stays as it is need not go back. Before any of it: without the
 * list all would be new. */
static int remember(const struct agent_data *data, const char *name,
                    const struct pack_manifest *manifest, struct error *err)
{
    cleanup_free char *text = NULL;
    size_t size = 0;
    int result = pack_manifest_render(manifest, &text, &size, err);
    return result < 0 ? result : fd_write_file(data->data, name, text, size, 0600, err);
}

static int lay(const struct agent_data *data, int fd, int staging, struct agent_data_report *report,
               struct error *err)
{
    struct pack_manifest *manifest = NULL;
    char name[PACK_SESSION_SIZE + 8];
    const struct pack_reader reader = {
        .find_key = find_key, .context = (void *)(uintptr_t)data, .staging = staging};
    int result = pack_read(fd, &reader, &manifest, err);
    if (result < 0)
        return result;
    snprintf(name, sizeof(name), "%s.json", data->label.session);
    result = remember(data, name, manifest, err);
    if (result == 0) {
        result = lay_all(data, staging, manifest, report, err);
        if (result < 0)
            (void)unlinkat(data->data, name, 0);
    }
    memcpy(report->manifest, manifest->sha256, sizeof(report->manifest));
    pack_manifest_free(manifest);
    return result;
}

int agent_data_lay(const struct agent_data *data, int fd, struct agent_data_report *report,
                   struct error *err)
{
    const char *session = data->label.session;
    *report = (struct agent_data_report){.files = 0};
    int result = path_remove_tree(data->data, session, err);
    if (result < 0)
        return result;
    if (mkdirat(data->data, session, 0700) < 0)
        return error_set(err, errno, "make a directory for what comes in");
    cleanup_fd int staging = path_open_beneath(data->data, session, O_RDONLY | O_DIRECTORY, 0);
    result = staging < 0 ? error_set(err, -staging, "open the directory for what comes in")
                         : lay(data, fd, staging, report, err);
    (void)path_remove_tree(data->data, session, NULL);
    return result;
}
