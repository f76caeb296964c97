/* Forms the command of a session from a row of agents.tab. */
#include "lib/host/agent_command.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/path.h"
#include "lib/base/table_file.h"

/* Stands for what follows "--" among the words in front of a prompt. */
#define ARGUMENTS_WORD "ARGS"
#define BLANKS " \t"

enum column { COLUMN_NAME, COLUMN_PROGRAM = 4, COLUMN_PROMPT = 6, COLUMN_COUNT };

struct search {
    const char *agent;
    bool is_found;
    bool takes_options; /* what follows "--" are options of the program */
    char known[256];
    struct string_list words; /* owned; in front of a prompt */
    char program[PATH_MAX];
};

static int split(const char *text, struct search *search, struct error *err)
{
    for (size_t length; *(text += strspn(text, BLANKS)) != '\0'; text += length) {
        length = strcspn(text, BLANKS);
        const char *word = string_list_format(&search->words, "%.*s", (int)length, text);
        if (word == NULL)
            return error_set(err, ENOMEM, "read agents.tab");
        search->takes_options = search->takes_options || strcmp(word, ARGUMENTS_WORD) == 0;
    }
    return 0;
}

static int match(const struct table_file_row *row, void *context, struct error *err)
{
    struct search *search = context;
    size_t used = strlen(search->known);
    snprintf(search->known + used, sizeof(search->known) - used, "%s%s", used == 0 ? "" : ", ",
             row->fields[COLUMN_NAME]);
    if (strcmp(row->fields[COLUMN_NAME], search->agent) != 0)
        return 0;
    search->is_found = true;
    if (path_format(search->program, "%s", row->fields[COLUMN_PROGRAM]) < 0)
        return error_set(err, ENAMETOOLONG, "the program of '%s'", search->agent);
    return split(row->fields[COLUMN_PROMPT], search, err);
}

static int find(const char *path, struct search *search, struct error *err)
{
    int status = table_file_read(path, COLUMN_COUNT, COLUMN_COUNT, match, search, err);
    if (status < 0 || search->is_found)
        return status;
    if (search->agent[0] == '\0')
        error_set(err, EINVAL, "which agent? Write one of %s behind the command", search->known);
    else if (strchr(search->agent, '@') != NULL)
        error_set(
            err, EINVAL,
            "'%.64s' names a version, and an agent has that of its image: write one of %s, and "
            "--image NAME for another image",
            search->agent, search->known);
    else
        error_set(err, EINVAL, "there is no agent '%.64s': write one of %s", search->agent,
                  search->known);
    return -EPERM;
}

/* The words of the request, and what follows "--": that comes last, and so has the last word. */
static void add_arguments(struct string_list *command, const struct agent_request *request)
{
    for (size_t i = 0; request->words != NULL && i < request->words->count; i++)
        string_list_add(command, request->words->items[i]);
    for (char *const *argument = request->arguments; *argument != NULL; argument++)
        string_list_add(command, *argument);
}

static void add_prompt(const struct agent_request *request, const struct search *search,
                       struct string_list *command)
{
    const char *front = "";
    for (size_t i = 0; i < search->words.count; i++) {
        const char *word = search->words.items[i];
        if (strcmp(word, ARGUMENTS_WORD) == 0)
            add_arguments(command, request);
        else if (word[strlen(word) - 1] == '=')
            front = word;
        else
            string_list_add(command, word);
    }
    string_list_format(command, "%s%s", front, request->prompt);
}

static int form(const struct agent_request *request, const struct search *search,
                struct string_list *command, struct error *err)
{
    bool has_arguments = request->arguments[0] != NULL;
    if (request->has_variables && !search->takes_options) {
        error_set(
            err, EINVAL,
            "--env-file is for a program of a vendor's, and '%s' has none: commands get no keys",
            request->agent);
        return -EPERM;
    }
    bool has_words = request->words != NULL && request->words->count > 0;
    if (request->prompt == NULL && !has_arguments && !has_words)
        return 0;
    if (request->prompt != NULL && has_arguments && !search->takes_options) {
        error_set(err, EINVAL,
                  "--prompt and a command behind -- are two commands: give one of them");
        return -EPERM;
    }
    if (search->takes_options)
        string_list_add(command, search->program);
    if (request->prompt != NULL)
        add_prompt(request, search, command);
    else
        add_arguments(command, request);
    return command->has_failed ? error_set(err, ENOMEM, "keep the command") : 0;
}

int agent_command_make(const char *path, const struct agent_request *request,
                       struct string_list *command, struct error *err)
{
    struct search search = {.agent = request->agent == NULL ? "" : request->agent};
    int status = find(path, &search, err);
    if (status == 0)
        status = form(request, &search, command, err);
    string_list_free(&search.words);
    return status;
}
