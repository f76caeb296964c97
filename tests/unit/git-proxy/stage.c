/* Connections that are made already, a fence as far as curl sees it, and a proxy with one remote.
 */
#include "tests/unit/git-proxy/stage.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"

#define PATIENCE_S 60

enum { OURS, THEIRS, ENDS };

/* Connections for all tests, which are made before none can be made. */
#define PAIRS 32
static int pairs[PAIRS][ENDS];
static size_t pairs_used;

/* As outside makes one: curl asks for the addresses of both ends. */
static void connect_pair(int ends[ENDS])
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    ends[OURS] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(ends[OURS], (struct sockaddr *)&address, size), 0);
    ends[THEIRS] = accept(listener, NULL, NULL);
    close(listener);
}

/* What policies/seccomp/git-proxy.json makes of it, for which curl does not work otherwise. */
static int forbid_connections(void)
{
    struct sock_filter instructions[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_connect, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINPROGRESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog filter = {.len = ARRAY_LENGTH(instructions), .filter = instructions};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0 ? -errno : 0;
}

int stage_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < PAIRS; i++)
        connect_pair(pairs[i]);
    assert_true(sodium_init() >= 0);
    assert_int_equal(curl_global_init(CURL_GLOBAL_DEFAULT), CURLE_OK);
    return forbid_connections();
}

int stage_make(void **state)
{
    static char url[] = "https://host.invalid/x.git";
    struct stage *stage = calloc(1, sizeof(*stage));
    struct proxy *proxy = &stage->proxy;
    struct upstream *upstream = &proxy->upstreams[0];
    int keeper[ENDS];
    int outside[ENDS];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, keeper), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, outside), 0);
    stage->keeper = keeper[THEIRS];
    stage->outside = outside[THEIRS];
    proxy->child.keeper = keeper[OURS];
    proxy->outside = outside[OURS];
    proxy->multi = curl_multi_init();
    proxy->exchanges = calloc(PROXY_EXCHANGES, sizeof(*proxy->exchanges));
    assert_non_null(proxy->multi);
    assert_non_null(proxy->exchanges);
    proxy->upstream_count = proxy->access.remote_count = 1;
    /* The certificates are not looked at before there is TLS. */
    *upstream = (struct upstream){.name = "origin.git",
                                  .url = url,
                                  .host = "host.invalid",
                                  .port = "443",
                                  .proxy = strdup("http://proxy.invalid:3128"),
                                  .proxy_host = "proxy.invalid",
                                  .proxy_port = "3128",
                                  .authorities = strdup("none"),
                                  .authorities_size = 1};
    tell_open(proxy);
    alarm(PATIENCE_S);
    *state = stage;
    return 0;
}

int stage_free(void **state)
{
    struct stage *stage = *state;
    struct proxy *proxy = &stage->proxy;
    alarm(0);
    for (size_t i = 0; i < PROXY_EXCHANGES; i++) {
        if (proxy->exchanges[i].state != EXCHANGE_FREE)
            exchange_end(&proxy->exchanges[i]);
    }
    secret_wipe(&proxy->upstreams[0].credential);
    free(proxy->upstreams[0].proxy);
    free(proxy->upstreams[0].authorities);
    curl_multi_cleanup(proxy->multi);
    free(proxy->exchanges);
    close(proxy->child.keeper);
    close(proxy->outside);
    close(stage->keeper);
    close(stage->outside);
    free(stage);
    return 0;
}

struct exchange *stage_begin(struct stage *stage, int *remote)
{
    struct exchange *exchange = exchange_find_free(&stage->proxy);
    int ends[ENDS];
    assert_non_null(exchange);
    memcpy(ends, pairs[pairs_used++], sizeof(ends));
    exchange->route = (struct route){.kind = ROUTE_REFS};
    exchange->dialled = ends[OURS];
    exchange->is_dialled_proxy = true;
    *remote = ends[THEIRS];
    exchange_begin(exchange);
    assert_int_equal(exchange->state, EXCHANGE_RUNNING);
    return exchange;
}
