/* agent-commit: commits what a session changed and pushes it to the volume's repository. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/agent-commit/changes.h"
#include "init/agent-commit/credential_patterns.h"
#include "init/agent-commit/work_tree.h"
#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"
#include "lib/base/path.h"

#define DEFAULT_REPOSITORY "/var/lib/coding-agents/local.git"
/* Names told one by one; the rest is a number. */
#define WITHHELD_TOLD_MAX 100
#define UNREACHED_TOLD_MAX 20
/* Bytes of a name that are told, so that a report has a bound: four characters a byte at most. */
#define NAME_TOLD_MAX 100

const char *argp_program_version = "agent-commit " CODING_AGENTS_VERSION;

struct options {
    const char *branch;
    const char *message;
    const char *repository;
    const char *patterns;
    bool withholds_secrets;
    bool pushes;
};

enum option_key {
    OPTION_BRANCH = 0x100,
    OPTION_MESSAGE,
    OPTION_REPOSITORY,
    OPTION_PATTERNS,
    OPTION_COMMIT_SECRETS,
    OPTION_WITHHOLD_SECRETS,
    OPTION_PUSH,
    OPTION_NO_PUSH,
};

/* clang-format off */
static const struct argp_option option_table[] = {
    { .name = "branch", .key = OPTION_BRANCH, .arg = "NAME", .doc = "Branch to push (required)" },
    { .name = "message", .key = OPTION_MESSAGE, .arg = "TEXT", .doc = "Commit message" },
    { .name = "repository", .key = OPTION_REPOSITORY, .arg = "PATH",
      .doc = "Where to push (default " DEFAULT_REPOSITORY ")" },
    { .name = "patterns", .key = OPTION_PATTERNS, .arg = "FILE",
      .doc = "Credential patterns (default " CREDENTIAL_PATTERNS_FILE ")" },
    { .name = "commit-secrets", .key = OPTION_COMMIT_SECRETS,
      .doc = "Commit files that look like credentials too" },
    { .name = "withhold-secrets", .key = OPTION_WITHHOLD_SECRETS, .doc = "Leave them out (default)" },
    { .name = "push", .key = OPTION_PUSH, .doc = "Push after committing (default)" },
    { .name = "no-push", .key = OPTION_NO_PUSH, .doc = "Only commit" },
    { 0 },
};
/* clang-format on */

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;
    switch (key) {
    case OPTION_BRANCH:
        options->branch = argument;
        return 0;
    case OPTION_MESSAGE:
        options->message = argument;
        return 0;
    case OPTION_REPOSITORY:
        options->repository = argument;
        return 0;
    case OPTION_PATTERNS:
        options->patterns = argument;
        return 0;
    case OPTION_COMMIT_SECRETS:
    case OPTION_WITHHOLD_SECRETS:
        options->withholds_secrets = key == OPTION_WITHHOLD_SECRETS;
        return 0;
    case OPTION_PUSH:
    case OPTION_NO_PUSH:
        options->pushes = key == OPTION_PUSH;
        return 0;
    case ARGP_KEY_END:
        if (options->branch == NULL)
            argp_error(state, "--branch is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Control characters and bytes beyond ASCII are shown as \xNN: the name ends up on terminals and in
 * logs. */
static void print_escaped(const char *path)
{
    size_t length = strnlen(path, NAME_TOLD_MAX);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)path[i];
        if (byte < 0x20 || byte >= 0x7f || byte == '\\')
            printf("\\x%02x", byte);
        else
            putchar(byte);
    }
}

static void print_withheld(const struct path_list *withheld)
{
    size_t told = 0;
    for (size_t at = 0; at < withheld->size; at += strlen(withheld->text + at) + 1) {
        if (told++ == WITHHELD_TOLD_MAX) {
            printf("withheld and %zu more\n", withheld->count - WITHHELD_TOLD_MAX);
            return;
        }
        printf("withheld ");
        print_escaped(withheld->text + at);
        putchar('\n');
    }
}

static int list_changes(const struct options *options, struct changes *changes, struct error *err)
{
    static struct credential_patterns patterns; /* too large for a stack frame */
    static const char *const status[] = {
        "status", "--porcelain=v2", "-z", "--untracked-files=all", "--no-renames", NULL,
    };
    int result = 0;
    if (options->withholds_secrets)
        result = credential_patterns_load(options->patterns, &patterns, err);
    if (result < 0)
        return result;
    struct process_result output = {.wait_status = 0};
    result = work_tree_git(status, NULL, 0, &output, err);
    if (result == 0 && !process_is_success(output.wait_status))
        result = error_set(err, EPROTO, "`git status` failed with code %d",
                           process_exit_code(output.wait_status));
    if (result == 0)
        result = changes_sort(output.output, output.output_size,
                              options->withholds_secrets ? &patterns : NULL, changes, err);
    process_result_free(&output);
    credential_patterns_free(&patterns);
    return result;
}

/* What was staged before may hold what is withheld now: it leaves the index, never the work tree.
 */
static int stage(const struct changes *changes, struct error *err)
{
    static const char *const add[] = {
        "--literal-pathspecs", "add", "--all", "--sparse", "--pathspec-from-file=-",
        "--pathspec-file-nul", NULL,
    };
    static const char *const reset[] = {
        "--literal-pathspecs", "reset", "--quiet", "--pathspec-from-file=-",
        "--pathspec-file-nul", NULL,
    };
    int result = 0;
    if (changes->added.count > 0)
        result = work_tree_git_checked(add, changes->added.text, changes->added.size, err);
    if (result == 0 && changes->withheld.count > 0)
        result = work_tree_git_checked(reset, changes->withheld.text, changes->withheld.size, err);
    return result;
}

/* 1 when something is staged, 0 when not, -errno. `git diff --quiet` tells by its exit code. */
static int has_staged(struct error *err)
{
    static const char *const unborn[] = {"rev-parse", "--verify", "--quiet", "HEAD", NULL};
    static const char *const diff[] = {"diff", "--cached", "--quiet", "--no-ext-diff", NULL};
    static const char *const any[] = {"ls-files", "--cached", "-z", NULL};
    struct process_result result = {.wait_status = 0};
    int outcome = work_tree_git(unborn, NULL, 0, &result, err);
    bool is_unborn = outcome == 0 && !process_is_success(result.wait_status);
    process_result_free(&result);
    if (outcome < 0)
        return outcome;
    outcome = work_tree_git(is_unborn ? any : diff, NULL, 0, &result, err);
    if (outcome == 0)
        outcome = is_unborn ? result.output_size > 0 : !process_is_success(result.wait_status);
    process_result_free(&result);
    return outcome;
}

/* Prints "KEY ID" for the commit that HEAD names. 1 when there is one, 0 when not, -errno. */
static int print_head(const char *key, struct error *err)
{
    static const char *const arguments[] = {"rev-parse", "--verify", "--quiet", "HEAD", NULL};
    struct process_result result = {.wait_status = 0};
    int outcome = work_tree_git(arguments, NULL, 0, &result, err);
    if (outcome == 0 && process_is_success(result.wait_status)) {
        if (key != NULL)
            printf("%s %s", key, result.output); /* with git's newline */
        outcome = 1;
    }
    process_result_free(&result);
    return outcome;
}

static int commit(const struct options *options, const struct changes *changes, struct error *err)
{
    int staged = has_staged(err);
    if (staged <= 0)
        return staged;
    static const char *const arguments[] = {
        "commit", "--quiet", "--no-verify", "--no-gpg-sign", "--file=-", "--cleanup=verbatim", NULL,
    };
    char plain[PATH_MAX];
    const char *message = options->message;
    if (message == NULL || message[0] == '\0') {
        if (path_format(plain, "Save the work of %s\n", options->branch) < 0)
            return error_set(err, ENAMETOOLONG, "the branch's name");
        message = plain;
    }
    int result = work_tree_git_checked(arguments, message, strlen(message), err);
    if (result < 0)
        return result;
    printf("files %zu\n", changes->added.count);
    result = print_head("commit", err);
    return result < 0 ? result : 0;
}

/* Prints "head NAME" when HEAD is not the session's branch. */
static int print_whereabouts(const char *branch, struct error *err)
{
    static const char prefix[] = "refs/heads/";
    static const char *const symbolic[] = {"symbolic-ref", "--quiet", "HEAD", NULL};
    struct process_result result = {.wait_status = 0};
    char name[PATH_MAX];
    if (path_format(name, "%s%s", prefix, branch) < 0)
        return error_set(err, ENAMETOOLONG, "the branch's name");
    int outcome = work_tree_git(symbolic, NULL, 0, &result, err);
    if (outcome < 0)
        return outcome;
    result.output[strcspn(result.output, "\n")] = '\0';
    if (strcmp(result.output, name) != 0) {
        bool is_branch = strncmp(result.output, prefix, sizeof(prefix) - 1) == 0;
        fputs("head ", stdout);
        print_escaped(is_branch ? result.output + sizeof(prefix) - 1 : "detached");
        putchar('\n');
    }
    process_result_free(&result);
    return 0;
}

/* When the copy was made: the birth of its git directory, which nobody can set. 0 when the file
 * system keeps no such time. */
static long long copy_time(void)
{
    struct statx status;
    if (statx(AT_FDCWD, ".git", AT_SYMLINK_NOFOLLOW, STATX_BTIME, &status) < 0 ||
        (status.stx_mask & STATX_BTIME) == 0)
        return 0;
    return status.stx_btime.tv_sec;
}

/* Prints "unreached REF" for each line "TIME REF" of LIST that was committed since SINCE. */
static void print_since(char *list, long long since)
{
    size_t told = 0;
    for (char *line = list; line != NULL && *line != '\0' && told < UNREACHED_TOLD_MAX;) {
        char *next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        char *name = NULL;
        if (strtoll(line, &name, 10) >= since && *name == ' ') {
            fputs("unreached ", stdout);
            print_escaped(name + 1);
            putchar('\n');
            told++;
        }
        line = next;
    }
}

/* Commits of the session that HEAD does not contain, stashes included, are named: they are not
 * pushed. */
static int print_unreached(struct error *err)
{
    static const char *const arguments[] = {
        "for-each-ref", "--no-merged=HEAD", "--format=%(committerdate:unix) %(refname)",
        "refs/heads",   "refs/stash",       NULL,
    };
    struct process_result result = {.wait_status = 0};
    int outcome = work_tree_git(arguments, NULL, 0, &result, err);
    if (outcome == 0)
        print_since(result.output, copy_time());
    process_result_free(&result);
    return outcome;
}

/* HEAD, wherever the agent left it, becomes the session's branch in the volume; the host never
 * forces. */
static int push(const struct options *options, struct error *err)
{
    int has_head = print_head(NULL, err);
    if (has_head > 0 && (print_whereabouts(options->branch, err) < 0 || print_unreached(err) < 0))
        has_head = -EPROTO;
    if (has_head <= 0)
        return has_head;
    char refspec[PATH_MAX];
    if (path_format(refspec, "+HEAD:refs/heads/%s", options->branch) < 0)
        return error_set(err, ENAMETOOLONG, "the branch's name");
    /* git takes its settings from the other side of a push: that repository is the agent's as well.
     */
    const char *const arguments[] = {
        "push",
        "--quiet",
        "--no-verify",
        "--receive-pack=git -c core.hooksPath=/dev/null receive-pack",
        options->repository,
        refspec,
        NULL,
    };
    int result = work_tree_git_checked(arguments, NULL, 0, err);
    if (result == 0)
        result = print_head("pushed", err);
    return result < 0 ? result : 0;
}

int main(int argc, char **argv)
{
    static const struct argp parser = {
        .options = option_table,
        .parser = parse_option,
        .doc = "Commits the changes of the work tree in the current directory, untracked files "
               "included and "
               "ignored ones not, and pushes them. Prints a report of KEY VALUE lines.",
    };
    struct options options = {
        .repository = DEFAULT_REPOSITORY,
        .patterns = CREDENTIAL_PATTERNS_FILE,
        .withholds_secrets = true,
        .pushes = true,
    };
    argp_err_exit_status = EXIT_BOOT_GIT;
    argp_parse(&parser, argc, argv, 0, NULL, &options);
    setenv("GIT_TERMINAL_PROMPT", "0", 1);
    struct changes changes = {.added = {.text = NULL}};
    struct error err = ERROR_INITIALIZER;
    /* What git runs below us may be the agent's own filter: it must not write our report through
     * our memory. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return EXIT_BOOT_GIT;
    work_tree_remove_locks(".git");
    work_tree_remove_locks(options.repository);
    int result = list_changes(&options, &changes, &err);
    if (result == 0)
        result = stage(&changes, &err);
    if (result == 0)
        result = commit(&options, &changes, &err);
    if (result == 0 && options.pushes)
        result = push(&options, &err);
    print_withheld(&changes.withheld);
    changes_free(&changes);
    if (result < 0)
        fprintf(stderr, "agent-commit: %s\n", error_text(&err));
    return result < 0 ? EXIT_BOOT_GIT : 0;
}
