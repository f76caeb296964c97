/* The tables in PREFIX/share/coding-agents/policies that decide what a session may be started with.
 */
#ifndef HOST_POLICY_H
#define HOST_POLICY_H

#include "lib/base/error.h"
#include "lib/base/string_list.h"

/* What capabilities.tab grants to the container, in its order, added to CAPABILITIES. 0 or -errno.
 */
int policy_read_capabilities(struct string_list *capabilities, struct error *err);

/*
 * Checks arguments "--NAME=VALUE" for docker run against the allow-list in the table at PATH
 * (policies/engine-args.tab). -EPERM with a sentence for one that is not on it, -errno for a bad
 * table.
 */
int policy_check_engine_arguments(const char *path, const struct string_list *arguments,
                                  struct error *err);

/* The profile at PATH is JSON with what the engine insists on; what it means is the engine's to
 * read. 0 or -errno. */
int policy_check_seccomp(const char *path, struct error *err);

#endif
