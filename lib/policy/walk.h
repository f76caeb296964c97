/* What the parts of a walk share: wrappers find strings, shell strings hold commands. */
#ifndef POLICY_WALK_H
#define POLICY_WALK_H

#include "lib/policy/command.h"
#include "lib/policy/limits.h"

/* Unquoted words, as a stack: a command takes its own off when it was looked at. */
struct walk_words {
    char bytes[POLICY_WORDS_BYTES];
    const char *items[POLICY_WORDS_MAX];
    size_t used;
    size_t count;
};

struct walk {
    command_visitor *visit;
    void *context;
    struct walk_words *words; /* NULL until there is a string to split */
    size_t depth;
    size_t visited; /* commands, counted */
    bool is_over;
    bool is_partial;  /* something was too deep or too long to be looked at */
    bool reads_input; /* a shell was visited that takes its commands from standard input */
};

/* Visits COMMAND and what is inside it. Its texts may lie in the walk's words. */
void walk_command(struct walk *walk, const struct command *command);

/* Visits the commands of a shell string of LENGTH bytes; no NUL needed. */
void walk_text(struct walk *walk, const char *text, size_t length);

/* One level deeper; false at the deepest, and then walk_leave is not called. */
bool walk_enter(struct walk *walk);
void walk_leave(struct walk *walk);

#endif
