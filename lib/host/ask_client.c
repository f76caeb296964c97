/* Requests to a session's keeper about commands that wait for an answer, and its replies. */
#include "lib/host/ask_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/wire/channel.h"
#include "lib/wire/session.h"

int ask_client_open(struct ask_client *client, const char *session, struct error *err)
{
    char directory[PATH_MAX];
    char path[PATH_MAX];
    *client = (struct ask_client){.fd = -1};
    snprintf(client->session, sizeof(client->session), "%s", session);
    int result = session_runtime_directory(session, directory, err);
    if (result == 0 && path_format(path, "%s/sockets/root.sock", directory) < 0)
        result = error_set(err, ENAMETOOLONG, "the keeper's socket");
    if (result < 0)
        return result;
    client->fd = channel_connect(path, CHANNEL_ROLE_APPROVER, session, ASK_CLIENT_ANSWER_MS, err);
    return client->fd < 0 ? client->fd : 0;
}

void ask_client_close(struct ask_client *client)
{
    cleanup_close(&client->fd);
}

/* Takes REQUEST. */
static int send_request(const struct ask_client *client, json_t *request, struct error *err)
{
    cleanup_free char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    if (text == NULL)
        return error_set(err, ENOMEM, "ask the keeper");
    int result = channel_send_frame(client->fd, CHANNEL_ASK_REQUEST, text, strlen(text));
    return result < 0 ? error_set(err, -result, "ask the keeper") : 0;
}

static int read_reply(const char *frame, size_t size, json_t **reply, struct error *err)
{
    struct channel_header header;
    const void *payload = NULL;
    size_t payload_size = 0;
    int result = channel_parse_frame(frame, size, &header, &payload, &payload_size, err);
    if (result == 0 && header.type != CHANNEL_ASK_REPLY)
        result = error_set(err, EPROTO, "the keeper answered something else");
    if (result < 0)
        return result;
    *reply = json_loadb(payload, payload_size, 0, NULL);
    return *reply == NULL ? error_set(err, EPROTO, "the keeper's answer is no JSON") : 0;
}

static int receive_reply(const struct ask_client *client, uint32_t timeout_ms, json_t **reply,
                         struct error *err)
{
    cleanup_free char *frame = malloc(LIMIT_CHANNEL_FRAME_BYTES);
    struct pollfd wait = {.fd = client->fd, .events = POLLIN};
    if (frame == NULL)
        return error_set(err, ENOMEM, "hear the keeper");
    int ready = poll(&wait, 1, (int)timeout_ms);
    if (ready <= 0)
        return error_set(err, ready < 0 ? errno : ETIMEDOUT, "wait for the keeper's answer");
    ssize_t count = recv(client->fd, frame, LIMIT_CHANNEL_FRAME_BYTES, MSG_DONTWAIT);
    if (count <= 0)
        return error_set(err, count < 0 ? errno : ECONNRESET, "the keeper closed the connection");
    return read_reply(frame, (size_t)count, reply, err);
}

int ask_client_request_next(struct ask_client *client, bool is_waiting, struct error *err)
{
    return send_request(client,
                        json_pack("{s:s, s:I, s:b}", "request", "next", "after",
                                  (json_int_t)client->after, "wait", (int)is_waiting),
                        err);
}

int ask_client_receive_next(struct ask_client *client, uint32_t timeout_ms, json_t **ask,
                            struct error *err)
{
    json_t *reply = NULL;
    int result = receive_reply(client, timeout_ms, &reply, err);
    if (result < 0)
        return result;
    json_t *found = json_object_get(reply, "ask");
    if (found == NULL)
        found = json_object_get(reply, "notice");
    json_int_t change = json_integer_value(json_object_get(found, "change"));
    if (found != NULL && change > 0)
        client->after = (uint64_t)change;
    else if (!json_is_true(json_object_get(reply, "end")))
        result = error_set(err, EPROTO, "the keeper answered something else");
    *ask = result == 0 ? json_incref(found) : NULL;
    json_decref(reply);
    return result;
}

const char *ask_client_notice(const json_t *ask)
{
    return json_string_value(json_object_get(ask, "text"));
}

int ask_client_next(struct ask_client *client, json_t **ask, struct error *err)
{
    int result = ask_client_request_next(client, false, err);
    return result < 0 ? result : ask_client_receive_next(client, ASK_CLIENT_ANSWER_MS, ask, err);
}

int ask_client_count(const char *session, struct error *err)
{
    struct ask_client client;
    int count = 0;
    json_t *ask = NULL;
    int result = ask_client_open(&client, session, err);
    while (result == 0 && (result = ask_client_next(&client, &ask, err)) == 0 && ask != NULL) {
        const char *state = json_string_value(json_object_get(ask, "state"));
        count += state != NULL && strcmp(state, ask_states[ASK_WAITING]) == 0;
        json_decref(ask);
    }
    ask_client_close(&client);
    return result < 0 ? result : count;
}

int ask_client_answer(struct ask_client *client, const struct ask_answer *answer, struct error *err)
{
    json_t *reply = NULL;
    int result = send_request(client, ask_answer_write(answer), err);
    if (result == 0)
        result = receive_reply(client, ASK_CLIENT_ANSWER_MS, &reply, err);
    if (result < 0)
        return result;
    const char *error = json_string_value(json_object_get(reply, "error"));
    if (error != NULL)
        result = error_set(err, EINVAL, "%s", error);
    else if (!json_is_true(json_object_get(reply, "answered")))
        result = error_set(err, EPROTO, "the keeper answered something else");
    json_decref(reply);
    return result;
}
