/* Answers of the proxy's own. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host-shim/git-proxy/git_proxy.h"
#include "host-shim/git-proxy/pkt_line.h"

static const char plain_text[] = "text/plain; charset=utf-8";

/* Takes TEXT of SIZE bytes. The first answer counts: MHD may be sending it. */
static void say(struct exchange *exchange, unsigned int status, const char *type, char *text,
                size_t size)
{
    if (exchange->state == EXCHANGE_SAID) {
        if (text != NULL)
            explicit_bzero(text, size);
        free(text);
        return;
    }
    upstream_stop(exchange);
    exchange->said = text;
    exchange->said_size = text == NULL ? 0 : size;
    exchange->said_status = text == NULL ? 500 : status;
    exchange->said_type = type;
    exchange->state = EXCHANGE_SAID;
    /* What still comes is not for anybody. */
    exchange->up_start = exchange->up_end = 0;
    serve_resume(exchange);
}

void say_text(struct exchange *exchange, unsigned int status, const char *format, ...)
{
    static const char name[] = "coding-agents: ";
    char *text = calloc(1, PROXY_TEXT);
    va_list arguments;
    if (text != NULL) {
        memcpy(text, name, sizeof(name) - 1);
        va_start(arguments, format);
        vsnprintf(text + sizeof(name) - 1, PROXY_TEXT - sizeof(name), format, arguments);
        va_end(arguments);
        snprintf(exchange->detail, sizeof(exchange->detail), "%s", text + sizeof(name) - 1);
        text[strlen(text)] = '\n';
    }
    exchange->outcome = status == 403 ? "refused" : "failed";
    say(exchange, status, plain_text, text, text == NULL ? 0 : strlen(text));
}

/* A text that grows by pkt-lines. */
struct lines {
    char *text;
    size_t used;
    size_t room;
};

static void add_line(struct lines *lines, const char *data, size_t size)
{
    ssize_t length = lines->text == NULL ? -ENOSPC
                                         : pkt_line_write(lines->text + lines->used,
                                                          lines->room - lines->used, data, size);
    lines->used += length > 0 ? (size_t)length : 0;
}

static void add_flush(struct lines *lines)
{
    if (lines->text != NULL && lines->room - lines->used >= PKT_LINE_HEAD) {
        memcpy(lines->text + lines->used, "0000", PKT_LINE_HEAD);
        lines->used += PKT_LINE_HEAD;
    }
}

static void add_verdicts(const struct push_list *push, const char *ref, const char *why,
                         struct lines *lines)
{
    static const char unpacked[] = "unpack ok\n";
    add_line(lines, unpacked, strlen(unpacked));
    for (size_t i = 0; i < push->count; i++) {
        char line[PUSH_REF_SIZE + 128];
        const char *own = push->commands[i].ref;
        int length = snprintf(line, sizeof(line), "ng %s %s\n", own,
                              strcmp(own, ref) == 0 ? why : "the push is refused as a whole");
        add_line(lines, line, (size_t)length);
    }
    add_flush(lines);
}

/* LINES in bands, behind a sentence for people. */
static void add_bands(const struct lines *lines, const char *ref, const char *why,
                      struct lines *bands)
{
    char part[PKT_LINE_MAX - PKT_LINE_HEAD];
    int length =
        snprintf(part, sizeof(part),
                 "\002coding-agents: the push of %s is refused: %s (docs/git.md)\n", ref, why);
    add_line(bands, part, (size_t)length);
    for (size_t at = 0; at < lines->used;) {
        size_t size = lines->used - at;
        size = size > sizeof(part) - 1 ? sizeof(part) - 1 : size;
        part[0] = 1;
        memcpy(part + 1, lines->text + at, size);
        add_line(bands, part, size + 1);
        at += size;
    }
    add_flush(bands);
}

void say_push_refused(struct exchange *exchange, const char *ref, const char *why)
{
    const struct push_list *push = &exchange->push;
    size_t room = (push->count + 2) * (PUSH_REF_SIZE + 256);
    struct lines lines = {.text = calloc(1, room), .room = room};
    struct lines bands = {.text = calloc(1, 2 * room), .room = 2 * room};
    if (!push->wants_report) {
        say_text(exchange, 403, "the push of %s is refused: %s", ref, why);
    } else {
        add_verdicts(push, ref, why, &lines);
        if (push->has_side_band)
            add_bands(&lines, ref, why, &bands);
        struct lines *answer = push->has_side_band ? &bands : &lines;
        snprintf(exchange->detail, sizeof(exchange->detail), "%s: %s", ref, why);
        exchange->outcome = "refused";
        say(exchange, 200, "application/x-git-receive-pack-result", answer->text, answer->used);
        answer->text = NULL;
    }
    free(lines.text);
    free(bands.text);
}

void say_credential(struct exchange *exchange, const struct proxy_credential *credential)
{
    size_t size = sizeof(*credential) + 64;
    char *text = calloc(1, size);
    if (text != NULL)
        snprintf(text, size, "username=%s\npassword=%s\n", credential->username,
                 credential->password);
    exchange->outcome = "served";
    say(exchange, 200, plain_text, text, text == NULL ? 0 : strlen(text));
}

/* git-lfs, docs/api/batch.md: by the type and the message it says what it was told, and by the
 * status that locks are not to be had either. */
void say_no_lfs(struct exchange *exchange)
{
    static const char words[] =
        "{\"message\": \"coding-agents: files of Git LFS do not come through the git proxy: "
        "`git lfs pull` on the host before a session, and push from there what it commits "
        "(docs/git.md)\"}\n";
    snprintf(exchange->detail, sizeof(exchange->detail), "Git LFS is not served");
    exchange->outcome = "refused";
    say(exchange, 501, "application/vnd.git-lfs+json", strdup(words), strlen(words));
}

void say_elsewhere(struct exchange *exchange, const char *url)
{
    size_t size = GIT_ACCESS_URL_SIZE * 2 + 64;
    char *text = calloc(1, size);
    if (text != NULL)
        snprintf(text, size, "%s%s?service=%s", url, exchange->route.elsewhere,
                 route_service_name(exchange->route.service));
    exchange->outcome = "elsewhere";
    say(exchange, 307, plain_text, text, text == NULL ? 0 : strlen(text));
}
