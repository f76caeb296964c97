/* Programs that run other commands, as data. */
#ifndef POLICY_WRAPPERS_H
#define POLICY_WRAPPERS_H

#include <stdbool.h>
#include <stddef.h>

enum wrapper_kind {
    WRAPPER_PREFIX,      /* NAME [OPTIONS] [OPERANDS] COMMAND [ARGUMENTS] */
    WRAPPER_APPLETS,     /* the same, but for a NAME given by argv[0], which is the command then */
    WRAPPER_CALLED,      /* argv[0], when it is another name, says what the program does */
    WRAPPER_SUBCOMMANDS, /* NAME [OPTIONS] SUBCOMMAND: judged without the options too */
    WRAPPER_SHELL,   /* NAME [OPTIONS] -c STRING; commands from standard input without operands */
    WRAPPER_STRINGS, /* NAME [OPTIONS] STRING...: a shell reads them, joined by blanks */
    WRAPPER_MARKED,  /* NAME ... MARK COMMAND [ARGUMENTS] ; ... */
};

/*
 * Options are words, separated by blanks: letters or long names without their dashes. Behind each
 * stands ':' when a value follows, attached or as the next argument; '?' when one may be attached;
 * '!' for a value that a shell will read. Letters and names that are not listed have no value.
 */
struct wrapper {
    const char *name;
    const char *subcommand; /* the row is about this one only; NULL: about all */
    const char *action;     /* and about this one of the subcommand's, behind its options */
    enum wrapper_kind kind;
    const char *options;    /* NULL: none with a value. MARKED: the marks, as they are written */
    size_t operands;        /* of its own, in front of the command */
    bool takes_assignments; /* NAME=VALUE may stand in front of the command */
};

/* The next row for NAME behind LAST (NULL: the first one), or NULL. Few names have two. */
const struct wrapper *wrapper_next(const char *name, const struct wrapper *last);

/* An option at ARGUMENTS[0], as one row of the table reads it. */
struct wrapper_option {
    size_t width;      /* how many arguments it takes up; 0: ARGUMENTS[0] is no option */
    const char *text;  /* a value that a shell will read, or NULL */
    bool ends_options; /* it is "--" */
    bool has_c;        /* the letter c is in it */
    bool has_s;        /* the letter s is in it */
};

void wrapper_read_option(const struct wrapper *wrapper, const char *const *arguments, size_t count,
                         struct wrapper_option *option);

/* True when WORD is one of the blank-separated words of LIST. */
bool wrapper_lists(const char *list, const char *word);

/* The length of the shell variable's name that WORD begins with; 0 for none. */
size_t wrapper_name_length(const char *word);

/* True for "NAME=VALUE", "NAME+=VALUE" and "NAME[INDEX]=VALUE". */
bool wrapper_is_assignment(const char *word);

#endif
