/* What the launcher decided for a session, as its state directory keeps it. */
#ifndef HOST_SESSION_MANIFEST_H
#define HOST_SESSION_MANIFEST_H

#include "lib/base/error.h"
#include "lib/wire/manifest.h"

/* The manifest of SESSION; *MANIFEST is owned by the caller. 0, -ENOENT without one, or -errno. */
int session_manifest_load(const char *session, struct manifest **manifest, struct error *err);

#endif
