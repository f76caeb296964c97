/* Finds and checks agents' logins: a table of where each keeps its own. */
#include "lib/host/login.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/process.h"
#include "lib/host/named_secrets.h"

#define VARIABLES_MAX 4
#define TOKEN_BYTES_MIN 8
#define TOKEN_BYTES_MAX 8192
/* A person may have to unlock what the command asks. */
#define COMMAND_MS 60000

struct rule {
    const char *agent;
    const char *home_variable; /* moves `directory` */
    const char *directory;     /* below HOME */
    const char *file;
    bool (*has_login)(const json_t *document);
    const char *variables[VARIABLES_MAX]; /* the first that is set counts */
    const char *key_variable;             /* what its program takes a token from */
};

static bool has_text(const json_t *object, const char *key)
{
    return json_string_length(json_object_get(object, key)) > 0;
}

static bool is_claude_login(const json_t *document)
{
    return has_text(json_object_get(document, "claudeAiOauth"), "accessToken");
}

static bool is_codex_login(const json_t *document)
{
    return has_text(document, "OPENAI_API_KEY") ||
           has_text(json_object_get(document, "tokens"), "access_token");
}

/* It is Copilot's configuration as well; a login that lies in a keyring is not in it. */
static bool is_copilot_login(const json_t *document)
{
    return json_object_size(json_object_get(document, "copilot_tokens")) > 0 ||
           json_object_size(json_object_get(document, "copilotTokens")) > 0;
}

/* clang-format off */
static const struct rule rules[] = {
    {"claude",  "CLAUDE_CONFIG_DIR", ".claude",  ".credentials.json", is_claude_login,
     {"CLAUDE_API_KEY", "ANTHROPIC_API_KEY"},                         "ANTHROPIC_API_KEY"},
    {"codex",   "CODEX_HOME",        ".codex",   "auth.json",         is_codex_login,
     {"CODEX_API_KEY", "OPENAI_API_KEY"},                             "CODEX_API_KEY"},
    {"copilot", "COPILOT_HOME",      ".copilot", "config.json",       is_copilot_login,
     {"COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"},            "COPILOT_GITHUB_TOKEN"},
};
/* clang-format on */

static const struct rule *find_rule(const char *agent)
{
    for (size_t i = 0; i < ARRAY_LENGTH(rules); i++) {
        if (strcmp(rules[i].agent, agent) == 0)
            return &rules[i];
    }
    return NULL;
}

bool login_is_known(const char *agent)
{
    return find_rule(agent) != NULL;
}

/* Lines of comment in front of the document, as Copilot writes them. */
static const char *skip_comments(const char *data, size_t *size)
{
    while (*size > 1 && data[0] == '/' && data[1] == '/') {
        const char *newline = memchr(data, '\n', *size);
        size_t length = newline == NULL ? *size : (size_t)(newline - data) + 1;
        data += length;
        *size -= length;
    }
    return data;
}

static bool is_token(const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] <= ' ' || data[i] > '~')
            return false;
    }
    return size >= TOKEN_BYTES_MIN && size <= TOKEN_BYTES_MAX;
}

json_t *login_document(const char *data, size_t size, size_t *head)
{
    size_t left = size;
    const char *start = skip_comments(data, &left);
    *head = size - left;
    return json_loadb(start, left, JSON_REJECT_DUPLICATES, NULL);
}

size_t login_trim(const char *data, size_t size)
{
    while (size > 0 && (data[size - 1] == '\n' || data[size - 1] == '\r'))
        size--;
    return size;
}

static int check_document(const struct rule *rule, const char *data, size_t size,
                          struct login *login, struct error *err)
{
    size_t head = 0;
    json_t *document = login_document(data, size, &head);
    bool has_login = json_is_object(document) && rule->has_login(document);
    bool is_object = json_is_object(document);
    json_decref(document);
    if (!is_object)
        return error_set(err, EINVAL, "it is no JSON object");
    if (!has_login) {
        error_set(err, EINVAL, "it is JSON without a login of %s", rule->agent);
        return -ENODATA;
    }
    login->kind = REDEEM_FILE;
    snprintf(login->name, sizeof(login->name), "%s", rule->file);
    return 0;
}

/* A secret with a name of its own, for a server. */
static int check_named(const char *name, const char *data, size_t size, struct login *login,
                       struct error *err)
{
    login->kind = REDEEM_VARIABLE;
    snprintf(login->name, sizeof(login->name), "%s", name);
    return named_secret_check(data, size, err);
}

static const char *kind_of(const char *name)
{
    return named_secret_is_name(name) ? "the secret" : "the login of";
}

int login_check(const char *agent, const char *data, size_t size, struct login *login,
                struct error *err)
{
    const struct rule *rule = find_rule(agent);
    size_t left = size;
    if (named_secret_is_name(agent))
        return check_named(agent, data, size, login, err);
    if (rule == NULL)
        return error_set(err, EINVAL, "'%.40s' is no agent with a login", agent);
    if (size > REDEEM_SECRET_BYTES_MAX)
        return error_set(err, EINVAL, "it has more than %d bytes", REDEEM_SECRET_BYTES_MAX);
    const char *start = skip_comments(data, &left);
    if (left > 0 && start[0] == '{')
        return check_document(rule, data, size, login, err);
    if (!is_token(data, size))
        return error_set(
            err, EINVAL,
            "it is neither the JSON that %s keeps nor one token of %d to %d characters", agent,
            TOKEN_BYTES_MIN, TOKEN_BYTES_MAX);
    login->kind = REDEEM_VARIABLE;
    snprintf(login->name, sizeof(login->name), "%s", rule->key_variable);
    return 0;
}

/* DATA is checked and kept. */
static int take(const char *agent, const char *data, size_t size, bool must_lock,
                struct login *login, struct error *err)
{
    size = login_trim(data, size);
    int result = login_check(agent, data, size, login, err);
    if (result == 0)
        result = secret_make(&login->value, sizeof(struct redeem_secret) + size, must_lock, err);
    if (result < 0) {
        error_prefix(err, "%s %s (%s)", kind_of(agent), agent, login->source);
        return result;
    }
    struct redeem_secret head = {.kind = login->kind, .size = (uint32_t)size};
    memcpy(head.name, login->name, sizeof(head.name));
    memcpy(login->value.data, &head, sizeof(head));
    memcpy(login->value.data + sizeof(head), data, size);
    crypto_hash_sha256(login->digest, (const uint8_t *)data, size);
    return 0;
}

static int take_file(const char *agent, const char *path, bool must_lock, struct login *login,
                     struct error *err)
{
    char *data = NULL;
    size_t size = 0;
    snprintf(login->source, sizeof(login->source), "file %s", path);
    int result = fd_read_file(AT_FDCWD, path, REDEEM_SECRET_BYTES_MAX, &data, &size, err);
    if (result == -EFBIG)
        return error_set(err, EINVAL, "%s %s (%s): it has more than %d bytes", kind_of(agent),
                         agent, login->source, REDEEM_SECRET_BYTES_MAX);
    if (result < 0)
        return result;
    result = take(agent, data, size, must_lock, login, err);
    /* Not before: what is found elsewhere then does not belong there. */
    if (result == 0)
        snprintf(login->path, sizeof(login->path), "%s", path);
    sodium_memzero(data, size);
    free(data);
    return result;
}

static int take_command(const char *agent, const json_t *command, bool must_lock,
                        struct login *login, struct error *err)
{
    const char *argv[65] = {NULL};
    for (size_t i = 0; i < json_array_size(command) && i + 1 < ARRAY_LENGTH(argv); i++)
        argv[i] = json_string_value(json_array_get(command, i));
    const struct process_spec spec = {
        .argv = argv,
        .standard_input = -1,
        .standard_output = -1,
        .standard_error = PROCESS_FD_NULL,
        .output_limit = REDEEM_SECRET_BYTES_MAX,
        .timeout_ms = COMMAND_MS,
        .prepare = process_end_with_parent,
    };
    struct process_result result = {.output = NULL};
    snprintf(login->source, sizeof(login->source), "command %s", argv[0]);
    int status = process_run(&spec, &result, err);
    if (status < 0)
        return error_prefix(err, "%s %s (%s)", kind_of(agent), agent, login->source);
    if (process_is_success(result.wait_status))
        status = take(agent, result.output, result.output_size, must_lock, login, err);
    else
        status = error_set(err, EINVAL, "%s %s: %s ended with %d", kind_of(agent), agent,
                           login->source, process_exit_code(result.wait_status));
    sodium_memzero(result.output, result.output_size);
    process_result_free(&result);
    return status;
}

static int take_configured(const char *agent, const json_t *entry, bool must_lock,
                           struct login *login, struct error *err)
{
    const char *file = json_string_value(json_object_get(entry, "file"));
    if (json_is_true(json_object_get(entry, "none")))
        return -ENOENT;
    if (file == NULL)
        return take_command(agent, json_object_get(entry, "command"), must_lock, login, err);
    int result = take_file(agent, file, must_lock, login, err);
    /* It was named, so that it is missing is an error. */
    return result == -ENOENT
               ? error_set(err, EINVAL, "%s %s: there is no '%s'", kind_of(agent), agent, file)
               : result;
}

static int take_own_file(const struct rule *rule, bool must_lock, struct login *login,
                         struct error *err)
{
    char path[PATH_MAX];
    const char *moved = getenv(rule->home_variable);
    const char *home = getenv("HOME");
    int result;
    if (moved != NULL && moved[0] == '/')
        result = path_format(path, "%s/%s", moved, rule->file);
    else
        result = home == NULL || home[0] != '/'
                     ? -ENOENT
                     : path_format(path, "%s/%s/%s", home, rule->directory, rule->file);
    if (result == 0)
        result = take_file(rule->agent, path, must_lock, login, err);
    /* Programs keep other things there too, and leave the file behind when they log out. */
    if (result == -ENODATA)
        return -ENOENT;
    return result;
}

static int take_variable(const struct rule *rule, bool must_lock, struct login *login,
                         struct error *err)
{
    for (size_t i = 0; i < VARIABLES_MAX && rule->variables[i] != NULL; i++) {
        const char *value = getenv(rule->variables[i]);
        if (value == NULL || value[0] == '\0')
            continue;
        snprintf(login->source, sizeof(login->source), "variable %s", rule->variables[i]);
        return take(rule->agent, value, strlen(value), must_lock, login, err);
    }
    return -ENOENT;
}

static int take_named(const char *name, bool must_lock, struct login *login, struct error *err)
{
    struct named_secrets secrets;
    struct variable variable;
    int result = named_secrets_load(&secrets, must_lock, err);
    if (result == 0)
        result = named_secrets_find(&secrets, name, &variable);
    if (result == 0) {
        snprintf(login->source, sizeof(login->source), "%s:%u", secrets.path, variable.line);
        result = take(name, variable.value, variable.value_size, must_lock, login, err);
    }
    named_secrets_free(&secrets);
    return result;
}

int login_find(const char *agent, const struct login_config *config, bool must_lock,
               struct login *login, struct error *err)
{
    const struct rule *rule = find_rule(agent);
    const json_t *entry = login_config_entry(config, agent);
    memset(login, 0, sizeof(*login));
    if (rule == NULL && !named_secret_is_name(agent))
        return -ENOENT;
    if (entry != NULL)
        return take_configured(agent, entry, must_lock, login, err);
    if (rule == NULL)
        return take_named(agent, must_lock, login, err);
    int result = take_own_file(rule, must_lock, login, err);
    return result == -ENOENT ? take_variable(rule, must_lock, login, err) : result;
}

void login_wipe_environment(void)
{
    for (size_t i = 0; i < ARRAY_LENGTH(rules); i++) {
        for (size_t k = 0; k < VARIABLES_MAX && rules[i].variables[k] != NULL; k++) {
            char *value = getenv(rules[i].variables[k]);
            if (value != NULL)
                sodium_memzero(value, strlen(value));
            unsetenv(rules[i].variables[k]);
        }
    }
}

void login_free(struct login *login)
{
    secret_wipe(&login->value);
}
