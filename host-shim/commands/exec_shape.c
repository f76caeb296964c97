/* Commands as their agent meant them: what stands around them is its program's affair. */
#include <stdlib.h>
#include <string.h>

#include "host-shim/commands/exec_command.h"
#include "host-shim/commands/exec_view.h"
#include "lib/base/cleanup.h"
#include "lib/host/agent_shape.h"
#include "lib/host/install_paths.h"
#include "lib/host/printable.h"

/* *COMMAND as agent_shape_find. What is cut has no shape. */
static enum agent_shape_kind find_shape(const json_t *object, const char *agent, char **command)
{
    struct string_list arguments = {.count = 0};
    enum agent_shape_kind kind = AGENT_SHAPE_NONE;
    *command = NULL;
    if (!json_is_true(json_object_get(object, "argv_is_cut")) &&
        exec_command_read_arguments(object, &arguments) == 0)
        kind = agent_shape_find(agent_shapes_installed(), agent,
                                (const char *const *)arguments.items, arguments.count, command);
    string_list_free(&arguments);
    return kind;
}

char *exec_view_command(const json_t *object)
{
    char *command = NULL;
    (void)find_shape(object, NULL, &command);
    return command;
}

void exec_view_print_command(FILE *file, const json_t *object)
{
    cleanup_free char *command = exec_view_command(object);
    if (command == NULL) {
        exec_view_print_arguments(file, object);
        return;
    }
    /* No word begins like this: a dollar is quoted in words. */
    fputs("$ ", file);
    printable_print(file, command);
    fputc('\n', file);
}

/* Nobody decided anything about it, and nothing was denied inside it. */
static bool is_plain(const json_t *view)
{
    size_t i;
    const json_t *item;
    const char *verdict = json_string_value(json_object_get(view, "verdict"));
    json_array_foreach(json_object_get(view, "nested"), i, item)
    {
        const char *inner = json_string_value(json_object_get(item, "verdict"));
        if (inner == NULL || strcmp(inner, "sandbox") != 0)
            return false;
    }
    return verdict != NULL && json_object_get(view, "seconds") == NULL &&
           !json_is_true(json_object_get(view, "is_observed")) && strcmp(verdict, "deny") != 0 &&
           strcmp(verdict, "ask") != 0;
}

bool exec_view_is_own(const json_t *view, const struct exec_agent *agent)
{
    char *command = NULL;
    if (json_integer_value(json_object_get(view, "uid")) != (json_int_t)agent->uid ||
        !is_plain(view))
        return false;
    enum agent_shape_kind kind = find_shape(view, agent->name, &command);
    free(command);
    return kind == AGENT_SHAPE_OWN;
}

int exec_view_find_agent(const char *name, struct exec_agent *agent, struct error *err)
{
    struct user user;
    int result = install_user_find("agentcli", &user, err);
    if (result == 0)
        *agent = (struct exec_agent){.name = name, .uid = user.uid};
    return result;
}
