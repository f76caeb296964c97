/* A policy as it came out of its files, for people and programs that look at it. */
#ifndef POLICY_DESCRIBE_H
#define POLICY_DESCRIBE_H

#include <jansson.h>

#include "lib/policy/policy.h"

/*
 * The whole policy as one document: "mode", "profiles", "variables" (in the order in which they
 * decide), "set", "direct" and "rules", the latter as they are written, with "file" and "line".
 * Owned by the caller; NULL when there is no memory.
 */
json_t *policy_describe(const struct policy *policy);

#endif
