/* The report of agent-commit: "KEY VALUE" lines on standard output, every value printable. */
#ifndef COMMIT_REPORT_H
#define COMMIT_REPORT_H

#include "init/agent-commit/changes.h"

/* "KEY VALUE"; control characters and bytes beyond ASCII are shown as \xNN, and what is too long is
 * cut: values end up on terminals and in logs. */
void commit_report(const char *key, const char *value);

/* One line for each path of LIST, then how many were not told. */
void commit_report_paths(const char *key, const struct path_list *list);

#endif
