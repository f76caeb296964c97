/* Tells the keeper what was passed on, given and refused. */
#include <stdio.h>
#include <string.h>

#include "host-shim/git-proxy/git_proxy.h"
#include "lib/base/clock.h"
#include "lib/host/keeper_tell.h"
#include "lib/wire/record.h"

/* So many at once, then one a second; what is more is counted. */
#define BURST 1000

void tell_open(struct proxy *proxy)
{
    allowance_open(&proxy->events, BURST, CLOCK_NANOSECONDS_PER_SECOND, clock_monotonic_ns());
}

static bool may_tell(struct proxy *proxy)
{
    bool may = allowance_take(&proxy->events, clock_monotonic_ns());
    proxy->untold += may ? 0 : 1;
    return may;
}

static void tell(struct proxy *proxy, enum audit_event event, json_t *fields, const char *key,
                 const char *text)
{
    if (fields != NULL && text[0] != '\0')
        (void)record_set_text(fields, key, text);
    if (fields != NULL && may_tell(proxy))
        keeper_tell_event(proxy->child.keeper, event, fields);
    else
        json_decref(fields);
}

void tell_exchange(struct exchange *exchange)
{
    const struct upstream *upstream = exchange->upstream;
    bool is_credential = exchange->route.kind == ROUTE_CREDENTIAL;
    if (exchange->outcome == NULL || is_credential)
        return;
    tell(exchange->proxy, AUDIT_GIT_PROXIED,
         json_pack("{s:s, s:s, s:s, s:I, s:b, s:I, s:I}", "remote",
                   upstream == NULL ? "" : upstream->name, "service",
                   upstream == NULL ? "" : route_service_name(exchange->route.service), "outcome",
                   exchange->outcome, "status", (json_int_t)exchange->status, "has_credential",
                   (int)exchange->has_credential, "sent", (json_int_t)exchange->up_total,
                   "received", (json_int_t)exchange->down_total),
         "detail", exchange->detail);
}

void tell_push(struct exchange *exchange, const struct push_command *command, const char *why)
{
    tell(exchange->proxy, why == NULL ? AUDIT_GIT_PUSHED : AUDIT_GIT_PUSH_REFUSED,
         json_pack("{s:s, s:s, s:s, s:s}", "remote", exchange->upstream->name, "ref", command->ref,
                   "old", command->old_id, "new", command->new_id),
         "reason", why == NULL ? "" : why);
}

void tell_credential(struct exchange *exchange, bool is_given, const char *detail)
{
    const struct upstream *upstream = exchange->upstream;
    const char *url = upstream == NULL ? "" : upstream->url;
    bool is_for_command = exchange->route.kind == ROUTE_CREDENTIAL;
    /* What is refused says why, in any case. */
    tell(exchange->proxy, is_given ? AUDIT_GIT_CREDENTIAL_GIVEN : AUDIT_GIT_CREDENTIAL_REFUSED,
         json_pack("{s:s, s:s}", "url", url, "to", is_for_command ? "command" : "proxy"), "detail",
         detail);
}

void tell_peer(struct proxy *proxy, uid_t uid, const char *detail)
{
    char text[128];
    snprintf(text, sizeof(text), "uid %u: %s", uid, detail);
    tell(proxy, AUDIT_LIMIT_HIT, json_pack("{s:s, s:i}", "what", "git-peer", "count", 1), "detail",
         text);
}

void tell_rest(struct proxy *proxy)
{
    if (proxy->untold > 0)
        keeper_tell_event(
            proxy->child.keeper, AUDIT_LIMIT_HIT,
            json_pack("{s:s, s:I}", "what", "git", "count", (json_int_t)proxy->untold));
    proxy->untold = 0;
}
