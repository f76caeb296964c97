/* Packs what the agent leaves behind. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/agent-data/agent_data.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/pack/limits.h"

/* What was brought in, owned by the caller; NULL: nothing, or the agent made something else of the
 * list, and then all is new. */
static struct pack_manifest *recall(const struct agent_data *data)
{
    struct pack_manifest *known = NULL;
    cleanup_free char *text = NULL;
    char name[PACK_SESSION_SIZE + 8];
    size_t size = 0;
    snprintf(name, sizeof(name), "%s.json", data->label.session);
    if (fd_read_file(data->data, name, PACK_MANIFEST_BYTES_MAX, &text, &size, NULL) < 0)
        return NULL;
    return pack_manifest_parse(text, size, &known, NULL) < 0 ? NULL : known;
}

static int write_archive(const struct agent_data *data, char *const *paths,
                         struct agent_data_report *report, struct error *err)
{
    char name[PACK_SESSION_SIZE + 8];
    struct stat status;
    struct pack_label label = data->label;
    const struct pack_source source = {
        .root = data->home, .paths = paths, .label = &label, .key = data->key};
    label.direction = PACK_EXPORT;
    snprintf(name, sizeof(name), "%s.tar", label.session);
    /* Whatever the agent put there would take the archive's room. */
    int result = path_empty(data->exports, err);
    if (result < 0)
        return result;
    cleanup_fd int fd =
        openat(data->exports, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, errno, "make the archive");
    result = pack_write(fd, &source, err);
    if (result == 0 && fstat(fd, &status) < 0)
        result = error_set(err, errno, "look at the archive");
    report->bytes = result == 0 ? (uint64_t)status.st_size : 0;
    if (result == 0 && report->bytes > data->most)
        return error_set(err, E2BIG, "the archive");
    return result;
}

int agent_data_pack(const struct agent_data *data, struct agent_data_report *report,
                    struct error *err)
{
    struct pack_manifest *known = recall(data);
    const struct pack_filter filter = {
        .places = &data->places, .known = known, .most = data->most, .without_linked = true};
    char **paths = NULL;
    *report = (struct agent_data_report){.files = 0};
    int result = pack_list(data->home, &filter, &paths, &report->left_out, err);
    pack_manifest_free(known);
    if (result < 0)
        return result;
    while (paths[report->files] != NULL)
        report->files++;
    if (report->files > 0)
        result = write_archive(data, paths, report, err);
    pack_list_free(paths);
    return result;
}
