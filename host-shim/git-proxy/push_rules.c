/* Holds a push against what the user allows. */
#include <stdio.h>
#include <string.h>

#include "host-shim/git-proxy/git_proxy.h"

static struct own_ref *find_own(const struct upstream *upstream, const char *ref)
{
    for (size_t i = 0; i < upstream->own_count; i++) {
        if (strcmp(upstream->own[i].ref, ref) == 0)
            return &upstream->own[i];
    }
    return NULL;
}

/* The remote compares the old id with what it has, so a ref that is changed from what this session
 * made of it loses nothing of anybody else's. */
static bool is_own(const struct upstream *upstream, const struct push_command *command)
{
    const struct own_ref *own = find_own(upstream, command->ref);
    return own != NULL && strcmp(own->id, command->old_id) == 0;
}

static const char *judge(const struct exchange *exchange, const struct push_command *command)
{
    const struct git_rules *rules = &exchange->proxy->rules;
    if (!git_rules_match(rules, exchange->proxy->agent, command->ref))
        return "the rules for pushes do not name it";
    if (push_is_nothing(command->new_id)) {
        if (!rules->allows_deletion)
            return "no session may delete a ref";
        return is_own(exchange->upstream, command) ? NULL : "it was not pushed by this session";
    }
    if (push_is_nothing(command->old_id) || rules->updates == GIT_RULES_ANY ||
        is_own(exchange->upstream, command))
        return NULL;
    return "it is there, and has something that this session did not push";
}

const struct push_command *push_rules_refuse(const struct exchange *exchange, const char **why)
{
    for (size_t i = 0; i < exchange->push.count; i++) {
        *why = judge(exchange, &exchange->push.commands[i]);
        if (*why != NULL)
            return &exchange->push.commands[i];
    }
    return NULL;
}

static const struct push_command *find_command(const struct push_list *list, const char *ref)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->commands[i].ref, ref) == 0)
            return &list->commands[i];
    }
    return NULL;
}

void push_rules_remember(void *context, const char *ref)
{
    struct exchange *exchange = context;
    struct upstream *upstream = exchange->upstream;
    const struct push_command *command = find_command(&exchange->push, ref);
    if (command == NULL)
        return;
    struct own_ref *own = find_own(upstream, ref);
    if (own == NULL && upstream->own_count < PROXY_OWN_REFS)
        own = &upstream->own[upstream->own_count++];
    if (own != NULL) {
        snprintf(own->ref, sizeof(own->ref), "%s", command->ref);
        snprintf(own->id, sizeof(own->id), "%s", command->new_id);
    }
    tell_push(exchange, command, NULL);
}
