/* Makes the session's own bridge, from a pool of small subnets, and its volume. */
#include "lib/host/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/host/engine.h"
#include "lib/host/session_engine.h"

#define POOL_VARIABLE "CODING_AGENTS_NETWORK_POOL"
#define POOL_DEFAULT "10.213.0.0/16"
/* Gateway and container, with room for what a session may need later. */
#define SUBNET_PREFIX 28
#define ATTEMPTS_MAX 128
#define ENGINE_MS 60000

struct pool {
    const char *text;
    uint32_t base;  /* host order */
    uint32_t count; /* of subnets */
};

static int read_pool(struct pool *pool, struct error *err)
{
    const char *given = getenv(POOL_VARIABLE);
    pool->text = given == NULL || given[0] == '\0' ? POOL_DEFAULT : given;
    char address[INET_ADDRSTRLEN];
    unsigned int prefix = 0;
    char rest;
    struct in_addr parsed;
    bool is_good = sscanf(pool->text, "%15[0-9.]/%2u%c", address, &prefix, &rest) == 2 &&
                   inet_pton(AF_INET, address, &parsed) == 1 && prefix >= 8 &&
                   prefix <= SUBNET_PREFIX;
    if (!is_good)
        return error_set(err, EINVAL,
                         POOL_VARIABLE
                         " is '%.64s': write an IPv4 network from /8 to /28, such as " POOL_DEFAULT,
                         pool->text);
    pool->count = 1u << (SUBNET_PREFIX - prefix);
    pool->base = ntohl(parsed.s_addr) & ~((pool->count << (32 - SUBNET_PREFIX)) - 1);
    return 0;
}

static bool is_taken(const char *reason)
{
    return strcasestr(reason, "overlap") != NULL || strcasestr(reason, "already in use") != NULL;
}

static int create_on(const char *name, const char *session, uint32_t subnet, struct error *err)
{
    char text[INET_ADDRSTRLEN + 4];
    char address[INET_ADDRSTRLEN];
    char label[64];
    struct in_addr network = {.s_addr = htonl(subnet)};
    if (inet_ntop(AF_INET, &network, address, sizeof(address)) == NULL)
        return error_set(err, errno, "write a subnet");
    snprintf(text, sizeof(text), "%s/%d", address, SUBNET_PREFIX);
    snprintf(label, sizeof(label), SESSION_LABEL "=%s", session);
    struct process_result result = {.output = NULL};
    int status =
        engine_run((const char *const[]){"network", "create", "--driver", "bridge", "--opt",
                                         "com.docker.network.bridge.enable_icc=false", "--label",
                                         label, "--subnet", text, name, NULL},
                   ENGINE_MS, &result, err);
    process_result_free(&result);
    return status;
}

int network_check_pool(struct error *err)
{
    struct pool pool = {.text = NULL};
    return read_pool(&pool, err);
}

int network_create(const char *name, const char *session, struct error *err)
{
    struct pool pool = {.text = NULL};
    int status = read_pool(&pool, err);
    if (status < 0)
        return status;
    /* Two launches at once start at different places: ids are random. */
    uint32_t start = 0;
    for (const char *p = session; *p != '\0'; p++)
        start = start * 31 + (unsigned char)*p;
    uint32_t attempts = pool.count < ATTEMPTS_MAX ? pool.count : ATTEMPTS_MAX;
    for (uint32_t i = 0; i < attempts; i++) {
        uint32_t index = (start + i) % pool.count;
        status = create_on(name, session, pool.base + (index << (32 - SUBNET_PREFIX)), err);
        if (status == 0 || !is_taken(error_text(err)))
            return status;
    }
    return error_set(
        err, EINVAL,
        "no /%d of the pool %s is free in the engine after %u attempts: remove ended sessions "
        "(coding-agents remove), run docker network prune, or set " POOL_VARIABLE,
        SUBNET_PREFIX, pool.text, attempts);
}

void network_remove(const char *name)
{
    engine_run_quietly((const char *const[]){"network", "rm", name, NULL}, ENGINE_MS);
}

int volume_create(const char *name, const char *session, struct error *err)
{
    char label[64];
    snprintf(label, sizeof(label), SESSION_LABEL "=%s", session);
    struct process_result result = {.output = NULL};
    int status = engine_run((const char *const[]){"volume", "create", "--label", label, name, NULL},
                            ENGINE_MS, &result, err);
    process_result_free(&result);
    return status;
}

void volume_remove(const char *name)
{
    engine_run_quietly((const char *const[]){"volume", "rm", name, NULL}, ENGINE_MS);
}
