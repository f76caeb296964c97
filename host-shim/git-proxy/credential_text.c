/* Reads what git and its credential helpers say to each other. */
#include "host-shim/git-proxy/credential_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct line {
    const char *key;
    size_t key_size;
    const char *value;
    size_t value_size;
};

/* The next line of *REST bytes at *TEXT. 1, 0 at the end, or -EPROTO. */
static int next_line(const char **text, size_t *rest, struct line *line)
{
    if (*rest == 0)
        return 0;
    const char *end = memchr(*text, '\n', *rest);
    size_t size = end == NULL ? *rest : (size_t)(end - *text);
    /* An empty line ends what is said. */
    if (size == 0)
        return 0;
    const char *sign = memchr(*text, '=', size);
    if (sign == NULL || sign == *text || memchr(*text, '\0', size) != NULL)
        return -EPROTO;
    *line = (struct line){.key = *text,
                          .key_size = (size_t)(sign - *text),
                          .value = sign + 1,
                          .value_size = size - (size_t)(sign + 1 - *text)};
    size_t taken = end == NULL ? size : size + 1;
    *text += taken;
    *rest -= taken;
    return 1;
}

static bool has_key(const struct line *line, const char *key)
{
    return line->key_size == strlen(key) && memcmp(line->key, key, line->key_size) == 0;
}

/* Nothing that would be another line to somebody, or a move of a cursor. */
static bool is_plain(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    }
    return true;
}

/* The value of LINE into BUFFER of SIZE bytes when it has KEY, once. 0 or -EPROTO. */
static int take(const struct line *line, const char *key, char *buffer, size_t size)
{
    if (!has_key(line, key))
        return 0;
    if (line->value_size == 0 || line->value_size >= size || buffer[0] != '\0' ||
        !is_plain(line->value, line->value_size))
        return -EPROTO;
    memcpy(buffer, line->value, line->value_size);
    buffer[line->value_size] = '\0';
    return 0;
}

int credential_question_parse(const char *text, size_t size, struct credential_question *question,
                              struct error *err)
{
    char protocol[16] = {0};
    char host[256] = {0};
    char path[GIT_ACCESS_URL_SIZE] = {0};
    struct line line;
    int more = size > CREDENTIAL_QUESTION_MAX ? -EPROTO : 1;
    while (more > 0 && (more = next_line(&text, &size, &line)) > 0) {
        if (take(&line, "protocol", protocol, sizeof(protocol)) < 0 ||
            take(&line, "host", host, sizeof(host)) < 0 ||
            take(&line, "path", path, sizeof(path)) < 0 || has_key(&line, "url"))
            more = -EPROTO;
    }
    int length = snprintf(question->url, sizeof(question->url), "%s://%s/%s", protocol, host, path);
    if (more < 0 || length < 0 || (size_t)length >= sizeof(question->url) || path[0] == '\0' ||
        git_access_url_refusal(question->url) != NULL) {
        question->url[0] = '\0';
        return error_set(err, EPROTO, "the question is none for an https URL with a path");
    }
    return 0;
}

int credential_answer_parse(const char *text, size_t size, const struct credential_answer *answer)
{
    struct line line;
    int more;
    answer->username[0] = answer->password[0] = '\0';
    while ((more = next_line(&text, &size, &line)) > 0) {
        if (take(&line, "username", answer->username, answer->username_size) < 0 ||
            take(&line, "password", answer->password, answer->password_size) < 0)
            more = -EPROTO;
        if (more < 0)
            break;
    }
    if (more == 0 && (answer->username[0] == '\0' || answer->password[0] == '\0'))
        more = -ENOENT;
    if (more < 0) {
        explicit_bzero(answer->username, answer->username_size);
        explicit_bzero(answer->password, answer->password_size);
    }
    return more;
}
