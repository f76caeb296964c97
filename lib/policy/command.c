/* Walks from a command to the commands inside it. */
#include "lib/policy/command.h"

#include <stdint.h>
#include <string.h>

#include "lib/policy/walk.h"
#include "lib/policy/wrappers.h"

const char *command_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

void command_of_arguments(const struct policy_command *from, struct command *command)
{
    static const char *const nothing[] = {NULL};
    bool has_name = from->argument_count > 0;

    *command = (struct command){
        .program = from->program,
        .name = command_name(from->program),
        .invoked = has_name ? from->arguments[0] : from->program,
        .arguments = has_name ? from->arguments + 1 : nothing,
        .argument_count = from->argument_count - has_name,
        .is_resolved = true,
    };
}

/* The command that WORDS are. False when there are none. */
static bool command_of_words(const char *const *words, size_t count, struct command *command)
{
    if (count == 0)
        return false;
    *command = (struct command){
        .program = words[0],
        .name = command_name(words[0]),
        .invoked = words[0],
        .arguments = words + 1,
        .argument_count = count - 1,
    };
    return true;
}

bool walk_enter(struct walk *walk)
{
    if (walk->depth == POLICY_DEPTH_MAX || walk->is_over) {
        walk->is_partial = true;
        return false;
    }
    walk->depth++;
    return true;
}

void walk_leave(struct walk *walk)
{
    walk->depth--;
}

/* Joined by blanks, as eval does; what does not fit is not looked at. */
static void walk_joined(struct walk *walk, const char *const *strings, size_t count)
{
    struct walk_words *words = walk->words;
    size_t mark = words->used;

    for (size_t i = 0; i < count; i++) {
        size_t length = strnlen(strings[i], sizeof(words->bytes) - words->used);

        memcpy(words->bytes + words->used, strings[i], length);
        words->used += length;
        if (words->used < sizeof(words->bytes))
            words->bytes[words->used++] = ' ';
        else
            walk->is_partial = true;
    }
    walk_text(walk, words->bytes + mark, words->used - mark);
    words->used = mark;
}

static void walk_strings(struct walk *walk, const char *const *strings, size_t count);

/* Most commands have no string in them, and do not pay for the words of one. */
static void __attribute__((noinline))
lend_words(struct walk *walk, const char *const *strings, size_t count)
{
    struct walk_words words __attribute__((uninitialized));

    words.used = 0;
    words.count = 0;
    walk->words = &words;
    walk_strings(walk, strings, count);
    walk->words = NULL;
}

static void walk_strings(struct walk *walk, const char *const *strings, size_t count)
{
    if (count == 0)
        return;
    if (walk->words == NULL)
        lend_words(walk, strings, count);
    else if (count == 1)
        walk_text(walk, strings[0], strlen(strings[0]));
    else
        walk_joined(walk, strings, count);
}

/* Behind its options, and behind OPERANDS of its own: where what it runs begins. Strings among the
 * options are walked on the way. */
static size_t skip_options(struct walk *walk, const struct wrapper *wrapper,
                           const struct command *command, size_t operands)
{
    bool has_ended = false;
    size_t i = 0;

    while (i < command->argument_count) {
        struct wrapper_option option = {0};

        if (!has_ended)
            wrapper_read_option(wrapper, command->arguments + i, command->argument_count - i,
                                &option);
        if (option.text != NULL)
            walk_strings(walk, &option.text, 1);
        if (option.width == 0 && wrapper->takes_assignments &&
            strchr(command->arguments[i], '=') != NULL)
            option.width = 1;
        if (option.width == 0 && operands == 0)
            return i;
        if (option.width == 0) {
            operands--;
            option.width = 1;
        }
        has_ended |= option.ends_options;
        i += option.width;
    }
    return i;
}

static bool unwrap_prefix(struct walk *walk, const struct wrapper *wrapper,
                          const struct command *command, struct command *inner)
{
    size_t first = skip_options(walk, wrapper, command, wrapper->operands);

    return command_of_words(command->arguments + first, command->argument_count - first, inner);
}

static bool unwrap_called(struct walk *walk, const struct wrapper *wrapper,
                          const struct command *command, struct command *inner)
{
    const char *name = command_name(command->invoked);

    (void)walk;
    (void)wrapper;
    if (strcmp(name, command->name) == 0)
        return false;
    *inner = *command;
    inner->program = inner->name = inner->invoked = name;
    inner->is_resolved = false;
    inner->number = 0;
    return true;
}

static bool unwrap_applet(struct walk *walk, const struct wrapper *wrapper,
                          const struct command *command, struct command *inner)
{
    return unwrap_called(walk, wrapper, command, inner) ||
           unwrap_prefix(walk, wrapper, command, inner);
}

/* The same program, so that rules about paths and digests still know it. */
static bool unwrap_subcommand(struct walk *walk, const struct wrapper *wrapper,
                              const struct command *command, struct command *inner)
{
    size_t first = skip_options(walk, wrapper, command, 0);

    *inner = *command;
    inner->arguments += first;
    inner->argument_count -= first;
    return first > 0 && inner->argument_count > 0;
}

static bool unwrap_strings(struct walk *walk, const struct wrapper *wrapper,
                           const struct command *command, struct command *inner)
{
    size_t first = skip_options(walk, wrapper, command, wrapper->operands);

    (void)inner;
    walk_strings(walk, command->arguments + first, command->argument_count - first);
    return false;
}

static bool ends_marked(const char *const *first, const char *const *at)
{
    return strcmp(*at, ";") == 0 ||
           (at > first && strcmp(*at, "+") == 0 && strcmp(at[-1], "{}") == 0);
}

static bool unwrap_marked(struct walk *walk, const struct wrapper *wrapper,
                          const struct command *command, struct command *inner)
{
    const char *const *end = command->arguments + command->argument_count;

    for (const char *const *at = command->arguments; at < end; at++) {
        const char *const *first = at + 1;

        if (!wrapper_lists(wrapper->options, *at))
            continue;
        for (at = first; at < end && !ends_marked(first, at); at++)
            continue;
        if (command_of_words(first, (size_t)(at - first), inner) && walk_enter(walk)) {
            walk_command(walk, inner);
            walk_leave(walk);
        }
    }
    return false;
}

/* `sh -c '"$@"' NAME COMMAND...` runs what stands behind the name, and with "$0" the name too. */
static size_t count_names(const char *text)
{
    if (strstr(text, "$0") != NULL)
        return 1;
    return strstr(text, "$@") != NULL || strstr(text, "$*") != NULL ? 2 : SIZE_MAX;
}

static bool unwrap_shell(struct walk *walk, const struct wrapper *wrapper,
                         const struct command *command, struct command *inner)
{
    bool has_string = false;
    bool has_input = false;
    bool has_ended = false;
    const char *const *at = command->arguments;
    size_t left = command->argument_count;
    size_t first;

    while (left > 0 && !has_ended) {
        struct wrapper_option option;

        wrapper_read_option(wrapper, at, left, &option);
        if (option.width == 0)
            break;
        if (option.text != NULL)
            walk_strings(walk, &option.text, 1);
        has_string |= option.has_c;
        has_input |= option.has_s;
        has_ended = option.ends_options || strcmp(*at, "-") == 0;
        at += option.width;
        left -= option.width;
    }
    walk->reads_input |= !has_string && (left == 0 || has_input);
    if (!has_string || left == 0)
        return false;
    walk_strings(walk, at, 1);
    first = count_names(at[0]);
    return left > first && command_of_words(at + first, left - first, inner);
}

typedef bool unwrap_function(struct walk *walk, const struct wrapper *wrapper,
                             const struct command *command, struct command *inner);

/* clang-format off */
static unwrap_function *const unwrappers[] = {
    [WRAPPER_PREFIX]      = unwrap_prefix,
    [WRAPPER_APPLETS]     = unwrap_applet,
    [WRAPPER_CALLED]      = unwrap_called,
    [WRAPPER_SUBCOMMANDS] = unwrap_subcommand,
    [WRAPPER_SHELL]       = unwrap_shell,
    [WRAPPER_STRINGS]     = unwrap_strings,
    [WRAPPER_MARKED]      = unwrap_marked,
};
/* clang-format on */

/* Takes WORD off the front of REST, behind options. */
static bool take_word(struct command *rest, const char *word, bool has_options)
{
    while (has_options && rest->argument_count > 0 && rest->arguments[0][0] == '-') {
        rest->arguments++;
        rest->argument_count--;
    }
    if (rest->argument_count == 0 || strcmp(rest->arguments[0], word) != 0)
        return false;
    rest->arguments++;
    rest->argument_count--;
    return true;
}

/* What a subcommand runs is visited here, a level deeper: only so deep is it looked for. */
static void walk_subcommand(struct walk *walk, const struct wrapper *row,
                            const struct command *command)
{
    struct command rest = *command;
    struct command inner;

    if (!take_word(&rest, row->subcommand, false) ||
        (row->action != NULL && !take_word(&rest, row->action, true)) || !walk_enter(walk))
        return;
    if (unwrappers[row->kind](walk, row, &rest, &inner))
        walk_command(walk, &inner);
    walk_leave(walk);
}

/* What COMMAND runs, by all rows of the table that are about it. False when NEXT was not found. */
static bool unwrap(struct walk *walk, const struct command *command, struct command *next)
{
    bool is_found = false;

    for (const struct wrapper *row = wrapper_next(command->name, NULL); row != NULL;
         row = wrapper_next(command->name, row)) {
        struct command inner;

        if (row->subcommand != NULL)
            walk_subcommand(walk, row, command);
        if (walk->is_over || row->subcommand != NULL ||
            !unwrappers[row->kind](walk, row, command, &inner))
            continue;
        *next = inner;
        is_found = true;
    }
    return is_found;
}

/* A loop, not a recursion: as many wrappers may be chained as there are arguments. */
void walk_command(struct walk *walk, const struct command *command)
{
    struct command current = *command;
    struct command next;

    while (!walk->is_over) {
        if (current.number == 0)
            current.number = ++walk->visited;
        walk->is_over = !walk->visit(&current, walk->context);
        if (!unwrap(walk, &current, &next))
            return;
        current = next;
    }
}

bool command_walk(const struct command *command, command_visitor *visit, void *context)
{
    struct walk walk = {.visit = visit, .context = context};

    walk_command(&walk, command);
    return !walk.is_partial;
}

void command_walk_text(const char *text, command_visitor *visit, void *context)
{
    struct walk walk = {.visit = visit, .context = context};

    walk_strings(&walk, &text, 1);
}
