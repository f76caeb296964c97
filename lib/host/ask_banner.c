/* Follows what asks in a session, and draws one line about it over the last of a terminal. */
#include "lib/host/ask_banner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/host/ask_line.h"

#define CONTAINER_PREFIX "coding-agents-"
/* What was on its way to the terminal when the session was to stand still. */
#define NOTICE_MS 1000
/* Cursor, colours and character set away, and back: DECSC, CUP, ASCII, SGR, DECRC. */
#define BEGIN "\0337\033[%u;1H\033(B\033[0;7m"
#define END "\033[0m\0338"

void ask_banner_open(struct ask_banner *banner, const char *container)
{
    size_t length = strlen(CONTAINER_PREFIX);
    *banner = (struct ask_banner){.client.fd = -1};
    if (strncmp(container, CONTAINER_PREFIX, length) != 0 ||
        ask_client_open(&banner->client, container + length, NULL) < 0)
        return;
    if (ask_client_request_next(&banner->client, true, NULL) < 0)
        ask_banner_close(banner);
}

void ask_banner_close(struct ask_banner *banner)
{
    ask_client_close(&banner->client);
    banner->text[0] = banner->notice[0] = '\0';
}

/* Bytes that every terminal shows in one column each. */
static void set_text(char text[ASK_BANNER_COLUMNS], const char *line)
{
    snprintf(text, ASK_BANNER_COLUMNS, "%s", line);
    for (char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || (unsigned char)*at > '~')
            *at = '?';
}

static void show_ask(struct ask_banner *banner, const json_t *ask)
{
    cleanup_free char *line = ask_line(banner->client.session, NULL, ask);
    set_text(banner->text, line != NULL ? line : "a command asks");
    banner->number = (uint64_t)json_integer_value(json_object_get(ask, "ask"));
}

/* All are looked through more than once, and each notice is shown once. */
static bool show_notice(struct ask_banner *banner, const json_t *notice)
{
    json_int_t change = json_integer_value(json_object_get(notice, "change"));
    if (change <= banner->noticed)
        return false;
    banner->noticed = change;
    banner->noticed_ns = clock_monotonic_ns();
    set_text(banner->notice, ask_client_notice(notice));
    return true;
}

/* Once the one that is shown is over, all are looked through again for one that still waits. */
static bool take(struct ask_banner *banner, const json_t *ask)
{
    const char *state = json_string_value(json_object_get(ask, "state"));
    bool is_shown = banner->text[0] != '\0' &&
                    json_integer_value(json_object_get(ask, "ask")) == (json_int_t)banner->number;
    if (ask_client_notice(ask) != NULL)
        return show_notice(banner, ask);
    if (state != NULL && strcmp(state, ask_states[ASK_WAITING]) == 0) {
        show_ask(banner, ask);
        return true;
    }
    if (!is_shown)
        return false;
    banner->text[0] = '\0';
    banner->client.after = 0;
    return true;
}

static const char *text_of(const struct ask_banner *banner)
{
    return banner->notice[0] != '\0' ? banner->notice : banner->text;
}

bool ask_banner_is_shown(const struct ask_banner *banner)
{
    return text_of(banner)[0] != '\0';
}

bool ask_banner_go_on(struct ask_banner *banner)
{
    uint64_t until_ns = banner->noticed_ns + NOTICE_MS * CLOCK_NANOSECONDS_PER_MILLISECOND;
    if (banner->notice[0] == '\0' || clock_monotonic_ns() < until_ns)
        return false;
    banner->notice[0] = '\0';
    return true;
}

bool ask_banner_hear(struct ask_banner *banner)
{
    json_t *ask = NULL;
    int result = ask_client_receive_next(&banner->client, ASK_CLIENT_ANSWER_MS, &ask, NULL);
    bool has_changed = result < 0 ? ask_banner_is_shown(banner) : take(banner, ask);
    json_decref(ask);
    if (result < 0 || ask_client_request_next(&banner->client, true, NULL) < 0)
        ask_banner_close(banner);
    return has_changed;
}

size_t ask_banner_draw(const struct ask_banner *banner, const struct winsize *size,
                       char output[ASK_BANNER_SIZE])
{
    int columns = size->ws_col < ASK_BANNER_COLUMNS ? size->ws_col : ASK_BANNER_COLUMNS - 1;
    if (!ask_banner_is_shown(banner) || size->ws_row == 0 || columns == 0)
        return 0;
    int length = snprintf(output, ASK_BANNER_SIZE, BEGIN "%-*.*s" END, (unsigned int)size->ws_row,
                          columns, columns, text_of(banner));
    return length > 0 && length < ASK_BANNER_SIZE ? (size_t)length : 0;
}
