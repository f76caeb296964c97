/* Finds the commands of a string for a shell, and judges them one by one. */
#include "host-shim/commands/suggest_inner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/host/printable.h"
#include "lib/policy/command.h"

/* More are in no string that somebody reads. */
#define INNER_MAX 64

struct reading {
    struct suggest_inner *inner;
    const char *directory;
    size_t last; /* the number of the command visited last */
    bool has_failed;
};

static bool take(const struct command *command, void *context)
{
    struct reading *reading = context;
    struct suggest_inner *inner = reading->inner;
    /* Once more without its options: the first form is the one that was given. */
    if (command->number == reading->last)
        return true;
    reading->last = command->number;
    if (inner->count == INNER_MAX)
        return false;
    struct exec_command *item = &inner->items[inner->count++];
    item->program = strdup(command->program);
    item->directory = strdup(reading->directory);
    item->is_nested = true;
    (void)string_list_add(&item->arguments, command->program);
    for (size_t i = 0; i < command->argument_count; i++)
        (void)string_list_add(&item->arguments, command->arguments[i]);
    reading->has_failed =
        item->program == NULL || item->directory == NULL || item->arguments.has_failed;
    return !reading->has_failed;
}

int suggest_inner_read(const char *text, const char *directory, struct suggest_inner *inner)
{
    struct reading reading = {.inner = inner, .directory = directory};
    *inner = (struct suggest_inner){.items = calloc(INNER_MAX, sizeof(*inner->items))};
    if (inner->items == NULL)
        return -ENOMEM;
    command_walk_text(text, take, &reading);
    if (!reading.has_failed)
        return 0;
    suggest_inner_free(inner);
    return -ENOMEM;
}

void suggest_inner_free(struct suggest_inner *inner)
{
    for (size_t i = 0; i < inner->count; i++)
        exec_command_free(&inner->items[i]);
    free(inner->items);
    *inner = (struct suggest_inner){.items = NULL};
}

static bool is_same(const struct exec_command *item, const struct string_list *arguments)
{
    if (item->arguments.count != arguments->count || arguments->count == 0 ||
        strcmp(item->program, command_name(arguments->items[0])) != 0)
        return false;
    for (size_t i = 1; i < arguments->count; i++)
        if (strcmp(item->arguments.items[i], arguments->items[i]) != 0)
            return false;
    return true;
}

bool suggest_inner_has(const struct suggest_inner *inner, const json_t *object)
{
    bool has = false;
    cleanup_string_list struct string_list arguments = {.count = 0};
    if (exec_command_read_arguments(object, &arguments) < 0)
        return false;
    for (size_t i = 0; i < inner->count && !has; i++)
        has = is_same(&inner->items[i], &arguments);
    return has;
}

/* Behind `bash -c`: what a policy says of TEXT there. */
static void judge_string(const struct policy *policy, const char *text, const char *directory,
                         struct policy_judgement *judgement)
{
    const char *const arguments[] = {"bash", "-c", text};
    const struct policy_command question = {.program = "/usr/bin/bash",
                                            .arguments = arguments,
                                            .argument_count = ARRAY_LENGTH(arguments),
                                            .directory = directory};
    policy_judge(policy, &question, judgement);
}

/* ITEM as a line of a shell. Owned by the caller; NULL without memory. */
static char *write_line(const struct exec_command *item)
{
    size_t size = 0;
    cleanup_free char *text = NULL;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL)
        return NULL;
    for (size_t i = 0; i < item->arguments.count; i++) {
        cleanup_free char *word = printable_word(item->arguments.items[i]);
        fprintf(file, "%s%s", i == 0 ? "" : " ", word != NULL ? word : "");
    }
    return fclose(file) == 0 ? steal_pointer(&text) : NULL;
}

bool suggest_inner_judge(const struct policy *policy, struct exec_command *item,
                         struct policy_judgement *judgement)
{
    struct policy_judgement shell;
    struct policy_judgement both;
    cleanup_free char *line = write_line(item);
    if (line == NULL)
        return false;
    exec_command_judge(policy, item, judgement);
    judge_string(policy, ":", item->directory, &shell);
    judge_string(policy, line, item->directory, &both);
    enum task_tier tier = judgement->tier > shell.tier ? judgement->tier : shell.tier;
    return judgement->action == TASK_ACTION_SANDBOX && !judgement->is_observed &&
           both.action == TASK_ACTION_SANDBOX && both.tier == tier &&
           strcmp(both.profile, judgement->profile) == 0;
}
