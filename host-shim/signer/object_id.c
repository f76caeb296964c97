/* Puts a signature into an object as git does, and hashes it. */
#include "host-shim/signer/object_id.h"

#include <errno.h>
#include <nettle/base16.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"

/* Grows by what is appended; room was made for all of it. */
struct buffer {
    char *data;
    size_t size;
};

static void append(struct buffer *buffer, const char *text, size_t size)
{
    memcpy(buffer->data + buffer->size, text, size);
    buffer->size += size;
}

/* In a commit it is a header, the last one: each line but the first behind a blank. */
static void append_header(struct buffer *buffer, const struct object_id_parts *parts)
{
    const char *name = parts->digits == GIT_OBJECT_SHA256_DIGITS ? "gpgsig-sha256" : "gpgsig";
    const char *at = parts->signature.text;
    const char *end = at + parts->signature.size;
    append(buffer, name, strlen(name));
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *next = newline == NULL ? end : newline + 1;
        append(buffer, " ", 1);
        append(buffer, at, (size_t)(next - at));
        at = next;
    }
}

static void put_together(struct buffer *buffer, const struct object_id_parts *parts)
{
    size_t headers = parts->object->headers;
    if (parts->object->kind == GIT_OBJECT_TAG) {
        append(buffer, parts->payload.text, parts->payload.size);
        append(buffer, parts->signature.text, parts->signature.size);
        return;
    }
    append(buffer, parts->payload.text, headers);
    append_header(buffer, parts);
    append(buffer, parts->payload.text + headers, parts->payload.size - headers);
}

static void hash_sha1(const char *head, const struct buffer *body, char id[OBJECT_ID_SIZE])
{
    struct sha1_ctx context;
    uint8_t digest[SHA1_DIGEST_SIZE];
    sha1_init(&context);
    sha1_update(&context, strlen(head) + 1, (const uint8_t *)head);
    sha1_update(&context, body->size, (const uint8_t *)body->data);
    sha1_digest(&context, sizeof(digest), digest);
    base16_encode_update(id, sizeof(digest), digest);
    id[GIT_OBJECT_SHA1_DIGITS] = '\0';
}

static void hash_sha256(const char *head, const struct buffer *body, char id[OBJECT_ID_SIZE])
{
    struct sha256_ctx context;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_init(&context);
    sha256_update(&context, strlen(head) + 1, (const uint8_t *)head);
    sha256_update(&context, body->size, (const uint8_t *)body->data);
    sha256_digest(&context, sizeof(digest), digest);
    base16_encode_update(id, sizeof(digest), digest);
    id[GIT_OBJECT_SHA256_DIGITS] = '\0';
}

int object_id_of(const struct object_id_parts *parts, char id[OBJECT_ID_SIZE])
{
    char head[64];
    /* At worst every byte of the signature is a line. */
    cleanup_free char *room = malloc(parts->payload.size + 2 * parts->signature.size + 64);
    struct buffer body = {.data = room};
    if (room == NULL)
        return -ENOMEM;
    put_together(&body, parts);
    snprintf(head, sizeof(head), "%s %zu", parts->object->kind == GIT_OBJECT_TAG ? "tag" : "commit",
             body.size);
    if (parts->digits == GIT_OBJECT_SHA256_DIGITS)
        hash_sha256(head, &body, id);
    else
        hash_sha1(head, &body, id);
    return 0;
}
