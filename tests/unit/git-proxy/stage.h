/* A git proxy whose remote is behind a proxy that never answers, for tests of its requests. */
#ifndef TEST_GIT_PROXY_STAGE_H
#define TEST_GIT_PROXY_STAGE_H

#include "host-shim/git-proxy/git_proxy.h"

struct stage {
    struct proxy proxy;
    int keeper;  /* owned; what the keeper hears */
    int outside; /* owned; what the process outside hears */
};

/* cmocka's: of all tests, before any; of each, with a struct stage (owned) in *STATE, and its end.
 * Failures are assertions. */
int stage_open(void **state);
int stage_make(void **state);
int stage_free(void **state);

/* A request (borrowed), begun and with curl; *REMOTE, owned by the caller, is the other end of its
 * connection. */
struct exchange *stage_begin(struct stage *stage, int *remote);

#endif
