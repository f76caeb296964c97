/* From a work tree to an index that can be committed, one bad file or not. */
#ifndef COMMIT_STAGE_H
#define COMMIT_STAGE_H

#include "init/agent-commit/changes.h"

/*
 * Lists what changed, and stages it but for what is withheld: what looks like a credential by the
 * patterns in the file PATTERNS (NULL: nothing does), what cannot travel, and what git refuses to
 * stage. CHANGES is empty before, and owned by the caller whatever the result. 0 or -errno.
 */
int stage_changes(const char *patterns, struct changes *changes, struct error *err);

#endif
