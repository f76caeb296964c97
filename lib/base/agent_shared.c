/* Reads the table of directories that an agent's program shares with its commands. */
#include "lib/base/agent_shared.h"

#include <errno.h>
#include <string.h>

#include "lib/base/path.h"
#include "lib/base/table_file.h"

struct reading {
    agent_shared_callback *callback;
    void *context;
};

static int take_row(const struct table_file_row *row, void *context, struct error *err)
{
    const struct reading *reading = context;
    struct agent_shared shared = {.agent = row->fields[0], .place = row->fields[2]};
    if (strchr(row->fields[1], '/') != NULL || row->fields[1][0] == '.' || shared.place[0] == '/' ||
        strstr(shared.place, "..") != NULL ||
        path_format(shared.directory, AGENT_SHARED_DIRECTORY "/%s", row->fields[1]) < 0)
        return error_set(err, EINVAL, "'%s' or '%s' is no name", row->fields[1], shared.place);
    return reading->callback(&shared, reading->context, err);
}

int agent_shared_read(const char *path, agent_shared_callback *callback, void *context,
                      struct error *err)
{
    struct reading reading = {.callback = callback, .context = context};
    return table_file_read(path, 3, 3, take_row, &reading, err);
}
