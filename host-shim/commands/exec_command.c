/* Makes of a command on record what the policy judges. */
#include "host-shim/commands/exec_command.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "host-shim/commands/exec_view.h"
#include "lib/wire/limits.h"
#include "lib/wire/record_text.h"

int exec_command_read_arguments(const json_t *object, struct string_list *arguments)
{
    const json_t *plain = json_object_get(object, "argv");
    const json_t *list = plain != NULL ? plain : json_object_get(object, "argv_base64");
    if (!json_is_array(list))
        return -EPROTO;
    for (size_t i = 0; i < json_array_size(list); i++) {
        char *text = NULL;
        const char *reason = NULL;
        int result = record_decode(json_array_get(list, i), plain == NULL, LIMIT_EVENT_TEXT_BYTES,
                                   &text, &reason);
        if (result < 0)
            return result;
        (void)string_list_add(arguments, text);
        free(text);
    }
    return arguments->has_failed ? -ENOMEM : 0;
}

static void read_digest(const json_t *object, struct exec_command *command)
{
    const char *text = json_string_value(json_object_get(object, "program_sha256"));
    size_t size = 0;
    command->has_digest = text != NULL &&
                          sodium_hex2bin(command->digest, sizeof(command->digest), text,
                                         strlen(text), NULL, &size, NULL) == 0 &&
                          size == sizeof(command->digest);
}

int exec_command_read(const json_t *object, const json_t *outer, struct exec_command *command)
{
    *command = (struct exec_command){
        .program = exec_view_text(object, "program"),
        .directory = exec_view_text(outer != NULL ? outer : object, "cwd"),
        .is_cut = json_is_true(json_object_get(object, "argv_is_cut")),
        .is_nested = outer != NULL,
    };
    int result = exec_command_read_arguments(object, &command->arguments);
    /* The directory of a nested exec is a guess anyway. */
    if (result == 0 && outer != NULL && command->directory == NULL)
        command->directory = strdup("");
    if (result == 0 && (command->program == NULL || command->directory == NULL))
        result = -EPROTO;
    if (result < 0)
        exec_command_free(command);
    else if (outer == NULL)
        read_digest(object, command);
    return result;
}

void exec_command_free(struct exec_command *command)
{
    free(command->program);
    free(command->directory);
    string_list_free(&command->arguments);
    *command = (struct exec_command){.program = NULL};
}

static int give_digest(void *context, uint8_t digest[TASK_DIGEST_SIZE])
{
    struct exec_command *command = context;
    command->missed_digest = !command->has_digest;
    if (!command->has_digest)
        return -ENOENT;
    memcpy(digest, command->digest, TASK_DIGEST_SIZE);
    return 0;
}

void exec_command_judge(const struct policy *policy, struct exec_command *command,
                        struct policy_judgement *judgement)
{
    const struct policy_command question = {
        .program = command->program,
        .arguments = (const char *const *)command->arguments.items,
        .argument_count = command->arguments.count,
        .directory = command->directory,
        .digest = command->is_nested ? NULL : give_digest,
        .context = command,
    };
    policy_judge(policy, &question, judgement);
}

bool exec_command_was_read(const json_t *object)
{
    const char *rule = json_string_value(json_object_get(object, "rule"));
    return rule == NULL || strcmp(rule, POLICY_UNREADABLE) != 0;
}

bool exec_command_was_judged(const json_t *object)
{
    const char *verdict = json_string_value(json_object_get(object, "verdict"));
    return exec_command_was_read(object) && verdict != NULL &&
           (strcmp(verdict, "sandbox") == 0 || strcmp(verdict, "deny") == 0 ||
            strcmp(verdict, "ask") == 0);
}

bool exec_command_rules_ask(const json_t *rules, const char *key)
{
    const json_t *rule;
    size_t index;
    json_array_foreach(rules, index, rule)
    {
        if (json_object_get(json_object_get(rule, "match"), key) != NULL)
            return true;
    }
    return false;
}
