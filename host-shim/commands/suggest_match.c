/* Writes commands as patterns without a special character in force, and as examples. */
#include "host-shim/commands/suggest_match.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/host/printable.h"
#include "lib/policy/command.h"
#include "lib/policy/limits.h"

#define WORDS_MAX 2
#define HEX_SIZE (2 * TASK_DIGEST_SIZE + 1)

static bool has_control(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++)
        if (*at < 0x20 || *at == 0x7f)
            return true;
    return false;
}

/* A pattern that fits TEXT alone. NULL when there is none. */
static json_t *make_pattern(const char *text)
{
    char pattern[POLICY_TEXT_MAX + 1];
    size_t size = 0;
    if (text[0] == '\0' || has_control(text))
        return NULL;
    for (const char *at = text; *at != '\0'; at++) {
        /* "..." alone would stand for any number of arguments. */
        bool is_special = strchr("*?[\\", *at) != NULL || strcmp(at, "...") == 0;
        if (size + is_special + 1 > POLICY_TEXT_MAX)
            return NULL;
        if (is_special)
            pattern[size++] = '\\';
        pattern[size++] = *at;
    }
    return json_stringn(pattern, size);
}

char *suggest_match_text(const char *pattern)
{
    char *text = malloc(strlen(pattern) + 1);
    size_t size = 0;
    if (text == NULL)
        return NULL;
    for (const char *at = pattern; *at != '\0'; at++) {
        if (*at == '\\' && at[1] != '\0')
            at++;
        text[size++] = *at;
    }
    text[size] = '\0';
    return text;
}

static json_t *make_arguments(const struct exec_command *command)
{
    size_t count = command->arguments.count;
    json_t *arguments = count <= POLICY_LIST_MAX ? json_array() : NULL;
    for (size_t i = 1; arguments != NULL && i < count; i++) {
        if (json_array_append_new(arguments, make_pattern(command->arguments.items[i])) == 0)
            continue;
        json_decref(arguments);
        arguments = NULL;
    }
    return arguments;
}

json_t *suggest_match_make(const struct exec_command *command, const struct suggest_scope *scope)
{
    char digest[HEX_SIZE];
    json_t *match = json_object();
    bool is_said = match != NULL &&
                   json_object_set_new(match, "program", make_pattern(command->program)) == 0 &&
                   json_object_set_new(match, "arguments", make_arguments(command)) == 0 &&
                   json_object_set_new(match, "agent", make_pattern(scope->agent)) == 0;
    if (is_said && scope->has_directory)
        is_said = json_object_set_new(match, "directory", make_pattern(command->directory)) == 0;
    if (is_said && scope->has_digest) {
        sodium_bin2hex(digest, sizeof(digest), command->digest, sizeof(command->digest));
        is_said = json_object_set_new(match, "sha256", json_string(digest)) == 0;
    }
    if (is_said)
        return match;
    json_decref(match);
    return NULL;
}

struct reading {
    const struct exec_command *command;
    bool is_same;
};

/* Only the first command of the line is the example's own. */
static bool compare(const struct command *read, void *context)
{
    struct reading *reading = context;
    const struct string_list *arguments = &reading->command->arguments;
    size_t count = arguments->count > 0 ? arguments->count - 1 : 0;
    reading->is_same =
        strcmp(read->program, reading->command->program) == 0 && read->argument_count == count;
    for (size_t i = 0; reading->is_same && i < count; i++)
        reading->is_same = strcmp(read->arguments[i], arguments->items[i + 1]) == 0;
    return false;
}

char *suggest_match_example(const struct exec_command *command)
{
    cleanup_free char *text = NULL;
    size_t size = 0;
    struct reading reading = {.command = command};
    FILE *file = open_memstream(&text, &size);
    if (file == NULL)
        return NULL;
    for (size_t i = 0; i < command->arguments.count || i == 0; i++) {
        cleanup_free char *word =
            printable_word(i == 0 ? command->program : command->arguments.items[i]);
        fprintf(file, "%s%s", i == 0 ? "" : " ", word != NULL ? word : "");
    }
    if (fclose(file) != 0 || size == 0 || size > POLICY_TEXT_MAX || has_control(text))
        return NULL;
    command_walk_text(text, compare, &reading);
    return reading.is_same ? steal_pointer(&text) : NULL;
}

static bool is_word(const json_t *argument)
{
    const char *text = json_string_value(argument);
    return text != NULL && text[0] >= 'a' && text[0] <= 'z' &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

size_t suggest_match_words(const json_t *match)
{
    const json_t *arguments = json_object_get(match, "arguments");
    size_t count = 0;
    while (count < WORDS_MAX && is_word(json_array_get(arguments, count)))
        count++;
    return count;
}
