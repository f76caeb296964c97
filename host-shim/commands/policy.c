/* coding-agents policy: what commands of a session may do, without one. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "host-shim/commands/command.h"
#include "host-shim/commands/policy_load.h"
#include "host-shim/commands/policy_replay.h"
#include "host-shim/commands/policy_show.h"
#include "host-shim/commands/policy_suggest.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/host/printable.h"
#include "lib/policy/describe.h"
#include "lib/policy/policy.h"

#define DEFAULT_DIRECTORY "/workspace"
#define DEFAULT_AGENT "shell"
/* As a name would be found in an image. */
#define PROGRAM_DIRECTORY "/usr/bin/"

enum {
    EXIT_ALLOWED = 0,
    EXIT_DENIED = 1,
    EXIT_ASKED = 2,
};

static int print_json(json_t *document)
{
    int result = document != NULL ? printable_json_dump(document, stdout) : -ENOMEM;

    json_decref(document);
    return result < 0 ? EXIT_HOST_INTERNAL : 0;
}

static int check(const struct command_line *line)
{
    struct policy *policy = NULL;
    int code = policy_load_named(line, line->arguments + 1, line->argument_count - 1,
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
    int code = policy_load_named(line, NULL, 0, command_value(line, "agent"), &policy);

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

static json_t *describe_judgement(const struct policy_judgement *judgement)
{
    json_t *described = json_pack(
        "{s:i, s:s, s:s, s:s, s:s, s:b, s:s?, s:s?}", "version", 1, "action",
        policy_action_name(judgement->action), "rule", judgement->rule, "tier",
        policy_tier_name(judgement->tier), "profile", judgement->profile, "is_observed",
        (int)judgement->is_observed, "message", judgement->message, "instead", judgement->instead);

    if (judgement->action == TASK_ACTION_ASK)
        json_object_set_new(described, "ask_seconds",
                            json_integer((json_int_t)judgement->ask_seconds));
    return described;
}

static int print_judgement(const struct command_line *line,
                           const struct policy_judgement *judgement)
{
    char text[TASK_TEXT_SIZE];

    if (command_has(line, "json"))
        return print_json(describe_judgement(judgement));
    printf("action   %s%s\nrule     %s\ntier     %s\nprofile  %s\n",
           policy_action_name(judgement->action),
           judgement->is_observed ? " (the rule denies or asks, the policy only observes)" : "",
           judgement->rule, policy_tier_name(judgement->tier), judgement->profile);
    if (judgement->action == TASK_ACTION_SANDBOX)
        return 0;
    if (judgement->action == TASK_ACTION_ASK)
        printf("waits    %u s\n", judgement->ask_seconds);
    if (judgement->action == TASK_ACTION_ASK)
        policy_describe_reason(judgement, text, sizeof(text));
    else
        policy_describe_denial(judgement, text, sizeof(text));
    fputs("message  ", stdout);
    printable_print(stdout, text);
    putchar('\n');
    return 0;
}

static int exit_code_of(enum task_action action)
{
    if (action == TASK_ACTION_ASK)
        return EXIT_ASKED;
    return action == TASK_ACTION_DENY ? EXIT_DENIED : EXIT_ALLOWED;
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
    int code = policy_load_named(line, NULL, 0, agent != NULL ? agent : DEFAULT_AGENT, &policy);

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
    return code != 0 ? code : exit_code_of(judgement.action);
}

struct action {
    const char *name;
    const char *operand; /* what it cannot do without; NULL: nothing */
    size_t maximum;      /* arguments with the name */
    int (*run)(const struct command_line *line);
};

/* clang-format off */
static const struct action actions[] = {
    {"check",   NULL,        SIZE_MAX, check},
    {"show",    NULL,        1,        show},
    {"test",    "a command", SIZE_MAX, test},
    {"replay",  "a session", 2,        policy_replay},
    {"suggest", "a session", 2,        policy_suggest},
};
/* clang-format on */

static int run(const struct action *action, const struct command_line *line)
{
    struct error err = ERROR_INITIALIZER;

    if (action->operand != NULL && line->argument_count < 2)
        error_set(&err, EINVAL, "%s: %s is missing: see coding-agents help policy", action->name,
                  action->operand);
    else if (line->argument_count > action->maximum)
        error_set(&err, EINVAL, "%s: '%s' is one argument too many: see coding-agents help policy",
                  action->name, line->arguments[action->maximum]);
    else
        return action->run(line);
    return command_fail(line, &err, EXIT_USAGE);
}

int main(int argc, char **argv)
{
    struct command_line line;
    struct error err = ERROR_INITIALIZER;

    command_begin("policy", argc, argv, &line);
    for (size_t i = 0; i < ARRAY_LENGTH(actions); i++)
        if (strcmp(actions[i].name, line.arguments[0]) == 0)
            return run(&actions[i], &line);
    error_set(&err, EINVAL, "'%s' is none of check, show, test, replay and suggest",
              line.arguments[0]);
    return command_fail(&line, &err, EXIT_USAGE);
}
