/* Lists of commands in a shell string: separators, redirections, here-documents, subshells. */
#include "lib/policy/shell.h"

#include <string.h>

#include "lib/policy/wrappers.h"

/* Words that stand in front of a command without being one. */
#define LEADING_WORDS "! { if then elif else while until do coproc"

/* The command that is being read, and the list it is in. */
struct list {
    struct shell *shell;
    char closer;
    size_t first;            /* of its words */
    size_t mark;             /* where their bytes begin */
    const char *word_end;    /* in the text; of the last word */
    const char *here_string; /* among the bytes; NULL without one */
    size_t cases;            /* `case` that wait for their `esac` */
    bool expects_pattern;    /* of a `case`: what comes up to ')' is no command */
};

static const char *word_at(const struct list *list, size_t index)
{
    return list->shell->walk->words->items[list->first + index];
}

static size_t count_words(const struct list *list)
{
    return list->shell->walk->words->count - list->first;
}

static void drop_words(struct list *list)
{
    list->shell->walk->words->count = list->first;
    list->shell->walk->words->used = list->mark;
    list->here_string = NULL;
    list->word_end = NULL;
}

static size_t skip_leading_words(const struct list *list, size_t count)
{
    size_t i = 0;

    while (i < count) {
        if (strcmp(word_at(list, i), "function") == 0 && i + 1 < count)
            i += 2;
        else if (wrapper_lists(LEADING_WORDS, word_at(list, i)) ||
                 wrapper_is_assignment(word_at(list, i)))
            i++;
        else
            return i;
    }
    return i;
}

static void visit_words(const struct list *list, size_t first, size_t count)
{
    const char *program = word_at(list, first);
    const struct command command = {
        .program = program,
        .name = command_name(program),
        .invoked = program,
        .arguments = list->shell->walk->words->items + list->first + first + 1,
        .argument_count = count - first - 1,
    };

    if (walk_enter(list->shell->walk)) {
        walk_command(list->shell->walk, &command);
        walk_leave(list->shell->walk);
    }
}

/* At a separator: the command is whole. */
static void finish_command(struct list *list)
{
    struct walk *walk = list->shell->walk;
    size_t count = count_words(list);
    size_t first = skip_leading_words(list, count);

    if (first < count)
        visit_words(list, first, count);
    if (list->here_string != NULL && walk->reads_input)
        walk_text(walk, list->here_string, strlen(list->here_string));
    drop_words(list);
}

static void skip_blanks(struct shell *shell)
{
    while (shell_takes(shell, ' ') || shell_takes(shell, '\t'))
        continue;
}

static bool is_number(const char *word)
{
    return word[0] != '\0' && word[strspn(word, "0123456789")] == '\0';
}

/* "{name}" or "{name[index]}". */
static bool is_variable_for_descriptor(const char *word)
{
    size_t length = strlen(word);
    size_t name = length > 2 && word[0] == '{' ? wrapper_name_length(word + 1) : 0;

    return name > 0 && word[length - 1] == '}' &&
           (name + 2 == length || (word[name + 1] == '[' && word[length - 2] == ']'));
}

/* "2>file", "{name}>file": what stands directly in front is part of the redirection. */
static void drop_descriptor(struct list *list)
{
    struct walk_words *words = list->shell->walk->words;
    const char *last;

    if (count_words(list) == 0 || list->word_end != list->shell->at)
        return;
    last = words->items[words->count - 1];
    if (is_number(last) || is_variable_for_descriptor(last))
        words->count--;
}

/* A word that is no argument. It stays among the bytes until the command is finished. */
static const char *read_other_word(struct list *list)
{
    struct shell *shell = list->shell;

    skip_blanks(shell);
    if (!shell_read_word(shell))
        return NULL;
    return shell->walk->words->items[--shell->walk->words->count];
}

static void read_heredoc(struct list *list)
{
    struct shell *shell = list->shell;
    struct shell_heredoc heredoc = {.skips_tabs = shell_takes(shell, '-')};

    skip_blanks(shell);
    heredoc.delimiter = shell->at;
    read_other_word(list);
    heredoc.length = (size_t)(shell->at - heredoc.delimiter);
    for (size_t i = 0; i < heredoc.length; i++)
        heredoc.is_quoted |= memchr("\\'\"", heredoc.delimiter[i], 3) != NULL;
    if (shell->heredoc_count < POLICY_HEREDOCS_MAX)
        shell->heredocs[shell->heredoc_count++] = heredoc;
    else
        shell->walk->is_partial = true;
}

static void read_redirection(struct list *list)
{
    struct shell *shell = list->shell;
    bool is_input = *shell->at == '<';

    drop_descriptor(list);
    shell->at++;
    if (shell_takes(shell, '(')) {
        shell_read_sublist(shell);
    } else if (is_input && shell_takes(shell, '<')) {
        if (shell_takes(shell, '<'))
            list->here_string = read_other_word(list);
        else
            read_heredoc(list);
    } else {
        if (!shell_takes(shell, '>') && !shell_takes(shell, '|'))
            shell_takes(shell, '&');
        read_other_word(list);
    }
}

static bool is_delimiter(const char *line, size_t length, const struct shell_heredoc *heredoc)
{
    for (size_t i = 0; i < heredoc->length; i++) {
        if (memchr("\\'\"", heredoc->delimiter[i], 3) != NULL)
            continue;
        if (length == 0 || *line != heredoc->delimiter[i])
            return false;
        line++;
        length--;
    }
    return length == 0;
}

/* The body, which is passed. */
static struct shell take_body(struct shell *shell, const struct shell_heredoc *heredoc)
{
    struct shell body = {.walk = shell->walk, .at = shell->at, .end = shell->at};

    while (shell->at < shell->end) {
        size_t left = (size_t)(shell->end - shell->at);
        const char *newline = memchr(shell->at, '\n', left);
        const char *line = shell->at;
        const char *end = newline != NULL ? newline : shell->end;

        shell->at = newline != NULL ? newline + 1 : shell->end;
        while (heredoc->skips_tabs && line < end && *line == '\t')
            line++;
        if (is_delimiter(line, (size_t)(end - line), heredoc))
            return body;
        body.end = shell->at;
    }
    return body;
}

/* Behind a newline. The bodies are a script when a shell of the line takes its commands from them.
 */
static void read_heredocs(struct shell *shell)
{
    bool is_script = shell->walk->reads_input;
    size_t count = shell->heredoc_count;

    shell->heredoc_count = 0;
    for (size_t i = 0; i < count && walk_enter(shell->walk); i++) {
        struct shell body = take_body(shell, &shell->heredocs[i]);

        if (is_script)
            walk_text(shell->walk, body.at, (size_t)(body.end - body.at));
        else if (!shell->heredocs[i].is_quoted)
            shell_read_body(&body);
        walk_leave(shell->walk);
    }
    shell->walk->reads_input = false;
}

/* A subshell, a function's "()", an array: whatever is inside is taken for commands. */
static void open_parenthesis(struct list *list)
{
    struct shell *shell = list->shell;

    if (list->expects_pattern)
        return;
    finish_command(list);
    shell->at--;
    if (shell->at + 1 < shell->end && shell->at[1] == '(' && shell_read_arithmetic(shell))
        return;
    shell->at++;
    shell_read_sublist(shell);
}

/* True when the list ends here. */
static bool close_parenthesis(struct list *list)
{
    if (list->expects_pattern) {
        drop_words(list);
        list->expects_pattern = false;
        return false;
    }
    finish_command(list);
    return list->closer == ')';
}

static bool read_operator(struct list *list)
{
    struct shell *shell = list->shell;
    char byte = *shell->at++;

    if (byte == '(')
        open_parenthesis(list);
    else if (byte == ')')
        return close_parenthesis(list);
    else if (byte != '|' || !list->expects_pattern)
        finish_command(list);
    if (byte == '\n')
        read_heredocs(shell);
    if (byte == ';') {
        bool ends_clause = shell_takes(shell, ';');

        ends_clause |= shell_takes(shell, '&');
        list->expects_pattern = ends_clause && list->cases > 0;
    }
    return false;
}

/* `case` and `esac` are words of the language only where they are written without quotes. */
static void note_case(struct list *list, const char *start)
{
    size_t length = (size_t)(list->shell->at - start);
    size_t count = count_words(list);
    bool is_first = count > 0 && skip_leading_words(list, count - 1) == count - 1;
    bool is_behind_in = list->expects_pattern && count > 3;

    if (length != 4)
        return;
    if (is_first && memcmp(start, "case", 4) == 0) {
        list->cases++;
        list->expects_pattern = true;
    } else if ((is_first || is_behind_in) && list->cases > 0 && memcmp(start, "esac", 4) == 0) {
        list->cases--;
        list->expects_pattern = false;
        drop_words(list);
    }
}

static void read_argument(struct list *list)
{
    const char *start = list->shell->at;

    if (!shell_read_word(list->shell))
        return;
    list->word_end = list->shell->at;
    note_case(list, start);
}

static void skip_comment(struct shell *shell)
{
    while (shell->at < shell->end && *shell->at != '\n')
        shell->at++;
}

/* "&>": what follows the '&' is a redirection like any other. */
static bool redirects_both(const struct shell *shell)
{
    return shell->end - shell->at > 1 && shell->at[0] == '&' && shell->at[1] == '>';
}

void shell_read_list(struct shell *shell, char closer)
{
    struct list list = {
        .shell = shell,
        .closer = closer,
        .first = shell->walk->words->count,
        .mark = shell->walk->words->used,
    };
    bool has_ended = false;

    while (!has_ended && shell->at < shell->end && !shell->walk->is_over) {
        char byte = *shell->at;

        if (byte == ' ' || byte == '\t' || redirects_both(shell))
            shell->at++;
        else if (byte == '\\' && shell->at + 1 < shell->end && shell->at[1] == '\n')
            shell->at += 2;
        else if (byte == '#')
            skip_comment(shell);
        else if (byte == '<' || byte == '>')
            read_redirection(&list);
        else if (memchr("\n;&|()", byte, 6) != NULL)
            has_ended = read_operator(&list);
        else
            read_argument(&list);
    }
    finish_command(&list);
}

void shell_read_sublist(struct shell *shell)
{
    if (!walk_enter(shell->walk)) {
        shell->at = shell->end;
        return;
    }
    shell_read_list(shell, ')');
    walk_leave(shell->walk);
}

void walk_text(struct walk *walk, const char *text, size_t length)
{
    struct shell shell = {.walk = walk, .at = text, .end = text + length};

    if (!walk_enter(walk))
        return;
    shell_read_list(&shell, '\0');
    walk_leave(walk);
}
