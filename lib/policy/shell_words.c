/* Words of a shell string: quotes taken away, substitutions walked. */
#include <string.h>

#include "lib/policy/shell.h"

/* A word that is being read. */
struct word {
    struct shell *shell;
    bool has_room;
};

static void read_quoted(struct word *word, char closer);

static void put(struct word *word, char byte)
{
    struct walk_words *words = word->shell->walk->words;

    /* One byte stays for the terminator. */
    if (words->used + 1 < sizeof(words->bytes) && byte != '\0')
        words->bytes[words->used++] = byte;
    else
        word->has_room = false;
}

static bool has(const struct shell *shell, size_t offset, char byte)
{
    return (size_t)(shell->end - shell->at) > offset && shell->at[offset] == byte;
}

bool shell_takes(struct shell *shell, char byte)
{
    if (!has(shell, 0, byte))
        return false;
    shell->at++;
    return true;
}

/* Between the quotes of $'...'; \c and \u are not worth their tables. */
static void read_escape(struct word *word)
{
    static const char letters[] = "abefnrtv";
    static const char values[] = "\a\b\033\f\n\r\t\v";
    struct shell *shell = word->shell;
    const char *digits = "01234567";
    unsigned int base = 8;
    unsigned int value = 0;
    size_t width = 0;
    const char *letter;

    if (shell->at == shell->end)
        return;
    letter = *shell->at != '\0' ? strchr(letters, *shell->at) : NULL;
    if (letter != NULL) {
        put(word, values[letter - letters]);
        shell->at++;
        return;
    }
    if (shell_takes(shell, 'x')) {
        digits = "0123456789abcdefABCDEF";
        base = 16;
    }
    for (; width < (base == 16 ? 2 : 3) && shell->at < shell->end && *shell->at != '\0'; width++) {
        const char *digit = strchr(digits, *shell->at);

        if (digit == NULL)
            break;
        value = value * base + (unsigned int)(digit - digits) - (digit - digits > 15 ? 6 : 0);
        shell->at++;
    }
    if (width > 0)
        put(word, (char)value);
    else if (shell->at < shell->end)
        put(word, *shell->at++);
}

static void read_ansi_quoted(struct word *word)
{
    struct shell *shell = word->shell;

    while (shell->at < shell->end && !shell_takes(shell, '\'')) {
        if (shell_takes(shell, '\\'))
            read_escape(word);
        else
            put(word, *shell->at++);
    }
}

static void read_single_quoted(struct word *word)
{
    struct shell *shell = word->shell;

    while (shell->at < shell->end && !shell_takes(shell, '\''))
        put(word, *shell->at++);
}

/* Its commands are a string of their own, from which one layer of backslashes is taken. */
static void read_backticks(struct word *word)
{
    struct shell *shell = word->shell;
    struct walk_words *words = shell->walk->words;
    struct word inner = {.shell = shell, .has_room = true};
    size_t start = words->used;

    while (shell->at < shell->end && !shell_takes(shell, '`')) {
        bool is_escape = *shell->at == '\\' && shell->at + 1 < shell->end;

        if (is_escape && memchr("$`\\", shell->at[1], 3) != NULL)
            shell->at++;
        put(&inner, *shell->at++);
    }
    walk_text(shell->walk, words->bytes + start, words->used - start);
    words->used = start;
    put(word, '$');
}

/* ${...}, and bash's $[...]. */
static void read_enclosed(struct word *word, char opener, char closer)
{
    put(word, opener);
    if (walk_enter(word->shell->walk)) {
        read_quoted(word, closer);
        walk_leave(word->shell->walk);
    } else {
        word->shell->at = word->shell->end;
    }
    put(word, closer);
}

/* Behind a '$' that may begin something. What it will become is not known: the '$' stands for it.
 */
static void read_expansion(struct word *word)
{
    struct shell *shell = word->shell;

    put(word, '$');
    if (has(shell, 0, '(') && has(shell, 1, '(') && shell_read_arithmetic(shell))
        return;
    if (shell_takes(shell, '(')) {
        shell_read_sublist(shell);
    } else if (shell_takes(shell, '{')) {
        read_enclosed(word, '{', '}');
    } else if (shell_takes(shell, '[')) {
        read_enclosed(word, '[', ']');
    }
}

/* As between double quotes, up to CLOSER; '\0': to the end. */
static void read_quoted(struct word *word, char closer)
{
    struct shell *shell = word->shell;

    while (shell->at < shell->end && !shell->walk->is_over) {
        char byte = *shell->at++;

        if (byte == closer && closer != '\0')
            return;
        if (byte == '\\' && shell->at < shell->end) {
            byte = *shell->at++;
            if (byte == '\n')
                continue;
            if (strchr("$`\"\\}", byte) == NULL)
                put(word, '\\');
            put(word, byte);
        } else if (byte == '$') {
            read_expansion(word);
        } else if (byte == '`') {
            read_backticks(word);
        } else if (byte == '\'' && closer == '}') {
            read_single_quoted(word);
        } else if (byte == '"' && closer == '}' && walk_enter(shell->walk)) {
            read_quoted(word, '"');
            walk_leave(shell->walk);
        } else {
            put(word, byte);
        }
    }
}

static bool ends_word(char byte)
{
    return memchr(" \t\n;&|()<>", byte, 10) != NULL;
}

static void read_special(struct word *word, char byte)
{
    struct shell *shell = word->shell;

    if (byte == '\\') {
        if (!shell_takes(shell, '\n') && shell->at < shell->end)
            put(word, *shell->at++);
    } else if (byte == '\'') {
        read_single_quoted(word);
    } else if (byte == '`') {
        read_backticks(word);
    } else if (byte == '"' || shell_takes(shell, '"')) {
        read_quoted(word, '"');
    } else if (shell_takes(shell, '\'')) {
        read_ansi_quoted(word);
    } else {
        read_expansion(word);
    }
}

bool shell_read_word(struct shell *shell)
{
    struct walk_words *words = shell->walk->words;
    struct word word = {.shell = shell, .has_room = words->used < sizeof(words->bytes)};
    size_t start = words->used;

    while (shell->at < shell->end && !ends_word(*shell->at) && !shell->walk->is_over) {
        char byte = *shell->at++;

        if (memchr("\\'\"`$", byte, 5) != NULL)
            read_special(&word, byte);
        else
            put(&word, byte);
    }
    if (!word.has_room || words->count == POLICY_WORDS_MAX) {
        shell->walk->is_partial = true;
        words->used = start;
        return false;
    }
    words->bytes[words->used++] = '\0';
    words->items[words->count++] = words->bytes + start;
    return true;
}

void shell_read_body(struct shell *shell)
{
    struct walk_words *words = shell->walk->words;
    struct word word = {.shell = shell};
    size_t start = words->used;

    read_quoted(&word, '\0');
    words->used = start;
}
