/* The forms of `coding-agents secrets` that change what sessions find. */
#include "host-shim/commands/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/host/common_log.h"
#include "lib/host/login.h"
#include "lib/host/named_secrets.h"
#include "lib/wire/record.h"

/* CONFIG/logins/NAME, where a value from standard input is kept. */
static int stored_path(const char *name, char path[PATH_MAX], struct error *err)
{
    char directory[PATH_MAX];
    int result = login_config_directory(directory, err);
    if (result == 0 && path_format(path, "%s/logins", directory) < 0)
        result = error_set(err, ENAMETOOLONG, "the configuration");
    if (result == 0)
        result = path_make_directories(path, 0700, err);
    if (result == 0 && path_format(path, "%s/logins/%s", directory, name) < 0)
        result = error_set(err, ENAMETOOLONG, "the configuration");
    return result;
}

/* Nothing of it is changed when it is malformed, and that is on record. */
static int fail_named(const struct secrets *secrets, const struct error *err, int result)
{
    json_t *fields = json_pack("{s:s}", "secret", secrets->name);
    if (result == -EINVAL && fields != NULL &&
        record_set_text(fields, "message", error_text(err)) == 0)
        common_log_record(AUDIT_SECRET_REFUSED, json_incref(fields));
    json_decref(fields);
    return command_fail(secrets->line, err, result == -EINVAL ? EXIT_POLICY : EXIT_HOST_INTERNAL);
}

/* What secrets.json says of it would go before its line. */
static int forget_entry(struct secrets *secrets, struct error *err)
{
    if (login_config_entry(&secrets->config, secrets->name) == NULL)
        return 0;
    int result = login_config_set(&secrets->config, secrets->name, NULL);
    return result < 0 ? result : login_config_save(&secrets->config, err);
}

/* A line of mcp-secrets.env. */
static int set_named(struct secrets *secrets)
{
    char *data = NULL;
    size_t size = 0;
    struct error err = ERROR_INITIALIZER;
    if (isatty(STDIN_FILENO)) {
        error_set(&err, EINVAL,
                  "give the secret on standard input, by --file, or by a command behind --");
        return command_fail(secrets->line, &err, EXIT_USAGE);
    }
    int result = fd_read_all(STDIN_FILENO, REDEEM_SECRET_BYTES_MAX, &data, &size);
    if (result < 0) {
        error_set(&err, -result, "read the secret");
        return command_fail(secrets->line, &err, EXIT_USAGE);
    }
    size_t length = login_trim(data, size);
    result = named_secret_check(data, length, &err);
    if (result < 0)
        error_prefix(&err, "the secret");
    int code = result < 0 ? command_fail(secrets->line, &err, EXIT_USAGE) : EXIT_FOUND;
    if (result == 0)
        result = named_secrets_set(secrets->name, data, length, &err);
    if (result == 0)
        result = forget_entry(secrets, &err);
    explicit_bzero(data, size);
    free(data);
    if (code != EXIT_FOUND || result < 0)
        return code != EXIT_FOUND ? code : fail_named(secrets, &err, result);
    printf("%s: set\n", secrets->name);
    return EXIT_FOUND;
}

static int unset_named(struct secrets *secrets)
{
    struct error err = ERROR_INITIALIZER;
    bool had_entry = login_config_entry(&secrets->config, secrets->name) != NULL;
    int result = named_secrets_set(secrets->name, NULL, 0, &err);
    bool had_line = result == 0;
    if (result == 0 || result == -ENOENT)
        result = forget_entry(secrets, &err);
    if (result < 0)
        return fail_named(secrets, &err, result);
    printf("%s: %s\n", secrets->name, had_entry || had_line ? "unset" : "nothing was set");
    return EXIT_FOUND;
}

static json_t *entry_of_input(const struct secrets *secrets, struct error *err)
{
    char path[PATH_MAX];
    char *data = NULL;
    size_t size = 0;
    struct login login = {.kind = 0};
    if (isatty(STDIN_FILENO)) {
        error_set(err, EINVAL,
                  "give the login on standard input, by --file, or by a command behind --");
        return NULL;
    }
    int result = fd_read_all(STDIN_FILENO, REDEEM_SECRET_BYTES_MAX, &data, &size);
    if (result < 0) {
        error_set(err, -result, "read the login");
        return NULL;
    }
    size_t length = size;
    while (length > 0 && data[length - 1] == '\n')
        length--;
    result = login_check(secrets->name, data, length, &login, err);
    if (result == 0)
        result = stored_path(secrets->name, path, err);
    if (result == 0)
        result = fd_write_file(AT_FDCWD, path, data, length, 0600, err);
    explicit_bzero(data, size);
    free(data);
    return result < 0 ? NULL : json_pack("{s:s}", "file", path);
}

static json_t *entry_of_file(const char *file, struct error *err)
{
    char path[PATH_MAX];
    if (realpath(file, path) == NULL) {
        error_set(err, errno, "find '%s'", file);
        return NULL;
    }
    json_t *entry = json_pack("{s:s}", "file", path);
    if (entry == NULL)
        error_set(err, EINVAL, "the name of the file is no UTF-8");
    return entry;
}

/* The command itself is kept, and run when a session starts; what it prints is not. */
static json_t *entry_of_command(const struct command_line *line, struct error *err)
{
    json_t *command = json_array();
    for (size_t i = 2; i < line->argument_count; i++) {
        if (json_array_append_new(command, json_string(line->arguments[i])) < 0) {
            json_decref(command);
            error_set(err, EINVAL, "the command is no UTF-8");
            return NULL;
        }
    }
    return json_pack("{s:o}", "command", command);
}

static json_t *make_entry(const struct secrets *secrets, struct error *err)
{
    const struct command_line *line = secrets->line;
    const char *file = command_value(line, "file");
    if (line->argument_count > 2)
        return entry_of_command(line, err);
    if (command_has(line, "none"))
        return json_pack("{s:b}", "none", 1);
    return file != NULL ? entry_of_file(file, err) : entry_of_input(secrets, err);
}

/* What another way replaces lies there for nobody. */
static int remove_replaced(const struct secrets *secrets, struct error *err)
{
    char path[PATH_MAX];
    const json_t *entry = login_config_entry(&secrets->config, secrets->name);
    const char *file = json_string_value(json_object_get(entry, "file"));
    int result = stored_path(secrets->name, path, err);
    if (result < 0 || (file != NULL && strcmp(file, path) == 0))
        return result;
    return unlink(path) < 0 && errno != ENOENT ? error_set(err, errno, "remove '%s'", path) : 0;
}

int secrets_set(struct secrets *secrets)
{
    const struct command_line *line = secrets->line;
    struct login login = {.kind = 0};
    struct error err = ERROR_INITIALIZER;
    int ways = (line->argument_count > 2) + command_has(line, "none") + command_has(line, "file");
    if (ways > 1) {
        error_set(&err, EINVAL, "a command, --file and --none are three ways: give one of them");
        return command_fail(line, &err, EXIT_USAGE);
    }
    if (ways == 0 && secrets->is_named)
        return set_named(secrets);
    json_t *entry = make_entry(secrets, &err);
    if (entry == NULL || login_config_set(&secrets->config, secrets->name, entry) < 0)
        return command_fail(line, &err, EXIT_USAGE);
    /* What cannot be used is not kept. */
    int result = login_find(secrets->name, &secrets->config, false, &login, &err);
    login_free(&login);
    if (result < 0 && !(result == -ENOENT && command_has(line, "none")))
        return command_fail(line, &err, EXIT_POLICY);
    if (login_config_save(&secrets->config, &err) < 0 || remove_replaced(secrets, &err) < 0)
        return command_fail(line, &err, EXIT_HOST_INTERNAL);
    printf("%s: set\n", secrets->name);
    return EXIT_FOUND;
}

int secrets_unset(struct secrets *secrets)
{
    char path[PATH_MAX];
    struct error err = ERROR_INITIALIZER;
    if (secrets->is_named)
        return unset_named(secrets);
    bool was_set = login_config_entry(&secrets->config, secrets->name) != NULL;
    if (was_set &&
        (login_config_set(&secrets->config, secrets->name, NULL) < 0 ||
         login_config_save(&secrets->config, &err) < 0 ||
         stored_path(secrets->name, path, &err) < 0 || (unlink(path) < 0 && errno != ENOENT)))
        return command_fail(secrets->line, &err, EXIT_HOST_INTERNAL);
    printf("%s: %s\n", secrets->name, was_set ? "unset" : "nothing was set");
    return EXIT_FOUND;
}
