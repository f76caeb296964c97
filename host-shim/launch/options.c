/* Parses the launcher's command line: one table row per option. */
#include "host-shim/launch/options.h"

#include <argp.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/host/grammar.h"
#include "lib/wire/limits.h"
#include "lib/wire/manifest.h"
#include "lib/wire/variables.h"

/* Checks VALUE (NULL for a flag) and stores it in FIELD of the options. */
typedef int option_setter(const char *value, void *field, struct error *err);

struct option_rule {
    const char *name;
    const char *value; /* what the help calls it; NULL for a flag */
    option_setter *set;
    size_t field;
    const char *help;
};

static int set_flag(const char *value, void *field, struct error *err)
{
    (void)value;
    (void)err;
    *(bool *)field = true;
    return 0;
}

static int set_text(const char *value, void *field, struct error *err)
{
    if (value[0] == '\0' || strlen(value) >= LIMIT_ARGUMENT_BYTES)
        return error_set(err, EINVAL, "the text must have 1 to %d bytes", LIMIT_ARGUMENT_BYTES - 1);
    *(const char **)field = value;
    return 0;
}

static int set_name(const char *value, void *field, struct error *err)
{
    if (!manifest_is_name(value))
        return error_set(
            err, EINVAL,
            "a name has 1 to 32 lower case letters, digits and '-', and starts with no '-'");
    *(const char **)field = value;
    return 0;
}

static int set_branch(const char *value, void *field, struct error *err)
{
    if (!manifest_is_branch(value))
        return error_set(err, EINVAL,
                         "git does not allow this name for a branch; see git-check-ref-format(1)");
    *(const char **)field = value;
    return 0;
}

static int set_variables(const char *value, void *field, struct error *err)
{
    variables_free(*(char **)field);
    *(char **)field = NULL;
    return variables_read(value, field, err) < 0 ? -EINVAL : 0;
}

/* Stores whether VALUE is the second of two words. */
static int set_choice(const char *value, const char *const words[2], void *field, struct error *err)
{
    if (strcmp(value, words[0]) != 0 && strcmp(value, words[1]) != 0)
        return error_set(err, EINVAL, "write %s or %s", words[0], words[1]);
    *(bool *)field = strcmp(value, words[1]) == 0;
    return 0;
}

static int set_network(const char *value, void *field, struct error *err)
{
    return set_choice(value, (const char *const[]){"allow-all", "restricted"}, field, err);
}

static int set_broker(const char *value, void *field, struct error *err)
{
    return set_choice(value, (const char *const[]){"socket", "sidecar"}, field, err);
}

static int set_cpus(const char *value, void *field, struct error *err)
{
    return grammar_cpus(value, field, err);
}

static int set_memory(const char *value, void *field, struct error *err)
{
    return grammar_memory(value, field, err);
}

static int set_pids(const char *value, void *field, struct error *err)
{
    return grammar_pids(value, field, err);
}

static int set_gpu(const char *value, void *field, struct error *err)
{
    *(const char **)field = value;
    return grammar_gpu(value, err);
}

static int set_channel(const char *value, void *field, struct error *err)
{
    *(const char **)field = value;
    return grammar_channel(value, err);
}

static int set_image(const char *value, void *field, struct error *err)
{
    *(const char **)field = value;
    return grammar_image(value, err);
}

static int add_text(const char *value, void *field, struct error *err)
{
    return string_list_add(field, value) == NULL ? error_set(err, ENOMEM, "keep the option") : 0;
}

static int add_device_rate(const char *value, void *field, struct error *err)
{
    int status = grammar_device_rate(value, err);
    return status < 0 ? status : add_text(value, field, err);
}

#define FIELD(name) offsetof(struct launch_options, name)
/* clang-format off */
static const struct option_rule option_rules[] = {
    {"branch",             "NAME",     set_branch,  FIELD(branch), "work on branch NAME, on the host too, instead of AGENT/NAME"},
    {"use-current-branch", NULL,       set_flag,    FIELD(use_current_branch), "work on the branch that is checked out; it comes back as AGENT/BRANCH"},
    {"name",               "NAME",     set_name,    FIELD(name), "name the session (session-1, session-2, ...)"},
    {"prompt",             "TEXT",     set_text,    FIELD(prompt), "what the agent is to do; for shell, a command line for sh"},
    {"env-file",           "FILE",     set_variables, FIELD(variables), "give the agent's own process the variables in FILE, NAME=VALUE a line"},
    {"interactive",        NULL,       set_flag,    FIELD(is_interactive), "run what follows -- in a terminal too"},
    {"no-push",            NULL,       set_flag,    FIELD(no_push), "commit at the end, but bring nothing back"},
    {"no-data",            NULL,       set_flag,    FIELD(no_data), "nothing of earlier sessions for the agent, and nothing for later ones"},
    {"commit-message",     "TEXT",     set_text,    FIELD(commit_message), "message of the automatic commit"},
    {"commit-secrets",     NULL,       set_flag,    FIELD(commit_secrets), "commit files that look like credentials too"},
    {"include-ignored",    NULL,       set_flag,    FIELD(include_ignored), "copy ignored files into the session too"},
    {"network",            "MODE",     set_network, FIELD(is_restricted), "allow-all (default) or restricted (no network)"},
    {"broker",             "MODE",     set_broker,  FIELD(has_sidecar), "socket (default), or sidecar where the engine can mount no socket of this machine"},
    {"cpus",               "N",        set_cpus,    FIELD(milli_cpus), "processors at most (4)"},
    {"memory",             "SIZE",     set_memory,  FIELD(memory_bytes), "memory at most (8g)"},
    {"pids",               "N",        set_pids,    FIELD(pids), "processes at most (4096)"},
    {"device-read-bps",    "DEV:RATE", add_device_rate, FIELD(device_read_bps), "limit reading from a block device"},
    {"device-write-bps",   "DEV:RATE", add_device_rate, FIELD(device_write_bps), "limit writing to a block device"},
    {"gpu",                "SPEC",     set_gpu,     FIELD(gpu), "give GPUs: all, a number, or device=ID,..."},
    {"image",              "REF",      set_image,   FIELD(image), "use this image: a local one, or NAME@sha256:DIGEST"},
    {"from-source",        NULL,       set_flag,    FIELD(from_source), "build the image from the installed source"},
    {"dotnet-preview",     "CHANNEL",  set_channel, FIELD(dotnet_preview), "install a preview of .NET before the agent starts"},
    {"engine-arg",         "ARG",      add_text,    FIELD(engine_arguments), "pass --NAME=VALUE to docker run, if policies/engine-args.tab has it"},
    {"yes",                NULL,       set_flag,    FIELD(yes), "answer yes to questions"},
    {"dry-run",            NULL,       set_flag,    FIELD(is_dry_run), "print the docker run command and start nothing"},
    {"json",               NULL,       set_flag,    FIELD(is_json), "print --dry-run as JSON"},
};

/* Options of which only one may be given; a text field counts as given when it is not NULL. */
static const struct {
    size_t first; /* a flag */
    size_t second;
    const char *sentence;
} exclusions[] = {
    {FIELD(use_current_branch), FIELD(branch), "--use-current-branch and --branch name two branches: give one of them"},
    {FIELD(is_interactive),     FIELD(prompt), "--interactive runs the agent in a terminal, and --prompt without one: give one of them"},
    {FIELD(from_source),        FIELD(image),  "--from-source builds the image that --image names otherwise: give one of them"},
};
/* clang-format on */

#define KEY_FIRST 0x100
#define KEY_HELP 'h'

struct parse_context {
    struct launch_options *options;
    struct error *err;
    int status;
};

static void take_positional(struct parse_context *context, const char *value)
{
    struct launch_options *options = context->options;
    if (options->agent == NULL)
        options->agent = value;
    else if (options->source == NULL && value[0] != '\0')
        options->source = value;
    else
        context->status = error_set(
            context->err, EINVAL, "'%s' is one argument too many: a command goes behind --", value);
}

static void show_help(const struct argp_state *state) __attribute__((noreturn));
static void show_help(const struct argp_state *state)
{
    argp_help(state->root_argp, stdout, ARGP_HELP_STD_HELP, state->name);
    exit(EXIT_SUCCESS);
}

/* What getopt stumbled over is the argument it read last; of several short options, the next. */
static int refuse_option(const struct argp_state *state, struct error *err)
{
    const char *given = state->argv[state->next - 1];
    if (given[0] != '-' && state->next < state->argc)
        given = state->argv[state->next];
    return error_set(err, EINVAL,
                     "'%.200s' is no option, or its value is missing or not wanted: see %s --help",
                     given, state->name);
}

static error_t parse_one(int key, char *value, struct argp_state *state)
{
    struct parse_context *context = state->input;
    if (key == KEY_HELP)
        show_help(state);
    if (key == ARGP_KEY_ERROR && context->status == 0)
        context->status = refuse_option(state, context->err);
    if (key == ARGP_KEY_ARG && context->status == 0)
        take_positional(context, value);
    if (key == ARGP_KEY_ARG || (key >= KEY_FIRST && context->status < 0))
        return 0;
    if (key < KEY_FIRST || key >= KEY_FIRST + (int)ARRAY_LENGTH(option_rules))
        return ARGP_ERR_UNKNOWN;
    const struct option_rule *rule = &option_rules[key - KEY_FIRST];
    context->status = rule->set(value, (char *)context->options + rule->field, context->err);
    if (context->status < 0)
        error_prefix(context->err, "--%s '%.200s'", rule->name, value);
    return 0;
}

static int check_together(const struct launch_options *options, struct error *err)
{
    const char *base = (const char *)options;
    for (size_t i = 0; i < ARRAY_LENGTH(exclusions); i++) {
        if (*(const bool *)(base + exclusions[i].first) &&
            *(const char *const *)(const void *)(base + exclusions[i].second) != NULL)
            return error_set(err, EINVAL, "%s", exclusions[i].sentence);
    }
    if (options->is_json && !options->is_dry_run)
        return error_set(err, EINVAL, "--json prints --dry-run: give both");
    return 0;
}

/* argp moves what follows "--" to the end like any argument, so it is cut off before. */
static int cut_command(int argc, char **argv, char ***command)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            *command = argv + i + 1;
            return i;
        }
    }
    *command = argv + argc;
    return argc;
}

int options_parse(int argc, char **argv, struct launch_options *options, struct error *err)
{
    struct argp_option table[ARRAY_LENGTH(option_rules) + 2] = {{.name = NULL}};
    for (size_t i = 0; i < ARRAY_LENGTH(option_rules); i++)
        table[i] = (struct argp_option){
            .name = option_rules[i].name,
            .key = KEY_FIRST + (int)i,
            .arg = option_rules[i].value,
            .doc = option_rules[i].help,
        };
    table[ARRAY_LENGTH(option_rules)] =
        (struct argp_option){.name = "help", .key = KEY_HELP, .doc = "show this help"};
    const struct argp parser = {
        .options = table,
        .parser = parse_one,
        .args_doc = "AGENT [SOURCE] [-- COMMAND [ARGUMENT...]]",
        .doc = "Run an agent on a git repository (a path, the current directory, or a URL) in a "
               "container "
               "and bring its work back as a branch.",
    };
    struct parse_context context = {.options = options, .err = err};
    *options = (struct launch_options){.is_persistent = options->is_persistent};
    int count = cut_command(argc, argv, &options->command);
    /* argp's own words for a bad option are two lines, and its help goes with them. */
    int status = argp_parse(&parser, count, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &context);
    if (status != 0 && context.status == 0)
        return error_set(err, status, "read the command line");
    return context.status < 0 ? context.status : check_together(options, err);
}

void options_free(struct launch_options *options)
{
    variables_free(options->variables);
    string_list_free(&options->device_read_bps);
    string_list_free(&options->device_write_bps);
    string_list_free(&options->engine_arguments);
}
