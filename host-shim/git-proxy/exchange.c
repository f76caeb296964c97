/* One request: what it asks for, what the remote makes of it, and what is said when it may not be.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host-shim/git-proxy/credential_text.h"
#include "host-shim/git-proxy/git_proxy.h"
#include "lib/base/cleanup.h"

/* A connection that curl had kept may be gone, and then the one that was made for it. */
#define DIALS_MAX 2

struct exchange *exchange_find_free(struct proxy *proxy)
{
    for (size_t i = 0; i < PROXY_EXCHANGES; i++) {
        struct exchange *exchange = &proxy->exchanges[i];
        if (exchange->state != EXCHANGE_FREE)
            continue;
        exchange->proxy = proxy;
        exchange->id = ++proxy->last_id;
        exchange->dialled = -1;
        exchange->up_length = -1;
        return exchange;
    }
    return NULL;
}

static void start(struct exchange *exchange)
{
    const struct upstream *upstream = exchange->upstream;
    if (upstream->trouble[0] != '\0')
        say_text(exchange, 502, "%s is not reached: %s", upstream->host, upstream->trouble);
    else if (upstream_start(exchange) < 0)
        say_text(exchange, 503, "there is no memory for another request");
}

static void ask(struct exchange *exchange, enum outside_kind kind)
{
    if (outside_ask(exchange, kind) < 0)
        say_text(exchange, 503, "too many requests at once");
}

void exchange_begin(struct exchange *exchange)
{
    struct proxy *proxy = exchange->proxy;
    const struct route *route = &exchange->route;
    exchange->state = EXCHANGE_LISTING;
    if (route->kind == ROUTE_REFUSED) {
        say_text(exchange, 403,
                 "nothing but git's own requests for this session's remotes is "
                 "passed on");
        return;
    }
    if (route->kind == ROUTE_CREDENTIAL)
        return;
    exchange->upstream = &proxy->upstreams[route->remote];
    if (route->kind == ROUTE_ELSEWHERE)
        say_elsewhere(exchange, exchange->upstream->url);
    else if (route->kind == ROUTE_LFS)
        say_no_lfs(exchange);
    else if (route->kind == ROUTE_REFS || route->service == ROUTE_UPLOAD_PACK)
        start(exchange);
    else if (MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND,
                                         "Content-Encoding") != NULL)
        say_text(exchange, 403, "a push that is encoded is not passed on");
}

static void judge_push(struct exchange *exchange)
{
    struct error err = ERROR_INITIALIZER;
    const char *why = NULL;
    ssize_t taken = push_list_parse(exchange->up, exchange->up_end, &exchange->push, &err);
    if (taken < 0) {
        say_text(exchange, 403, "%s", error_text(&err));
        return;
    }
    if (taken == 0) {
        if (exchange->up_end == PROXY_UP_BYTES)
            say_text(exchange, 403, "the push names too many refs");
        return;
    }
    const struct push_command *refused = push_rules_refuse(exchange, &why);
    if (refused != NULL) {
        tell_push(exchange, refused, why);
        say_push_refused(exchange, refused->ref, why);
        return;
    }
    push_report_begin(&exchange->report, exchange->push.has_side_band, push_rules_remember,
                      exchange);
    start(exchange);
}

/* What the remote has begun to say cannot be taken back, and is cut off. */
static void refuse_size(struct exchange *exchange)
{
    if (!exchange->is_streaming) {
        say_text(exchange, 413, "a request of more than 4 GiB is not passed on");
        return;
    }
    upstream_stop(exchange);
    exchange->is_down_broken = true;
    exchange->outcome = "failed";
    serve_resume(exchange);
}

static size_t append(struct exchange *exchange, const char *data, size_t size)
{
    if (exchange->up_start > 0) {
        memmove(exchange->up, exchange->up + exchange->up_start,
                exchange->up_end - exchange->up_start);
        exchange->up_end -= exchange->up_start;
        exchange->up_start = 0;
    }
    size_t room = PROXY_UP_BYTES - exchange->up_end;
    size_t taken = size < room ? size : room;
    memcpy(exchange->up + exchange->up_end, data, taken);
    exchange->up_end += taken;
    exchange->up_total += taken;
    return taken;
}

static void go_on_sending(struct exchange *exchange)
{
    if (!exchange->is_up_paused)
        return;
    exchange->is_up_paused = false;
    curl_easy_pause(exchange->easy, CURLPAUSE_CONT);
}

size_t exchange_take(struct exchange *exchange, const char *data, size_t size)
{
    /* It has been decided: the rest is not for anybody. */
    if (exchange->state == EXCHANGE_SAID || exchange->is_down_whole || exchange->is_down_broken)
        return size;
    size_t taken = append(exchange, data, size);
    if (exchange->up_total > PROXY_UP_BYTES_MAX)
        refuse_size(exchange);
    else if (exchange->route.kind == ROUTE_CREDENTIAL &&
             exchange->up_total > CREDENTIAL_QUESTION_MAX)
        say_text(exchange, 413, "the question is too long");
    else if (exchange->state == EXCHANGE_LISTING && exchange->route.kind == ROUTE_EXCHANGE)
        judge_push(exchange);
    else
        go_on_sending(exchange);
    return taken;
}

/* Of those URLs whose credential commands may have. */
static struct upstream *find_credential(struct proxy *proxy, const char *url)
{
    for (size_t i = proxy->access.remote_count; i < proxy->upstream_count; i++) {
        if (strcmp(proxy->upstreams[i].url, url) == 0)
            return &proxy->upstreams[i];
    }
    return NULL;
}

static void judge_question(struct exchange *exchange)
{
    struct credential_question question = {.url = {0}};
    struct error err = ERROR_INITIALIZER;
    if (credential_question_parse(exchange->up, exchange->up_end, &question, &err) < 0) {
        tell_credential(exchange, false, error_text(&err));
        say_text(exchange, 403, "%s", error_text(&err));
        return;
    }
    exchange->upstream = find_credential(exchange->proxy, question.url);
    if (exchange->upstream == NULL) {
        tell_credential(exchange, false, question.url);
        say_text(exchange, 403, "commands may not have the credential of %.500s", question.url);
        return;
    }
    ask(exchange, OUTSIDE_FILL);
}

void exchange_end_body(struct exchange *exchange)
{
    exchange->is_up_whole = true;
    if (exchange->state == EXCHANGE_LISTING && exchange->route.kind == ROUTE_CREDENTIAL)
        judge_question(exchange);
    else if (exchange->state == EXCHANGE_LISTING)
        say_text(exchange, 403, "the push ends before it has said what it is for");
    else
        go_on_sending(exchange);
}

ssize_t exchange_give(struct exchange *exchange, char *data, size_t size)
{
    size_t count = exchange->down_end - exchange->down_start;
    if (count > size)
        count = size;
    memcpy(data, exchange->down + exchange->down_start, count);
    exchange->down_start += count;
    if (exchange->down_start == exchange->down_end)
        exchange->down_start = exchange->down_end = 0;
    if (exchange->is_down_paused &&
        exchange->down_end - exchange->down_start < PROXY_DOWN_BYTES / 2) {
        exchange->is_down_paused = false;
        curl_easy_pause(exchange->easy, CURLPAUSE_CONT);
    }
    if (count > 0)
        return (ssize_t)count;
    if (exchange->is_down_broken)
        return -2;
    return exchange->is_down_whole ? -1 : 0;
}

static void take_credential(struct exchange *exchange, const struct proxy_credential *credential)
{
    struct upstream *upstream = exchange->upstream;
    struct error err = ERROR_INITIALIZER;
    struct secret *kept = &upstream->credential;
    bool is_known =
        kept->data != NULL && sodium_memcmp(kept->data, credential, sizeof(*credential)) == 0;
    /* Another request may have got it meanwhile: this one has not been tried with it. */
    if (is_known && exchange->has_credential &&
        exchange->sent_number == upstream->credential_number) {
        say_text(exchange, 403, "%s does not accept the credential that git on the host has for %s",
                 upstream->host, upstream->url);
        return;
    }
    if (!is_known) {
        secret_wipe(kept);
        if (secret_make(kept, sizeof(*credential), true, &err) < 0) {
            say_text(exchange, 503, "%s", error_text(&err));
            return;
        }
        memcpy(kept->data, credential, sizeof(*credential));
        upstream->credential_number++;
    }
    tell_credential(exchange, true, "");
    start(exchange);
}

static void hear_credential(struct exchange *exchange, const struct outside_answer *answer)
{
    const struct upstream *upstream = exchange->upstream;
    if (answer->result < 0) {
        const char *why = answer->trouble[0] != '\0' ? answer->trouble : "it has none";
        tell_credential(exchange, false, why);
        say_text(exchange, 403,
                 "git on the host gives no credential for %s (%s): log in there, so that git "
                 "fetches without asking",
                 upstream->url, why);
    } else if (exchange->route.kind == ROUTE_CREDENTIAL) {
        tell_credential(exchange, true, "");
        say_credential(exchange, &answer->credential);
    } else {
        take_credential(exchange, &answer->credential);
    }
}

void exchange_hear(struct exchange *exchange, const struct outside_answer *answer, int connection)
{
    bool is_credential = exchange->route.kind == ROUTE_CREDENTIAL || exchange->has_asked;
    if (connection >= 0) {
        cleanup_close(&exchange->dialled);
        exchange->dialled = connection;
        exchange->is_dialled_proxy = exchange->wants_proxy;
        start(exchange);
    } else if (is_credential && !exchange->is_dialling) {
        hear_credential(exchange, answer);
    } else {
        say_text(exchange, 502, "%s is not reached: %s", exchange->upstream->host,
                 answer->trouble[0] != '\0' ? answer->trouble : strerror(-answer->result));
    }
}

void exchange_judge_answer(struct exchange *exchange)
{
    const char *type = NULL;
    if (exchange->status != 0)
        return;
    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &exchange->status);
    curl_easy_getinfo(exchange->easy, CURLINFO_CONTENT_TYPE, &type);
    if (exchange->status != 200)
        return;
    if (type == NULL || strncmp(type, "application/x-git-", 18) != 0) {
        exchange->status = -1;
        return;
    }
    exchange->is_streaming = true;
    exchange->outcome = "served";
    serve_resume(exchange);
}

/* It wants another credential, or one at all. */
static void want_credential(struct exchange *exchange)
{
    if (exchange->has_asked || exchange->route.kind == ROUTE_EXCHANGE) {
        say_text(exchange, 403, "%s does not accept the credential that git on the host has for %s",
                 exchange->upstream->host, exchange->upstream->url);
        return;
    }
    exchange->has_asked = true;
    exchange->is_dialling = false;
    ask(exchange, OUTSIDE_FILL);
}

static void judge_status(struct exchange *exchange)
{
    const char *host = exchange->upstream->host;
    long status = exchange->status;
    if (status == 401)
        want_credential(exchange);
    else if (status == 403)
        say_text(exchange, 403, "%s forbids that (403) to %s", host,
                 exchange->has_credential ? "whom git on the host has a credential of"
                                          : "whoever has no credential");
    else if (status == 404)
        say_text(exchange, 404, "%s has no such repository, or does not show it (404)", host);
    else if (status >= 300 && status < 400)
        say_text(exchange, 502,
                 "%s says that %s has moved (%ld), which is not followed: set the remote's URL",
                 host, exchange->upstream->url, status);
    else if (status < 0)
        say_text(exchange, 502, "what %s answers is not git's", host);
    else
        say_text(exchange, 502, "%s answers %ld", host, status);
}

static void say_unreached(struct exchange *exchange, CURLcode code)
{
    static const char remedy[] = ". http.sslVerify is off for it on the host, which does not count "
                                 "in a session: set http.sslCAInfo to who signed its certificate";
    const struct upstream *upstream = exchange->upstream;
    bool is_unknown = code == CURLE_PEER_FAILED_VERIFICATION && upstream->is_unverified;
    say_text(exchange, 502, "%s is not reached: %.300s%s", upstream->host,
             exchange->trouble[0] != '\0' ? exchange->trouble : curl_easy_strerror(code),
             is_unknown ? remedy : "");
}

void exchange_done(struct exchange *exchange, CURLcode code)
{
    if (exchange->state != EXCHANGE_RUNNING)
        return;
    if (code == CURLE_OK)
        exchange_judge_answer(exchange);
    if (exchange->is_streaming) {
        exchange->is_down_whole = code == CURLE_OK;
        exchange->is_down_broken = code != CURLE_OK;
        exchange->outcome = code == CURLE_OK ? exchange->outcome : "failed";
        if (code != CURLE_OK)
            snprintf(exchange->detail, sizeof(exchange->detail), "%s", exchange->trouble);
        exchange->is_up_paused = exchange->is_down_paused = false;
        serve_resume(exchange);
    } else if (code == CURLE_OK) {
        judge_status(exchange);
    } else if (code == CURLE_COULDNT_CONNECT && exchange->dials++ < DIALS_MAX) {
        exchange->is_dialling = true;
        ask(exchange, exchange->wants_proxy ? OUTSIDE_DIAL_PROXY : OUTSIDE_DIAL);
    } else {
        say_unreached(exchange, code);
    }
}

void exchange_end(struct exchange *exchange)
{
    tell_exchange(exchange);
    upstream_stop(exchange);
    cleanup_close(&exchange->dialled);
    if (exchange->said != NULL)
        explicit_bzero(exchange->said, exchange->said_size);
    free(exchange->said);
    explicit_bzero(exchange, sizeof(*exchange));
}
