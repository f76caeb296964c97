/* Writes the completion scripts of bash, zsh and fish. */
#include "host-shim/commands/completion_script.h"

#include "host-shim/commands/command_table.h"
#include "lib/base/cleanup.h"

/* The engine need not answer quickly, so only ids are asked for. */
#define SESSIONS "coding-agents list --quiet 2>/dev/null"
#define ASKS "coding-agents approvals --quiet 2>/dev/null"
/* Nothing is looked for, and no command of the user's is run. */
#define SECRETS "coding-agents secrets list --quiet 2>/dev/null"

/* What is known only when somebody asks, and the function of zsh that does. */
static const struct asked {
    enum command_value value;
    const char *command;
    const char *function;
} asked_values[] = {
    {COMMAND_VALUE_SESSION, SESSIONS, "_coding_agents_sessions"},
    {COMMAND_VALUE_ASK, ASKS, "_coding_agents_asks"},
    {COMMAND_VALUE_SECRET, SECRETS, "_coding_agents_secrets"},
};

static const struct asked *find_asked(enum command_value value)
{
    for (size_t i = 0; i < ARRAY_LENGTH(asked_values); i++) {
        if (asked_values[i].value == value)
            return &asked_values[i];
    }
    return NULL;
}

static void write_names(FILE *file, const char *separator)
{
    for (size_t i = 0; i < command_count; i++)
        fprintf(file, "%s%s", i == 0 ? "" : separator, commands[i].name);
}

static void write_words(FILE *file, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++)
        fprintf(file, "%s%s", i == 0 ? "" : " ", words[i]);
}

/* For compgen: what completes VALUE, as its arguments. */
static void write_bash_value(FILE *file, enum command_value value)
{
    const struct asked *asked = find_asked(value);
    const char *const *words = command_value_words(value);
    if (words != NULL) {
        fputs("-W '", file);
        write_words(file, words);
        fputs("'", file);
    } else if (asked != NULL) {
        fprintf(file, "-W \"$(%s)\"", asked->command);
    } else if (value == COMMAND_VALUE_OPERAND) {
        fputs("-f -W \"$(" SESSIONS ")\"", file);
    } else if (value == COMMAND_VALUE_COMMAND) {
        fputs("-W '", file);
        write_names(file, " ");
        fputs("'", file);
    } else if (value == COMMAND_VALUE_PATH) {
        fputs("-f", file);
    } else {
        fputs("-W ''", file);
    }
}

/* Once the line has the first argument, one of words known beforehand. */
static void write_bash_further(FILE *file, const struct command *command)
{
    const char *const *words = command_value_words(command->argument);
    if (command->further == COMMAND_VALUE_NONE || words == NULL)
        return;
    fputs("elif [[ \" ${COMP_WORDS[*]:2:COMP_CWORD-2} \" =~ \\ (", file);
    for (size_t i = 0; words[i] != NULL; i++)
        fprintf(file, "%s%s", i == 0 ? "" : "|", words[i]);
    fputs(")\\  ]]; then\n            COMPREPLY=($(compgen ", file);
    write_bash_value(file, command->further);
    fputs(" -- \"$current\"))\n        ", file);
}

static void write_bash_command(FILE *file, const struct command *command)
{
    fprintf(file, "    %s)\n        case $previous in\n", command->name);
    for (const struct command_option *option = command->options; option->name != NULL; option++) {
        if (option->placeholder == NULL)
            continue;
        fprintf(file, "        --%s) COMPREPLY=($(compgen ", option->name);
        write_bash_value(file, option->value);
        fputs(" -- \"$current\")); return ;;\n", file);
    }
    fputs("        esac\n        options='", file);
    for (const struct command_option *option = command->options; option->name != NULL; option++)
        fprintf(file, "%s--%s", option == command->options ? "" : " ", option->name);
    fputs("'\n        if [[ $current == -* ]]; then\n"
          "            COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n        ",
          file);
    write_bash_further(file, command);
    fputs("else\n            COMPREPLY=($(compgen ", file);
    write_bash_value(file, command->argument);
    fputs(" -- \"$current\"))\n        fi\n        ;;\n", file);
}

void completion_write_bash(FILE *file)
{
    fputs(
        "# bash completion of coding-agents\n_coding_agents() {\n"
        "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} options\n"
        "    COMPREPLY=()\n    if ((COMP_CWORD == 1)); then\n        COMPREPLY=($(compgen -W '",
        file);
    write_names(file, " ");
    fputs("' -- \"$current\"))\n        return\n    fi\n    case ${COMP_WORDS[1]} in\n", file);
    for (size_t i = 0; i < command_count; i++)
        write_bash_command(file, &commands[i]);
    fputs("    esac\n}\ncomplete -o default -F _coding_agents coding-agents\n", file);
}

/* Inside single quotes; brackets and colons mean something to _arguments. */
static void write_zsh_text(FILE *file, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\'')
            fputs("'\\''", file);
        else if (*at == '[' || *at == ']' || *at == ':' || *at == '\\')
            fprintf(file, "\\%c", *at);
        else
            fputc(*at, file);
    }
}

static void write_zsh_value(FILE *file, enum command_value value)
{
    const struct asked *asked = find_asked(value);
    const char *const *words = command_value_words(value);
    if (words != NULL) {
        fputs("(", file);
        write_words(file, words);
        fputs(")", file);
    } else if (asked != NULL) {
        fputs(asked->function, file);
    } else if (value == COMMAND_VALUE_OPERAND) {
        fputs("_coding_agents_operands", file);
    } else if (value == COMMAND_VALUE_COMMAND) {
        fputs("(", file);
        write_names(file, " ");
        fputs(")", file);
    } else if (value == COMMAND_VALUE_PATH) {
        fputs("_files", file);
    } else {
        fputs(" ", file);
    }
}

static void write_zsh_command(FILE *file, const struct command *command)
{
    fprintf(file, "    %s)\n        _arguments", command->name);
    for (const struct command_option *option = command->options; option->name != NULL; option++) {
        fprintf(file, " \\\n            '--%s%s[", option->name,
                option->placeholder == NULL ? "" : "=");
        write_zsh_text(file, option->summary);
        fputs("]", file);
        if (option->placeholder != NULL) {
            fputs(":", file);
            write_zsh_text(file, option->placeholder);
            fputs(":", file);
            write_zsh_value(file, option->value);
        }
        fputs("'", file);
    }
    bool has_further = command->further != COMMAND_VALUE_NONE;
    if (command->arguments_maximum > 0) {
        bool is_one = has_further || command->arguments_maximum == 1;
        fprintf(file, " \\\n            '%s:argument:", is_one ? "1" : "*");
        write_zsh_value(file, command->argument);
        fputs("'", file);
    }
    if (has_further) {
        fputs(" \\\n            '*:argument:", file);
        write_zsh_value(file, command->further);
        fputs("'", file);
    }
    fputs("\n        ;;\n", file);
}

void completion_write_zsh(FILE *file)
{
    fputs("#compdef coding-agents\n", file);
    for (size_t i = 0; i < ARRAY_LENGTH(asked_values); i++)
        fprintf(file,
                "%s() {\n    local -a words\n    words=(${(f)\"$(%s)\"})\n"
                "    compadd -a words\n}\n",
                asked_values[i].function, asked_values[i].command);
    fputs("_coding_agents_operands() {\n    _coding_agents_sessions\n    _files\n}\n"
          "_coding_agents() {\n    if ((CURRENT == 2)); then\n        local -a names\n        "
          "names=(\n",
          file);
    for (size_t i = 0; i < command_count; i++) {
        fprintf(file, "            '%s:", commands[i].name);
        write_zsh_text(file, commands[i].summary);
        fputs("'\n", file);
    }
    fputs("        )\n        _describe command names\n        return\n    fi\n"
          "    local name=$words[2]\n    shift words\n    ((CURRENT--))\n    case $name in\n",
          file);
    for (size_t i = 0; i < command_count; i++)
        write_zsh_command(file, &commands[i]);
    fputs("    esac\n}\nif [ \"$funcstack[1]\" = _coding-agents ]; then\n    _coding_agents "
          "\"$@\"\nelse\n"
          "    compdef _coding_agents coding-agents\nfi\n",
          file);
}

static void write_fish_text(FILE *file, const char *text)
{
    fputc('\'', file);
    for (const char *at = text; *at != '\0'; at++)
        fprintf(file, "%s%c", *at == '\'' || *at == '\\' ? "\\" : "", *at);
    fputc('\'', file);
}

static void write_fish_value(FILE *file, enum command_value value)
{
    const struct asked *asked = find_asked(value);
    const char *const *words = command_value_words(value);
    if (words != NULL) {
        fputs(" --arguments '", file);
        write_words(file, words);
        fputs("'", file);
    } else if (asked != NULL) {
        fprintf(file, " --arguments '(%s)'", asked->command);
    } else if (value == COMMAND_VALUE_OPERAND) {
        fputs(" --force-files --arguments '(" SESSIONS ")'", file);
    } else if (value == COMMAND_VALUE_COMMAND) {
        fputs(" --arguments '", file);
        write_names(file, " ");
        fputs("'", file);
    } else if (value == COMMAND_VALUE_PATH) {
        fputs(" --force-files", file);
    }
}

static void write_fish_command(FILE *file, const struct command *command)
{
    fputs("complete --command coding-agents --no-files --condition __fish_use_subcommand "
          "--arguments ",
          file);
    fprintf(file, "%s --description ", command->name);
    write_fish_text(file, command->summary);
    fputc('\n', file);
    for (const struct command_option *option = command->options; option->name != NULL; option++) {
        fprintf(file,
                "complete --command coding-agents --condition '__fish_seen_subcommand_from %s' "
                "--long-option %s",
                command->name, option->name);
        if (option->placeholder != NULL) {
            fputs(" --require-parameter", file);
            write_fish_value(file, option->value);
        }
        fputs(" --description ", file);
        write_fish_text(file, option->summary);
        fputc('\n', file);
    }
    if (command->arguments_maximum == 0)
        return;
    const char *const *words = command_value_words(command->argument);
    bool has_further = command->further != COMMAND_VALUE_NONE && words != NULL;
    fprintf(file, "complete --command coding-agents --condition '__fish_seen_subcommand_from %s",
            command->name);
    if (has_further) {
        fputs("; and not __fish_seen_subcommand_from ", file);
        write_words(file, words);
    }
    fputc('\'', file);
    write_fish_value(file, command->argument);
    fputc('\n', file);
    if (!has_further)
        return;
    fprintf(file,
            "complete --command coding-agents --condition '__fish_seen_subcommand_from %s; "
            "and __fish_seen_subcommand_from ",
            command->name);
    write_words(file, words);
    fputc('\'', file);
    write_fish_value(file, command->further);
    fputc('\n', file);
}

void completion_write_fish(FILE *file)
{
    fputs("# fish completion of coding-agents\n", file);
    for (size_t i = 0; i < command_count; i++)
        write_fish_command(file, &commands[i]);
}
