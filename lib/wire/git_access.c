/* The document that names the remotes a session reaches through the proxy. */
#include "lib/wire/git_access.h"

#include <stdbool.h>
#include <string.h>

#include "lib/wire/git_config.h"
#include "lib/wire/record.h"

static const char scheme[] = "https://";
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static const char *check_name(const char *value)
{
    size_t length = strspn(value, letters);
    while (value[length] != '\0' && strchr("._-", value[length]) != NULL)
        length += 1 + strspn(value + length + 1, letters);
    return length > 0 && value[0] != '.' && value[length] == '\0' ? NULL : "is no name of a remote";
}

static bool is_host(const char *text, size_t length)
{
    static const char punctuation[] = ".-:[]";
    if (length == 0 || text[0] == '-' || text[0] == ':')
        return false;
    for (size_t i = 0; i < length; i++) {
        if (strchr(letters, text[i]) == NULL && strchr(punctuation, text[i]) == NULL)
            return false;
    }
    return true;
}

const char *git_access_url_refusal(const char *url)
{
    if (strncmp(url, scheme, strlen(scheme)) != 0)
        return "is no https URL";
    if (strlen(url) >= GIT_ACCESS_URL_SIZE)
        return "is a URL of more than 2047 bytes";
    const char *host = url + strlen(scheme);
    size_t length = strcspn(host, "/?#");
    if (!is_host(host, length) || host[length] != '/')
        return "is a URL without a plain host and a path";
    for (const char *p = host + length; *p != '\0'; p++) {
        if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || strchr("?#\"\\<>", *p) != NULL)
            return "is a URL with characters that no path has";
    }
    return git_config_refusal("remote.origin.url", url);
}

#define AT(type, member) .offset = offsetof(struct type, member)

/* clang-format off */
static const struct record_field remote_fields[] = {
    {.key = "name", .type = RECORD_TEXT, AT(git_access_remote, name), .size = GIT_ACCESS_NAME_SIZE - 1, .check = check_name},
    {.key = "url",  .type = RECORD_TEXT, AT(git_access_remote, url),  .size = GIT_ACCESS_URL_SIZE - 1, .check = git_access_url_refusal},
    {.key = NULL},
};
static const struct record_field access_fields[] = {
    {.key = "remotes", .type = RECORD_OBJECT_LIST, AT(git_access, remotes), .size = sizeof(struct git_access_remote),
                       .count_offset = offsetof(struct git_access, remote_count), .limit = GIT_ACCESS_REMOTES_MAX,
                       .fields = remote_fields},
    {.key = "credentials", .type = RECORD_TEXT_LIST, AT(git_access, credentials), .limit = GIT_ACCESS_CREDENTIALS_MAX,
                       .size = GIT_ACCESS_URL_SIZE - 1, .check = git_access_url_refusal},
    {.key = NULL},
};
/* clang-format on */

int git_access_render(const struct git_access *access, char **text, size_t *size, struct error *err)
{
    json_t *object = NULL;
    int result = record_write(access_fields, access, &object, err);
    return result < 0 ? result : record_render(object, GIT_ACCESS_VERSION, text, size, err);
}

int git_access_parse(const char *text, size_t size, struct git_access *access, struct error *err)
{
    json_t *object = NULL;
    *access = (struct git_access){.remotes = NULL};
    int result = record_parse(text, size, GIT_ACCESS_VERSION, &object, err);
    if (result < 0)
        return result;
    result = record_read(access_fields, object, access, err);
    json_decref(object);
    if (result < 0)
        git_access_free(access);
    return result;
}

void git_access_free(struct git_access *access)
{
    record_release(access_fields, access);
    access->remote_count = 0;
}
