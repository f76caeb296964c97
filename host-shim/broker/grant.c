/* Reads what a stub is granted besides the agent's login. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "host-shim/broker/broker.h"
#include "lib/base/cleanup.h"
#include "lib/host/named_secrets.h"

#define PIN_DIGITS (2 * CAPABILITY_DIGEST_BYTES)
static const char server_characters[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";

/* The text up to the next colon, which *AT is moved behind; false when it has no room. */
static bool take_part(const char **at, char *part, size_t size)
{
    size_t length = strcspn(*at, ":");
    if (length >= size)
        return false;
    memcpy(part, *at, length);
    part[length] = '\0';
    *at += length + ((*at)[length] == ':');
    return true;
}

static bool is_taken(const struct broker *broker, const char *stub)
{
    for (size_t i = 0; i < broker->grant_count; i++) {
        if (strcmp(broker->grants[i].stub, stub) == 0)
            return true;
    }
    return false;
}

static bool take_pins(const char *pins, struct grant *grant)
{
    size_t length = 0;
    if (pins[0] == '\0')
        return true;
    return strlen(pins) == PIN_DIGITS &&
           sodium_hex2bin(grant->server_pins, sizeof(grant->server_pins), pins, PIN_DIGITS, NULL,
                          &length, NULL) == 0 &&
           length == sizeof(grant->server_pins);
}

int grant_parse(struct broker *broker, const char *text, struct error *err)
{
    const char *at = text;
    char pins[PIN_DIGITS + 1];
    struct grant grant = {.secret = ""};
    if (!take_part(&at, grant.secret, sizeof(grant.secret)) ||
        !take_part(&at, grant.stub, sizeof(grant.stub)) ||
        !take_part(&at, grant.server, sizeof(grant.server)) ||
        !take_part(&at, pins, sizeof(pins)) || *at != '\0')
        return error_set(err, EINVAL, "'%.60s' is no SECRET:STUB[:SERVER[:PINS]]", text);
    if (!named_secret_is_name(grant.secret))
        return error_set(err, EINVAL, "'%.40s' is no name of a secret", grant.secret);
    if (grant.stub[0] == '\0' || is_taken(broker, grant.stub))
        return error_set(err, EINVAL, "'%.40s' is no stub, or has a secret already", grant.stub);
    if (grant.server[strspn(grant.server, server_characters)] != '\0' || !take_pins(pins, &grant))
        return error_set(err, EINVAL, "'%.60s' names a server that is none", text);
    if (broker->grant_count == ARRAY_LENGTH(broker->grants))
        return error_set(err, EINVAL, "more than %zu secrets", ARRAY_LENGTH(broker->grants));
    broker->grants[broker->grant_count++] = grant;
    return 0;
}
