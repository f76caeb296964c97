/* The manifest as tables, shared by reading, writing and releasing it. */
#ifndef WIRE_MANIFEST_FIELDS_H
#define WIRE_MANIFEST_FIELDS_H

#include "lib/wire/manifest.h"
#include "lib/wire/record.h"

extern const struct record_field manifest_fields[];

/* The keys of "source": an object of its own in the document, the same structure here. */
extern const struct record_field manifest_source_fields[];
extern const struct record_field manifest_git_fields[];

/* What single fields cannot say: how the git directories, the source and the branch fit together. 0
 * or -EPROTO. */
int manifest_check_whole(const struct manifest *manifest, struct error *err);

#endif
