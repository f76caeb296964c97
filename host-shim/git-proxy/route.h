/* What of a request's line the proxy serves: git's smart http (gitprotocol-http(5)) of the remotes
 * by name, and the credential of a URL. Pure. */
#ifndef GIT_PROXY_ROUTE_H
#define GIT_PROXY_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/wire/git_access.h"

enum route_kind {
    ROUTE_REFUSED,
    ROUTE_REFS,       /* GET /NAME/info/refs?service=SERVICE */
    ROUTE_EXCHANGE,   /* POST /NAME/SERVICE */
    ROUTE_CREDENTIAL, /* POST /credential */
    ROUTE_LFS,        /* anything below /NAME/info/lfs, which is not served, and is told so */
    ROUTE_ELSEWHERE,  /* a URL that only begins like a remote's, so that git's insteadOf took it */
};

enum route_service { ROUTE_UPLOAD_PACK, ROUTE_RECEIVE_PACK };

struct route {
    enum route_kind kind;
    enum route_service service;
    size_t remote;         /* number in the document */
    const char *elsewhere; /* ELSEWHERE: what follows the remote's URL; borrowed from the path */
};

struct route_request {
    const char *method;
    const char *path;    /* as it was sent: nothing is unescaped */
    const char *service; /* value of the argument of that name; NULL: none */
    size_t argument_count;
};

/* What REQUEST is for. Its service counts for REFS, EXCHANGE and ELSEWHERE, its remote for all but
 * REFUSED and CREDENTIAL. */
struct route route_find(const struct git_access *access, const struct route_request *request);

/* "git-upload-pack" */
const char *route_service_name(enum route_service service);

#endif
