/* Reads the host's copy of a session's manifest. */
#include "lib/host/session_manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/wire/limits.h"
#include "lib/wire/session.h"

int session_manifest_load(const char *session, struct manifest **manifest, struct error *err)
{
    char directory[PATH_MAX];
    char path[PATH_MAX];
    cleanup_free char *text = NULL;
    size_t size = 0;
    int result = session_state_directory(session, directory, err);
    if (result == 0 && path_format(path, "%s/manifest.json", directory) < 0)
        result = error_set(err, ENAMETOOLONG, "the state directory");
    if (result == 0)
        result = fd_read_file(AT_FDCWD, path, LIMIT_MANIFEST_BYTES, &text, &size, err);
    return result < 0 ? result : manifest_parse(text, size, manifest, err);
}
