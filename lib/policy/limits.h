/* Hard caps on what a policy may hold and on what one judgement looks at, each with its reason. */
#ifndef POLICY_LIMITS_H
#define POLICY_LIMITS_H

/* One file: a thousand rules with messages and examples. */
#define POLICY_FILE_BYTES_MAX (1024u * 1024)
/* Files of all directories together. */
#define POLICY_FILES_MAX 64
/* Each is compared with each command. */
#define POLICY_RULES_MAX 1024
/* Entries of one list: programs, alternatives of one argument, names, examples. */
#define POLICY_LIST_MAX 256
/* Bytes of one text: a path with room, and a line that a person reads. */
#define POLICY_TEXT_MAX 1024
/* Bytes of "message" and "instead" each: with the id they fit in TASK_TEXT_SIZE. */
#define POLICY_MESSAGE_MAX 448
/* A week: what a command left behind and nobody missed. */
#define POLICY_LINGER_MAX (7u * 24 * 3600)
/* How long a command waits for an answer: as nobody may be there, a working day at most; unsaid,
 * what somebody who is there needs to look. */
#define POLICY_ASK_MAX (8u * 3600)
#define POLICY_ASK_SECONDS 300
/* Warm sandboxes of one profile: each is a process with namespaces of its own. */
#define POLICY_WARM_MAX 64
/* Strings in strings, substitutions in substitutions. Nobody writes ten. */
#define POLICY_DEPTH_MAX 16
/* Unquoted words of the commands being looked at in a shell string, nested ones included. What does
 * not fit is not looked at. */
#define POLICY_WORDS_BYTES (64u * 1024)
#define POLICY_WORDS_MAX 4096
/* Bytes of one arithmetic expression: nobody writes a longer one. What is taken for none is read as
 * commands. */
#define POLICY_ARITHMETIC_MAX 4096
/* Quotes and parentheses in it, one in the other. */
#define POLICY_ARITHMETIC_DEPTH_MAX 16
/* Here-documents of one line. */
#define POLICY_HEREDOCS_MAX 8

#endif
