/* Decides what a request is for. */
#include "host-shim/git-proxy/route.h"

#include <string.h>

#include "lib/base/cleanup.h"

static const char *const service_names[] = {
    [ROUTE_UPLOAD_PACK] = "git-upload-pack",
    [ROUTE_RECEIVE_PACK] = "git-receive-pack",
};
static const char refs[] = "/info/refs";
/* git-lfs, docs/api/server-discovery.md */
static const char lfs[] = "/info/lfs";

const char *route_service_name(enum route_service service)
{
    return service_names[service];
}

static bool find_service(const char *name, enum route_service *service)
{
    for (size_t i = 0; name != NULL && i < ARRAY_LENGTH(service_names); i++) {
        if (strcmp(name, service_names[i]) == 0) {
            *service = (enum route_service)i;
            return true;
        }
    }
    return false;
}

static bool is_refs(const struct route_request *request, const char *rest, struct route *route)
{
    return strcmp(request->method, "GET") == 0 && strcmp(rest, refs) == 0 &&
           request->argument_count == 1 && find_service(request->service, &route->service);
}

static bool is_exchange(const struct route_request *request, const char *rest, struct route *route)
{
    return strcmp(request->method, "POST") == 0 && request->argument_count == 0 && rest[0] == '/' &&
           find_service(rest + 1, &route->service);
}

/* Plain characters alone: it becomes part of a header. */
static bool is_plain(const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    return text[strspn(text, plain)] == '\0' && strlen(text) < GIT_ACCESS_URL_SIZE;
}

/* "/origin.gitmore/info/refs": what was https://host/pathmore. */
static bool is_elsewhere(const struct route_request *request, const char *rest, struct route *route)
{
    size_t length = strlen(rest);
    if (strcmp(request->method, "GET") != 0 || rest[0] == '/' || length <= strlen(refs) ||
        strcmp(rest + length - strlen(refs), refs) != 0 || request->argument_count != 1 ||
        !find_service(request->service, &route->service) || !is_plain(rest))
        return false;
    route->elsewhere = rest;
    return true;
}

static bool is_lfs(const char *rest)
{
    size_t length = strlen(lfs);
    return strncmp(rest, lfs, length) == 0 && (rest[length] == '/' || rest[length] == '\0');
}

static enum route_kind kind_of(const struct route_request *request, const char *rest,
                               struct route *route)
{
    if (is_refs(request, rest, route))
        return ROUTE_REFS;
    if (is_exchange(request, rest, route))
        return ROUTE_EXCHANGE;
    if (is_lfs(rest))
        return ROUTE_LFS;
    return is_elsewhere(request, rest, route) ? ROUTE_ELSEWHERE : ROUTE_REFUSED;
}

struct route route_find(const struct git_access *access, const struct route_request *request)
{
    struct route elsewhere = {.kind = ROUTE_REFUSED};
    if (strcmp(request->path, "/" GIT_ACCESS_CREDENTIAL) == 0 &&
        strcmp(request->method, "POST") == 0 && request->argument_count == 0)
        return (struct route){.kind = ROUTE_CREDENTIAL};
    for (size_t i = 0; request->path[0] == '/' && i < access->remote_count; i++) {
        const char *name = access->remotes[i].name;
        struct route route = {.remote = i};
        if (strncmp(request->path + 1, name, strlen(name)) != 0)
            continue;
        route.kind = kind_of(request, request->path + 1 + strlen(name), &route);
        if (route.kind == ROUTE_ELSEWHERE)
            elsewhere = route;
        else if (route.kind != ROUTE_REFUSED)
            return route;
    }
    return elsewhere;
}
