/* Takes credentials out of the URLs of remotes. */
#include <string.h>
#include <strings.h>

#include "lib/host/repository.h"

static bool has_scheme(const char *url, const char *scheme)
{
    return strncasecmp(url, scheme, strlen(scheme)) == 0;
}

const char *url_strip_credentials(const char *url, struct string_list *list)
{
    const char *scheme = strstr(url, "://");
    const char *helper = strstr(url, "::");
    /* "ext::sh -c ..." runs a program; an IPv6 address has "::" too, but behind the scheme. */
    if (helper != NULL && (scheme == NULL || helper < scheme))
        return NULL;
    if (scheme == NULL)
        return string_list_add(list, url);
    const char *authority = scheme + 3;
    size_t length = strcspn(authority, "/?#");
    const char *host = memrchr(authority, '@', length);
    host = host == NULL ? authority : host + 1;
    bool is_http = has_scheme(url, "http");
    bool is_ssh = has_scheme(url, "ssh") || has_scheme(url, "git+ssh");
    /* A token may stand in a query; a user name alone is how ssh works, and how tokens are written
     * for http. */
    size_t rest = is_http ? strcspn(host, "?#") : strlen(host);
    size_t user = is_ssh && host > authority ? strcspn(authority, ":@") : 0;
    return string_list_format(list, "%.*s%.*s%s%.*s", (int)(authority - url), url, (int)user,
                              authority, user > 0 ? "@" : "", (int)rest, host);
}
