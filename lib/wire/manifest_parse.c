/* Parses the session manifest strictly. */
#include <errno.h>
#include <stdlib.h>

#include "lib/wire/limits.h"
#include "lib/wire/manifest_fields.h"

static int parse(const char *text, size_t size, struct manifest *manifest, struct error *err)
{
    json_t *object = NULL;
    int result = record_parse(text, size, MANIFEST_VERSION, &object, err);
    if (result < 0)
        return result;
    result = record_read(manifest_fields, object, manifest, err);
    json_decref(object);
    return result < 0 ? result : manifest_check_whole(manifest, err);
}

int manifest_parse(const char *text, size_t size, struct manifest **manifest, struct error *err)
{
    if (size > LIMIT_MANIFEST_BYTES)
        return error_set(err, EPROTO, "manifest: larger than %d bytes", LIMIT_MANIFEST_BYTES);
    struct manifest *parsed = calloc(1, sizeof(*parsed));
    if (parsed == NULL)
        return error_set(err, ENOMEM, "manifest");
    int result = parse(text, size, parsed, err);
    if (result < 0) {
        manifest_free(parsed);
        error_prefix(err, "manifest");
        return result;
    }
    *manifest = parsed;
    return 0;
}
