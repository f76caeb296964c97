/* A reader of shell strings: enough of the language to find the commands. */
#ifndef POLICY_SHELL_H
#define POLICY_SHELL_H

#include "lib/policy/walk.h"

/* A here-document whose body comes with the next newline. */
struct shell_heredoc {
    const char *delimiter; /* as written, quotes and all */
    size_t length;
    bool is_quoted;  /* the body holds no substitutions */
    bool skips_tabs; /* <<- */
};

struct shell {
    struct walk *walk;
    const char *at;
    const char *end;
    struct shell_heredoc heredocs[POLICY_HEREDOCS_MAX];
    size_t heredoc_count;
};

/* Reads commands up to CLOSER (')' or, for none, the end) and visits them; CLOSER is consumed. */
void shell_read_list(struct shell *shell, char closer);

/* Behind a '(': the same up to its ')', one level deeper. At the deepest, nothing more is read. */
void shell_read_sublist(struct shell *shell);

/* Reads a word, unquoted, onto the words. False when it found no place there; it is read anyway. */
bool shell_read_word(struct shell *shell);

/* Reads the rest as the body of a here-document: nothing but its substitutions counts. */
void shell_read_body(struct shell *shell);

/* At "((": behind its "))" when it is arithmetic, of which nothing but the substitutions counts.
 * Otherwise nothing happens, and false. */
bool shell_read_arithmetic(struct shell *shell);

/* Skips one byte where it is BYTE. */
bool shell_takes(struct shell *shell, char byte);

#endif
