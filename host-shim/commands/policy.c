/* coding-agents policy: what commands of a session may do, without one. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host-shim/commands/command.h"
#include "host-shim/commands/policy_show.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/string_list.h"
#include "lib/host/install_paths.h"
#include "lib/host/printable.h"
#include "lib/policy/describe.h"
#include "lib/policy/policy.h"

#define SHIPPED "policies/exec"
#define DEFAULT_DIRECTORY "/workspace"
#define DEFAULT_AGENT "shell"
/* As a name would be found in an image. */
#define PROGRAM_DIRECTORY "/usr/bin/"

enum {
    EXIT_ALLOWED = 0,
    EXIT_DENIED = 1,
};

/* A session may lack a directory; what is named here is meant to be there. */
static int add_place(struct string_list *places, const char *path, struct error *err)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return error_set(err, errno, "%s", path);
    return string_list_add(places, path) == NULL ? error_set(err, ENOMEM, "%s", path) : 0;
}

static int add_option(struct string_list *places, const char *paths, struct error *err)
{
    int result = 0;

    while (result == 0 && paths != NULL) {
        size_t length = strcspn(paths, ":");
        cleanup_free char *path = strndup(paths, length);

        if (path == NULL)
            return error_set(err, ENOMEM, "--policy");
        result = add_place(places, path, err);
        paths = paths[length] == ':' ? paths + length + 1 : NULL;
    }
    return result;
}

/* The files of the command line, the most particular first, and behind them what is shipped. */
static int find_places(const struct command_line *line, char **files, size_t count,
                       struct string_list *places, struct error *err)
{
    char shipped[PATH_MAX];
    int result = add_option(places, command_value(line, "policy"), err);

    for (size_t i = 0; result == 0 && i < count; i++)
        result = add_place(places, files[i], err);
    if (result < 0 || command_has(line, "alone"))
        return result;
    result = install_path_share(SHIPPED, shipped, err);
    return result < 0 ? result : add_place(places, shipped, err);
}

static int load(const struct command_line *line, char **files, size_t count, const char *agent,
                struct policy **policy)
{
    cleanup_string_list struct string_list places = {0};
    struct error err = ERROR_INITIALIZER;
    int result = find_places(line, files, count, &places, &err);

    if (result == 0 && places.count == 0) {
        error_set(&err, EINVAL, "--alone leaves nothing: name a policy file");
        return command_fail(line, &err, EXIT_USAGE);
    }
    if (result == 0)
        result = policy_load((const char *const *)places.items, agent, policy, &err);
    return result < 0 ? command_fail(line, &err, EXIT_POLICY) : 0;
}

static int print_json(json_t *document)
{
    int result = document != NULL ? printable_json_dump(document, stdout) : -ENOMEM;

    json_decref(document);
    return result < 0 ? EXIT_HOST_INTERNAL : 0;
}

static int check(const struct command_line *line)
{
    struct policy *policy = NULL;
    int code = load(line, line->arguments + 1, line->argument_count - 1,
                    command_value(line, "agent"), &policy);

    if (code != 0)
        return code;
    json_t *described = policy_describe(policy);
    size_t rules = json_array_size(json_object_get(described, "rules"));

    json_decref(described);
    if (command_has(line, "json"))
        code = print_json(json_pack("{s:i, s:I, s:I, s:I}", "version", 1, "profiles",
                                    (json_int_t)policy_profile_count(policy), "direct",
                                    (json_int_t)policy_direct_count(policy), "rules",
                                    (json_int_t)rules));
    else
        printf("%zu profiles, %zu direct rules, %zu rules: nothing is wrong\n",
               policy_profile_count(policy), policy_direct_count(policy), rules);
    policy_free(policy);
    return code;
}

static int show(const struct command_line *line)
{
    struct policy *policy = NULL;
    int code = load(line, NULL, 0, command_value(line, "agent"), &policy);

    if (code != 0)
        return code;
    json_t *described = policy_describe(policy);

    policy_free(policy);
    if (described == NULL || command_has(line, "json"))
        return print_json(described);
    policy_show_print(described);
    json_decref(described);
    return 0;
}

static int print_judgement(const struct command_line *line,
                           const struct policy_judgement *judgement)
{
    char text[TASK_TEXT_SIZE];

    if (command_has(line, "json"))
        return print_json(json_pack("{s:i, s:s, s:s, s:s, s:s, s:b, s:s?, s:s?}", "version", 1,
                                    "action", policy_action_name(judgement->action), "rule",
                                    judgement->rule, "tier", policy_tier_name(judgement->tier),
                                    "profile", judgement->profile, "is_observed",
                                    (int)judgement->is_observed, "message", judgement->message,
                                    "instead", judgement->instead));
    printf("action   %s%s\nrule     %s\ntier     %s\nprofile  %s\n",
           policy_action_name(judgement->action),
           judgement->is_observed ? " (the rule denies, the policy only observes)" : "",
           judgement->rule, policy_tier_name(judgement->tier), judgement->profile);
    if (judgement->action != TASK_ACTION_DENY)
        return 0;
    policy_describe_denial(judgement, text, sizeof(text));
    fputs("message  ", stdout);
    printable_print(stdout, text);
    putchar('\n');
    return 0;
}

static int test(const struct command_line *line)
{
    const char *agent = command_value(line, "agent");
    const char *directory = command_value(line, "cwd");
    char program[PATH_MAX];
    char *const *arguments = line->arguments + 1;
    struct policy_judgement judgement;
    struct policy *policy = NULL;
    struct error err = ERROR_INITIALIZER;
    const char *place = strchr(arguments[0], '/') != NULL ? "" : PROGRAM_DIRECTORY;

    if (path_format(program, "%s%s", place, arguments[0]) < 0) {
        error_set(&err, ENAMETOOLONG, "the program");
        return command_fail(line, &err, EXIT_USAGE);
    }
    int code = load(line, NULL, 0, agent != NULL ? agent : DEFAULT_AGENT, &policy);

    if (code != 0)
        return code;
    const struct policy_command command = {
        .program = program,
        .arguments = (const char *const *)arguments,
        .argument_count = line->argument_count - 1,
        .directory = directory != NULL ? directory : DEFAULT_DIRECTORY,
    };

    policy_judge(policy, &command, &judgement);
    code = print_judgement(line, &judgement);
    policy_free(policy);
    if (code != 0)
        return code;
    return judgement.action == TASK_ACTION_DENY ? EXIT_DENIED : EXIT_ALLOWED;
}

struct action {
    const char *name;
    size_t minimum; /* arguments with the name */
    size_t maximum;
    int (*run)(const struct command_line *line);
};

/* clang-format off */
static const struct action actions[] = {
    {"check", 1, SIZE_MAX, check},
    {"show",  1, 1,        show},
    {"test",  2, SIZE_MAX, test},
};
/* clang-format on */

int main(int argc, char **argv)
{
    struct command_line line;
    struct error err = ERROR_INITIALIZER;

    command_begin("policy", argc, argv, &line);
    for (size_t i = 0; i < ARRAY_LENGTH(actions); i++) {
        if (strcmp(actions[i].name, line.arguments[0]) != 0)
            continue;
        if (line.argument_count >= actions[i].minimum && line.argument_count <= actions[i].maximum)
            return actions[i].run(&line);
        error_set(&err, EINVAL, "%s: %s: see coding-agents help policy", actions[i].name,
                  line.argument_count < actions[i].minimum ? "a command is missing"
                                                           : "takes no arguments");
        return command_fail(&line, &err, EXIT_USAGE);
    }
    error_set(&err, EINVAL, "'%s' is none of check, show and test", line.arguments[0]);
    return command_fail(&line, &err, EXIT_USAGE);
}
