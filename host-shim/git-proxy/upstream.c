/* The request to the remote: curl's, over a connection that was made outside of the fence. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host-shim/git-proxy/git_proxy.h"
#include "lib/base/cleanup.h"

/*
 * Names are not looked up in here: each stands for one of these (RFC 5737: addresses that are
 * nobody's), by which curl says what it would connect to.
 */
#define HOST_ADDRESS "192.0.2.1"
#define PROXY_ADDRESS "192.0.2.2"
#define HANDSHAKE_MS 30000L
/* A remote that packs says nothing for a while. */
#define SILENCE_SECONDS 600L

/* The headers of a command's request that are passed on. */
static const char *const passed_headers[] = {"Content-Type", "Content-Encoding", "Accept",
                                             "Git-Protocol"};
#define HEADER_MAX 256

static size_t on_body(char *data, size_t unit, size_t count, void *context)
{
    struct exchange *exchange = context;
    size_t size = unit * count;
    exchange_judge_answer(exchange);
    if (!exchange->is_streaming)
        return size;
    if (exchange->down_end + size > PROXY_DOWN_BYTES) {
        memmove(exchange->down, exchange->down + exchange->down_start,
                exchange->down_end - exchange->down_start);
        exchange->down_end -= exchange->down_start;
        exchange->down_start = 0;
    }
    if (exchange->down_end + size > PROXY_DOWN_BYTES) {
        exchange->is_down_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    exchange->down_total += size;
    if (exchange->down_total > PROXY_DOWN_BYTES_MAX)
        return 0;
    memcpy(exchange->down + exchange->down_end, data, size);
    exchange->down_end += size;
    if (exchange->report.take != NULL)
        push_report_feed(&exchange->report, data, size);
    serve_resume(exchange);
    return size;
}

static size_t on_upload(char *data, size_t unit, size_t count, void *context)
{
    struct exchange *exchange = context;
    size_t size = exchange->up_end - exchange->up_start;
    if (size > unit * count)
        size = unit * count;
    if (size == 0 && exchange->is_up_whole)
        return 0;
    if (size == 0) {
        exchange->is_up_paused = true;
        return CURL_READFUNC_PAUSE;
    }
    memcpy(data, exchange->up + exchange->up_start, size);
    exchange->up_start += size;
    if (exchange->up_start == exchange->up_end)
        exchange->up_start = exchange->up_end = 0;
    serve_resume(exchange);
    return size;
}

static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct exchange *exchange = context;
    const struct sockaddr_in *inet = (const struct sockaddr_in *)(const void *)&address->addr;
    (void)purpose;
    exchange->wants_proxy = inet->sin_addr.s_addr == inet_addr(PROXY_ADDRESS);
    if (exchange->dialled < 0 || exchange->is_dialled_proxy != exchange->wants_proxy)
        return CURL_SOCKET_BAD;
    return steal_fd(&exchange->dialled);
}

static int on_option(void *context, curl_socket_t socket, curlsocktype purpose)
{
    (void)context;
    (void)socket;
    (void)purpose;
    return CURL_SOCKOPT_ALREADY_CONNECTED;
}

static void add_header(struct exchange *exchange, const char *name)
{
    char line[HEADER_MAX + 64];
    const char *value = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);
    if (value == NULL || strlen(value) > HEADER_MAX)
        return;
    for (const char *p = value; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || (unsigned char)*p >= 0x7f)
            return;
    }
    snprintf(line, sizeof(line), "%s: %s", name, value);
    exchange->headers = curl_slist_append(exchange->headers, line);
}

static void make_lists(struct exchange *exchange)
{
    const struct upstream *upstream = exchange->upstream;
    char line[512];
    for (size_t i = 0; i < ARRAY_LENGTH(passed_headers); i++)
        add_header(exchange, passed_headers[i]);
    exchange->headers = curl_slist_append(exchange->headers, "Expect:");
    if (exchange->route.kind == ROUTE_EXCHANGE && exchange->up_length < 0)
        exchange->headers = curl_slist_append(exchange->headers, "Transfer-Encoding: chunked");
    snprintf(line, sizeof(line), "%s:%s:" HOST_ADDRESS, upstream->host, upstream->port);
    exchange->addresses = curl_slist_append(exchange->addresses, line);
    snprintf(line, sizeof(line), "%s:%s:" PROXY_ADDRESS, upstream->proxy_host,
             upstream->proxy_port);
    if (upstream->proxy_host[0] != '\0')
        exchange->addresses = curl_slist_append(exchange->addresses, line);
}

static void set_url(struct exchange *exchange)
{
    char url[GIT_ACCESS_URL_SIZE + 64];
    const char *base = exchange->upstream->url;
    const char *service = route_service_name(exchange->route.service);
    int length = (int)strlen(base);
    while (length > 0 && base[length - 1] == '/')
        length--;
    if (exchange->route.kind == ROUTE_REFS)
        snprintf(url, sizeof(url), "%.*s/info/refs?service=%s", length, base, service);
    else
        snprintf(url, sizeof(url), "%.*s/%s", length, base, service);
    curl_easy_setopt(exchange->easy, CURLOPT_URL, url);
}

static void set_certificate(struct exchange *exchange)
{
    const struct upstream *upstream = exchange->upstream;
    struct curl_blob certificate = {.data = upstream->certificate.data,
                                    .len = upstream->certificate.size,
                                    .flags = CURL_BLOB_NOCOPY};
    struct curl_blob key = {
        .data = upstream->key.data, .len = upstream->key.size, .flags = CURL_BLOB_NOCOPY};
    if (certificate.data == NULL)
        return;
    curl_easy_setopt(exchange->easy, CURLOPT_SSLCERT_BLOB, &certificate);
    curl_easy_setopt(exchange->easy, CURLOPT_SSLKEY_BLOB, &key);
}

static void set_connection(struct exchange *exchange)
{
    CURL *easy = exchange->easy;
    struct curl_blob authorities = {.data = exchange->upstream->authorities,
                                    .len = exchange->upstream->authorities_size,
                                    .flags = CURL_BLOB_NOCOPY};
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_IPRESOLVE, (long)CURL_IPRESOLVE_V4);
    curl_easy_setopt(easy, CURLOPT_RESOLVE, exchange->addresses);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_option);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, HANDSHAKE_MS);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, SILENCE_SECONDS);
    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &authorities);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    set_certificate(exchange);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 64L * 1024);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 64L * 1024);
    if (exchange->upstream->proxy != NULL)
        curl_easy_setopt(easy, CURLOPT_PROXY, exchange->upstream->proxy);
}

static void set_credential(struct exchange *exchange)
{
    const struct proxy_credential *credential =
        (const struct proxy_credential *)(const void *)exchange->upstream->credential.data;
    exchange->has_credential = credential != NULL;
    exchange->sent_number = exchange->upstream->credential_number;
    if (credential == NULL)
        return;
    curl_easy_setopt(exchange->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    curl_easy_setopt(exchange->easy, CURLOPT_USERNAME, credential->username);
    curl_easy_setopt(exchange->easy, CURLOPT_PASSWORD, credential->password);
}

static void set_request(struct exchange *exchange)
{
    CURL *easy = exchange->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->trouble);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "git/coding-agents-" CODING_AGENTS_VERSION);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    if (exchange->route.kind != ROUTE_EXCHANGE)
        return;
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_upload);
    curl_easy_setopt(easy, CURLOPT_READDATA, exchange);
    if (exchange->up_length >= 0)
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->up_length);
}

int upstream_start(struct exchange *exchange)
{
    upstream_stop(exchange);
    exchange->easy = curl_easy_init();
    if (exchange->easy == NULL)
        return -ENOMEM;
    make_lists(exchange);
    set_url(exchange);
    set_connection(exchange);
    set_credential(exchange);
    set_request(exchange);
    exchange->status = 0;
    if (curl_multi_add_handle(exchange->proxy->multi, exchange->easy) != CURLM_OK)
        return -ENOMEM;
    exchange->is_added = true;
    exchange->state = EXCHANGE_RUNNING;
    return 0;
}

void upstream_stop(struct exchange *exchange)
{
    if (exchange->is_added)
        curl_multi_remove_handle(exchange->proxy->multi, exchange->easy);
    exchange->is_added = false;
    if (exchange->easy != NULL)
        curl_easy_cleanup(exchange->easy);
    exchange->easy = NULL;
    curl_slist_free_all(exchange->headers);
    curl_slist_free_all(exchange->addresses);
    exchange->headers = exchange->addresses = NULL;
    exchange->is_up_paused = exchange->is_down_paused = false;
}
