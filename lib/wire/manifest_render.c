/* Renders the session manifest as canonical JSON, and refuses to render one that would not be
 * accepted. */
#include <errno.h>
#include <stdlib.h>

#include "lib/base/cleanup.h"
#include "lib/wire/manifest_fields.h"

int manifest_render(const struct manifest *manifest, char **text, size_t *size, struct error *err)
{
    json_t *object = NULL;
    cleanup_free char *rendered = NULL;
    size_t length = 0;
    int result = record_write(manifest_fields, manifest, &object, err);
    if (result == 0)
        result = record_render(object, MANIFEST_VERSION, &rendered, &length, err);
    if (result < 0) {
        error_prefix(err, "manifest");
        return result;
    }
    /* What agent-boot would refuse is refused here, before anything has started. */
    struct manifest *accepted = NULL;
    result = manifest_parse(rendered, length, &accepted, err);
    manifest_free(accepted);
    if (result < 0)
        return result;
    *text = steal_pointer(&rendered);
    *size = length;
    return 0;
}
