/* Reads, checks and writes what the user said about secrets. */
#include "lib/host/login_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#define FILE_NAME "secrets.json"
#define BYTES_MAX (64 * 1024)
#define ARGUMENTS_MAX 64

int login_config_directory(char path[PATH_MAX], struct error *err)
{
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    if (base != NULL && base[0] == '/')
        return path_format(path, "%s/coding-agents", base) < 0
                   ? error_set(err, ENAMETOOLONG, "XDG_CONFIG_HOME")
                   : 0;
    if (home == NULL || home[0] != '/')
        return error_set(err, EINVAL, "neither XDG_CONFIG_HOME nor HOME is an absolute path");
    return path_format(path, "%s/.config/coding-agents", home) < 0
               ? error_set(err, ENAMETOOLONG, "HOME")
               : 0;
}

static bool is_command(const json_t *command)
{
    size_t count = json_array_size(command);
    for (size_t i = 0; i < count; i++) {
        if (!json_is_string(json_array_get(command, i)))
            return false;
    }
    return count > 0 && count <= ARGUMENTS_MAX;
}

static bool is_entry(const json_t *entry)
{
    const char *file = json_string_value(json_object_get(entry, "file"));
    return json_object_size(entry) == 1 &&
           ((file != NULL && file[0] == '/') || is_command(json_object_get(entry, "command")) ||
            json_is_true(json_object_get(entry, "none")));
}

/* clang-format off */
/* Words that decide something; the first is what holds without the key. */
static const struct {
    const char *key;
    const char *words[2];
} decisions[] = {
    {"when_lost",     {"stop",   "continue"}},
    {"second_redeem", {"refuse", "freeze"}},
    {"when_renewed",  {"keep",   "discard"}},
    {"sign",          {"configured", "off"}},
};
/* clang-format on */

static bool is_decision(const char *key, const json_t *value)
{
    const char *word = json_string_value(value);
    for (size_t i = 0; word != NULL && i < ARRAY_LENGTH(decisions); i++) {
        if (strcmp(key, decisions[i].key) == 0)
            return strcmp(word, decisions[i].words[0]) == 0 ||
                   strcmp(word, decisions[i].words[1]) == 0;
    }
    return false;
}

static int check(const json_t *document, const char *path, struct error *err)
{
    const char *key;
    json_t *value;
    if (json_integer_value(json_object_get(document, "version")) != 1)
        return error_set(err, EINVAL, "'%s': version is not 1", path);
    json_object_foreach((json_t *)(uintptr_t)document, key, value)
    {
        if (strcmp(key, "version") != 0 && !is_decision(key, value) &&
            (strcmp(key, "logins") != 0 || !json_is_object(value)))
            return error_set(err, EINVAL, "'%s': '%.60s' is not known, or has another value", path,
                             key);
    }
    json_object_foreach(json_object_get(document, "logins"), key, value)
    {
        if (!is_entry(value))
            return error_set(err, EINVAL,
                             "'%s': the login of '%.60s' is none of file, command, none", path,
                             key);
    }
    return 0;
}

static int file_path(char path[PATH_MAX], struct error *err)
{
    char directory[PATH_MAX];
    int result = login_config_directory(directory, err);
    if (result == 0 && path_format(path, "%s/" FILE_NAME, directory) < 0)
        result = error_set(err, ENAMETOOLONG, "the configuration");
    return result;
}

int login_config_load(struct login_config *config, struct error *err)
{
    char path[PATH_MAX];
    cleanup_free char *text = NULL;
    size_t size = 0;
    config->document = NULL;
    int result = file_path(path, err);
    if (result == 0)
        result = fd_read_file(AT_FDCWD, path, BYTES_MAX, &text, &size, err);
    if (result == -ENOENT)
        return 0;
    if (result < 0)
        return result;
    json_t *document = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    result = json_is_object(document) ? check(document, path, err)
                                      : error_set(err, EINVAL, "'%s' is no JSON object", path);
    if (result == 0)
        config->document = json_incref(document);
    json_decref(document);
    return result;
}

int login_config_save(const struct login_config *config, struct error *err)
{
    char path[PATH_MAX];
    char directory[PATH_MAX];
    int result = login_config_directory(directory, err);
    if (result == 0)
        result = path_make_directories(directory, 0700, err);
    if (result == 0)
        result = file_path(path, err);
    if (result < 0)
        return result;
    cleanup_free char *text = json_dumps(config->document, JSON_INDENT(2) | JSON_SORT_KEYS);
    if (text == NULL)
        return error_set(err, ENOMEM, "write '%s'", path);
    return fd_write_file(AT_FDCWD, path, text, strlen(text), 0600, err);
}

void login_config_free(struct login_config *config)
{
    json_decref(config->document);
    config->document = NULL;
}

const json_t *login_config_entry(const struct login_config *config, const char *agent)
{
    return json_object_get(json_object_get(config->document, "logins"), agent);
}

int login_config_set(struct login_config *config, const char *agent, json_t *entry)
{
    if (config->document == NULL)
        config->document = json_pack("{s:i, s:{}}", "version", 1, "logins");
    json_t *logins = json_object_get(config->document, "logins");
    if (logins == NULL) {
        logins = json_object();
        (void)json_object_set_new(config->document, "logins", logins);
    }
    if (entry != NULL)
        return json_object_set_new(logins, agent, entry) < 0 ? -ENOMEM : 0;
    (void)json_object_del(logins, agent);
    return config->document == NULL ? -ENOMEM : 0;
}

static bool says(const struct login_config *config, const char *key, const char *word)
{
    const char *said = json_string_value(json_object_get(config->document, key));
    return said != NULL && strcmp(said, word) == 0;
}

bool login_config_continues(const struct login_config *config)
{
    return says(config, "when_lost", "continue");
}

bool login_config_discards(const struct login_config *config)
{
    return says(config, "when_renewed", "discard");
}

bool login_config_freezes(const struct login_config *config)
{
    return says(config, "second_redeem", "freeze");
}

bool login_config_signs_nothing(const struct login_config *config)
{
    return says(config, "sign", "off");
}
