/* Finds out how the user's git signs, and with which key. */
#include "lib/host/signing_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/host/login_config.h"

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
static const char type_characters[] = "abcdefghijklmnopqrstuvwxyz0123456789-@.";
static const char literal[] = "key::";

/* The value of KEY, read as TYPE ("--type=bool") when that is not NULL; "" without one. */
static void ask(const struct signing_user *user, const char *type, const char *key, char *value,
                size_t size)
{
    const char *const plain[] = {"config", "--get", key, NULL};
    const char *const typed[] = {"config", type, "--get", key, NULL};
    cleanup_free char *line = NULL;
    value[0] = '\0';
    if (git_read_line(user->top, user->identity, type == NULL ? plain : typed, &line, NULL) == 0)
        snprintf(value, size, "%s", line);
}

static bool is_true(const struct signing_user *user, const char *key)
{
    char value[16];
    ask(user, "--type=bool", key, value, sizeof(value));
    return strcmp(value, "true") == 0;
}

int signing_config_parse_key(const char *text, size_t size, char key[SIGNING_KEY_BYTES])
{
    char line[2 * SIGNING_KEY_BYTES];
    if (size >= sizeof(line) || memchr(text, '\0', size) != NULL)
        return -EINVAL;
    snprintf(line, sizeof(line), "%.*s", (int)size, text);
    size_t type = strspn(line, type_characters);
    if (type == 0 || line[type] != ' ')
        return -EINVAL;
    const char *blob = line + type + 1;
    size_t length = strspn(blob, base64_digits);
    /* Types of ssh begin so; what else looks like this is something else. */
    bool is_type = strncmp(line, "ssh-", 4) == 0 || strncmp(line, "ecdsa-", 6) == 0 ||
                   strncmp(line, "sk-", 3) == 0 || strncmp(line, "rsa-", 4) == 0;
    if (!is_type || length < 16 || strchr(" \t\r\n", blob[length]) == NULL ||
        type + 1 + length >= SIGNING_KEY_BYTES)
        return -EINVAL;
    snprintf(key, SIGNING_KEY_BYTES, "%.*s", (int)(type + 1 + length), line);
    return 0;
}

/* 0, or -EINVAL when there is no public key at PATH. */
static int read_public(const char *path, char key[SIGNING_KEY_BYTES])
{
    cleanup_free char *text = NULL;
    size_t size = 0;
    if (fd_read_file(AT_FDCWD, path, 2 * SIGNING_KEY_BYTES, &text, &size, NULL) < 0)
        return -EINVAL;
    return signing_config_parse_key(text, size, key);
}

/* What a session cannot do is no failure of it: 0. */
__attribute__((format(printf, 2, 3))) static int say_trouble(struct signing_config *config,
                                                             const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(config->trouble, sizeof(config->trouble), format, arguments);
    va_end(arguments);
    return 0;
}

/* user.signingKey is a key, or a file: the public one, or the secret one beside it. */
static int take_ssh(const struct signing_user *user, const char *named,
                    struct signing_config *config)
{
    char public_file[PATH_MAX];
    bool is_literal = strncmp(named, literal, sizeof(literal) - 1) == 0;
    const char *text = is_literal ? named + sizeof(literal) - 1 : named;
    if (named[0] == '\0')
        return say_trouble(
            config, "user.signingKey names no key of ssh, and a session runs no command for one");
    if (is_literal || strncmp(named, "ssh-", 4) == 0) {
        if (signing_config_parse_key(text, strlen(text), config->key) < 0)
            return say_trouble(config, "user.signingKey is no public key of ssh");
        config->format = MANIFEST_SIGNING_SSH;
        return 0;
    }
    if (path_format(config->file, "%s%s%s", named[0] == '/' ? "" : user->top,
                    named[0] == '/' ? "" : "/", named) < 0 ||
        path_format(public_file, "%s.pub", config->file) < 0)
        return say_trouble(config, "the path in user.signingKey is too long");
    if (read_public(config->file, config->key) < 0 && read_public(public_file, config->key) < 0)
        return say_trouble(config, "no public key of ssh lies at '%.150s'", config->file);
    config->format = MANIFEST_SIGNING_SSH;
    return 0;
}

static int take_openpgp(const struct signing_user *user, const char *named,
                        struct signing_config *config)
{
    int length = named[0] != '\0' ? snprintf(config->key, sizeof(config->key), "%s", named)
                                  : snprintf(config->key, sizeof(config->key), "%s <%s>",
                                             user->name, user->email);
    if (length < 0 || (size_t)length >= sizeof(config->key))
        return say_trouble(config, "user.signingKey is too long");
    for (const char *at = config->key; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return say_trouble(config, "user.signingKey has a control character");
    }
    config->format = MANIFEST_SIGNING_OPENPGP;
    return 0;
}

static int take_format(const struct signing_user *user, const char *named,
                       struct signing_config *config)
{
    char format[64];
    ask(user, NULL, "gpg.format", format, sizeof(format));
    if (strcmp(format, "ssh") == 0)
        return take_ssh(user, named, config);
    if (format[0] == '\0' || strcmp(format, "openpgp") == 0)
        return take_openpgp(user, named, config);
    return say_trouble(config, "gpg.format is '%.40s', and a session signs as openpgp or ssh",
                       format);
}

int signing_config_find(const struct signing_user *user, struct signing_config *config,
                        struct error *err)
{
    char named[PATH_MAX];
    struct login_config said;
    *config = (struct signing_config){.format = MANIFEST_SIGNING_NONE};
    int result = login_config_load(&said, err);
    if (result < 0)
        return result;
    bool is_off = login_config_signs_nothing(&said);
    login_config_free(&said);
    /* Root's keys are not those of the user whose repository it is. */
    if (is_off || user->identity->uid != geteuid())
        return 0;
    bool commits = is_true(user, "commit.gpgSign");
    bool tags = is_true(user, "tag.gpgSign");
    ask(user, "--type=path", "user.signingKey", named, sizeof(named));
    if (!commits && !tags && named[0] == '\0')
        return 0;
    result = take_format(user, named, config);
    config->commits = commits && config->format != MANIFEST_SIGNING_NONE;
    config->tags = tags && config->format != MANIFEST_SIGNING_NONE;
    return result;
}

void signing_config_fill(const struct signing_config *config, struct manifest *manifest)
{
    manifest->signing = config->format;
    manifest->signing_key =
        config->format == MANIFEST_SIGNING_NONE ? NULL : (char *)(uintptr_t)config->key;
    manifest->sign_commits = config->commits;
    manifest->sign_tags = config->tags;
}
