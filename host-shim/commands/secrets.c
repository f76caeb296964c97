/* coding-agents secrets: shows, sets and takes back the logins and the secrets that sessions use.
 */
#include "host-shim/commands/secrets.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/host/broker_client.h"
#include "lib/host/login.h"
#include "lib/host/named_secrets.h"
#include "lib/host/printable.h"

static const char *const agents[] = {"claude", "codex", "copilot"};

static const char *kind_of(const char *name, const struct login *login)
{
    if (named_secret_is_name(name))
        return "secret";
    return login->kind == REDEEM_FILE ? "login" : "token";
}

/* Fills LOGIN, which is owned by the caller, and says in a word what it is. */
static const char *look(const struct secrets *secrets, const char *agent, struct login *login,
                        struct error *err)
{
    int result = login_find(agent, &secrets->config, false, login, err);
    if (result == -ENOENT) {
        login->source[0] = '\0';
        return "none";
    }
    if (result < 0)
        return "malformed";
    return kind_of(agent, login);
}

/* Agents first, then the secrets that have a name: those of the file, and what secrets.json adds.
 * What is wrong with the file is in TROUBLE. */
static void list_names(const struct secrets *secrets, struct string_list *names,
                       struct error *trouble)
{
    struct named_secrets file;
    const char *key;
    json_t *value;
    for (size_t i = 0; i < ARRAY_LENGTH(agents); i++)
        string_list_add(names, agents[i]);
    if (named_secrets_load(&file, false, trouble) == 0)
        named_secrets_list(&file, names);
    json_t *entries = json_object_get(secrets->config.document, "logins");
    json_object_foreach(entries, key, value)
    {
        struct variable variable;
        if (named_secret_is_name(key) && named_secrets_find(&file, key, &variable) < 0)
            string_list_add(names, key);
    }
    named_secrets_free(&file);
}

static void show_json(json_t *list, const char *name, const char *state, const char *source,
                      const struct error *err)
{
    json_t *entry = json_pack("{s:s, s:s, s:s}", "secret", name, "state", state, "source", source);
    if (entry != NULL && strcmp(state, "malformed") == 0)
        json_object_set_new(entry, "reason", json_string(error_text(err)));
    json_array_append_new(list, entry);
}

static void show_text(const char *name, const char *state, const char *source,
                      const struct error *err)
{
    printf("%-8s %-10s ", name, state);
    printable_print(stdout, strcmp(state, "malformed") == 0 ? error_text(err) : source);
    putchar('\n');
}

static void show(const struct secrets *secrets, json_t *list, const char *name)
{
    struct login login;
    struct error err = ERROR_INITIALIZER;
    const char *state = look(secrets, name, &login, &err);
    if (list != NULL)
        show_json(list, name, state, login.source, &err);
    else
        show_text(name, state, login.source, &err);
    login_free(&login);
}

static int list_quietly(const struct string_list *names)
{
    for (size_t i = 0; i < names->count; i++)
        puts(names->items[i]);
    return EXIT_FOUND;
}

static int list_all(struct secrets *secrets)
{
    cleanup_string_list struct string_list names = {.items = NULL};
    struct error trouble = ERROR_INITIALIZER;
    list_names(secrets, &names, &trouble);
    if (command_has(secrets->line, "quiet"))
        return list_quietly(&names);
    json_t *list = command_has(secrets->line, "json") ? json_array() : NULL;
    for (size_t i = 0; i < names.count; i++)
        show(secrets, list, names.items[i]);
    if (trouble.number != 0 && list != NULL)
        show_json(list, NAMED_SECRETS_FILE, "malformed", "", &trouble);
    else if (trouble.number != 0)
        show_text(NAMED_SECRETS_FILE, "malformed", "", &trouble);
    int result = list == NULL ? 0 : printable_json_dump(list, stdout);
    json_decref(list);
    return result < 0 ? EXIT_HOST_INTERNAL : EXIT_FOUND;
}

static int test_one(struct secrets *secrets)
{
    struct login login;
    struct error err = ERROR_INITIALIZER;
    int result = login_find(secrets->name, &secrets->config, false, &login, &err);
    int code = EXIT_FOUND;
    if (result == -ENOENT) {
        printf(secrets->is_named ? "%s is no secret on this machine\n"
                                 : "%s has no login on this machine\n",
               secrets->name);
        code = EXIT_NONE;
    } else if (result < 0) {
        code = command_fail(secrets->line, &err, EXIT_POLICY);
    } else {
        printf("%s: a %s of %u bytes from ", secrets->name, kind_of(secrets->name, &login),
               (unsigned int)(login.value.size - sizeof(struct redeem_secret)));
        printable_print(stdout, login.source);
        putchar('\n');
    }
    login_free(&login);
    return code;
}

/* 1: revoked; 0: the session has none; -errno: it may still have it. One that is only planned holds
 * it already. */
static int revoke_in(const struct secrets *secrets, const struct session_state *state,
                     struct error *err)
{
    struct redeem_count count = {.leases = 0};
    bool may_have = secrets->is_named || strcmp(state->agent, secrets->name) == 0;
    if (state->phase > SESSION_RUNNING || !may_have)
        return 0;
    int result = broker_client_revoke(state->session, secrets->name, &count, err);
    if (result == -ENOENT || result == -ECONNREFUSED)
        return 0;
    if (result < 0)
        return error_prefix(err, "it may still be in use");
    if (count.secrets == 0 && secrets->is_named)
        return 0;
    printf("%s: revoked in session %s, which had it %s\n", secrets->name, state->session,
           count.leases > 0 ? "in use" : "without a holder");
    return 1;
}

/* Every session that runs, or is about to, and holds it. */
static int revoke_one(struct secrets *secrets)
{
    struct session_state **states = NULL;
    struct error err = ERROR_INITIALIZER;
    size_t count = 0;
    size_t sessions = 0;
    int failure = EXIT_FOUND;
    if (session_state_list(&states, &count, &err) < 0)
        return command_fail(secrets->line, &err, EXIT_HOST_INTERNAL);
    for (size_t i = 0; i < count; i++) {
        int result = revoke_in(secrets, states[i], &err);
        if (result < 0)
            failure = command_fail(secrets->line, &err, EXIT_HOST_INTERNAL);
        sessions += result > 0 ? 1 : 0;
        session_state_free(states[i]);
    }
    free(states);
    if (failure != EXIT_FOUND)
        return failure;
    if (sessions == 0)
        printf("%s: no session that runs has it\n", secrets->name);
    return sessions > 0 ? EXIT_FOUND : EXIT_NONE;
}

static const struct action {
    const char *name;
    int (*run)(struct secrets *secrets);
    size_t minimum; /* arguments, its own name included */
    size_t maximum;
} actions[] = {
    {"list", list_all, 1, 1},       {"test", test_one, 2, 2},     {"set", secrets_set, 2, SIZE_MAX},
    {"unset", secrets_unset, 2, 2}, {"revoke", revoke_one, 2, 2},
};

static const struct action *find_action(const struct command_line *line)
{
    for (size_t i = 0; i < ARRAY_LENGTH(actions); i++) {
        if (strcmp(actions[i].name, line->arguments[0]) == 0 &&
            line->argument_count >= actions[i].minimum &&
            line->argument_count <= actions[i].maximum)
            return &actions[i];
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct command_line line;
    struct error err = ERROR_INITIALIZER;
    command_begin("secrets", argc, argv, &line);
    const struct action *action = find_action(&line);
    if (action == NULL) {
        error_set(&err, EINVAL, "write list, test NAME, set NAME, unset NAME or revoke NAME");
        return command_fail(&line, &err, EXIT_USAGE);
    }
    struct secrets secrets = {.line = &line,
                              .name = line.argument_count > 1 ? line.arguments[1] : NULL};
    secrets.is_named = secrets.name != NULL && named_secret_is_name(secrets.name);
    if (secrets.name != NULL && !secrets.is_named && !login_is_known(secrets.name)) {
        error_set(
            &err, EINVAL,
            "'%.40s' has no login and is no secret: write claude, codex or copilot, or a name "
            "in capitals",
            secrets.name);
        return command_fail(&line, &err, EXIT_USAGE);
    }
    if (login_config_load(&secrets.config, &err) < 0)
        return command_fail(&line, &err, EXIT_POLICY);
    int code = action->run(&secrets);
    login_config_free(&secrets.config);
    return code;
}
