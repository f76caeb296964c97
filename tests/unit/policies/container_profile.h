/* The container's seccomp profile, policies/seccomp/agent.json, compiled by libseccomp as the
 * engine does it. */
#ifndef TESTS_POLICIES_CONTAINER_PROFILE_H
#define TESTS_POLICIES_CONTAINER_PROFILE_H

#include <jansson.h>
#include <seccomp.h>
#include <stdint.h>

#define CONTAINER_PROFILE "policies/seccomp/agent.json"

/* The filter of PROFILE for ARCHITECTURE (SCMP_ARCH_...), owned by the caller. Fails the test when
 * it cannot be made. */
scmp_filter_ctx container_profile_compile(const json_t *profile, uint32_t architecture);

#endif
