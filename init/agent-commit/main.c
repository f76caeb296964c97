/* agent-commit: commits what a session changed and pushes it to the volume's repository. */
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "init/agent-commit/changes.h"
#include "init/agent-commit/commit.h"
#include "init/agent-commit/credential_patterns.h"
#include "init/agent-commit/permissions.h"
#include "init/agent-commit/report.h"
#include "init/agent-commit/signed.h"
#include "init/agent-commit/stage.h"
#include "init/agent-commit/unreached.h"
#include "init/agent-commit/work_tree.h"
#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"
#include "lib/base/path.h"

#define DEFAULT_REPOSITORY "/var/lib/coding-agents/local.git"

const char *argp_program_version = "agent-commit " CODING_AGENTS_VERSION;

struct options {
    const char *branch;
    const char *message;
    const char *repository;
    const char *patterns;
    const char *base;
    const char *author_name;
    const char *author_email;
    bool withholds_secrets;
    bool pushes;
};

enum option_key {
    OPTION_BRANCH = 0x100,
    OPTION_MESSAGE,
    OPTION_REPOSITORY,
    OPTION_PATTERNS,
    OPTION_BASE,
    OPTION_AUTHOR_NAME,
    OPTION_AUTHOR_EMAIL,
    OPTION_SETTING,
    OPTION_SIGN,
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
    { .name = "base", .key = OPTION_BASE, .arg = "COMMIT", .doc = "Where the session began" },
    { .name = "author-name", .key = OPTION_AUTHOR_NAME, .arg = "NAME",
      .doc = "Who the commit is by, whatever the configuration says" },
    { .name = "author-email", .key = OPTION_AUTHOR_EMAIL, .arg = "ADDRESS", .doc = "Likewise" },
    { .name = "setting", .key = OPTION_SETTING, .arg = "KEY=VALUE",
      .doc = "Configuration for a commit without the work tree's own git directory; repeatable" },
    { .name = "sign", .key = OPTION_SIGN, .arg = "FORMAT=KEY",
      .doc = "Have the commit signed on the host, as openpgp or ssh; if that fails, commit without" },
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
    struct error err = ERROR_INITIALIZER;
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
    case OPTION_BASE:
        options->base = argument;
        return 0;
    case OPTION_AUTHOR_NAME:
        options->author_name = argument;
        return 0;
    case OPTION_AUTHOR_EMAIL:
        options->author_email = argument;
        return 0;
    case OPTION_SETTING:
        if (work_tree_add_setting(argument, &err) < 0)
            argp_error(state, "%s", error_text(&err));
        return 0;
    case OPTION_SIGN:
        if (signed_use(argument, &err) < 0)
            argp_error(state, "%s", error_text(&err));
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

/* Over whatever configuration has become: the commit is the user's. */
static int set_identity(const struct options *options, struct error *err)
{
    const char *const variables[][2] = {
        {"GIT_AUTHOR_NAME", options->author_name},
        {"GIT_COMMITTER_NAME", options->author_name},
        {"GIT_AUTHOR_EMAIL", options->author_email},
        {"GIT_COMMITTER_EMAIL", options->author_email},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(variables); i++) {
        const char *value = variables[i][1];
        if (value != NULL && value[0] != '\0' && setenv(variables[i][0], value, 1) < 0)
            return error_set(err, errno, "set '%s'", variables[i][0]);
    }
    return 0;
}

/* Prints "head NAME" when HEAD is not the session's branch. */
static int print_whereabouts(const char *branch, struct error *err)
{
    static const char prefix[] = "refs/heads/";
    static const char *const symbolic[] = {"symbolic-ref", "--quiet", "HEAD", NULL};
    char expected[PATH_MAX];
    char name[PATH_MAX];
    if (path_format(expected, "%s%s", prefix, branch) < 0)
        return error_set(err, ENAMETOOLONG, "the branch's name");
    int is_symbolic = work_tree_ask(symbolic, name, sizeof(name), err);
    if (is_symbolic < 0)
        return is_symbolic;
    if (is_symbolic == 0 || strncmp(name, prefix, sizeof(prefix) - 1) != 0)
        commit_report("head", "detached");
    else if (strcmp(name, expected) != 0)
        commit_report("head", name + sizeof(prefix) - 1);
    return 0;
}

/* The configuration of the work tree can lead a push elsewhere: url.BASE.insteadOf of
 * git-config(1). */
static int check_pushed(const struct options *options, const char *id, struct error *err)
{
    char repository[PATH_MAX];
    char branch[PATH_MAX];
    char stored[COMMIT_ID_SIZE];
    if (path_format(repository, "--git-dir=%s", options->repository) < 0 ||
        path_format(branch, "refs/heads/%s", options->branch) < 0)
        return error_set(err, ENAMETOOLONG, "the branch's name");
    const char *const ask[] = {repository, "rev-parse", "--verify", "--quiet", branch, NULL};
    int result = work_tree_ask(ask, stored, sizeof(stored), err);
    if (result < 0)
        return result;
    if (result == 0 || strcmp(stored, id) != 0)
        return error_set(err, EPROTO, "what was pushed did not arrive in '%s'",
                         options->repository);
    commit_report("pushed", id);
    return 0;
}

/* HEAD, wherever the agent left it, becomes the session's branch in the volume; the host never
 * forces. ID is what was pushed, "" when there is no commit. */
static int push(const struct options *options, char id[COMMIT_ID_SIZE], struct error *err)
{
    static const char *const head[] = {"rev-parse", "--verify", "--quiet", "HEAD", NULL};
    id[0] = '\0';
    int has_head = work_tree_ask(head, id, COMMIT_ID_SIZE, err);
    int result = has_head > 0 ? print_whereabouts(options->branch, err) : has_head;
    if (has_head <= 0 || result < 0)
        return result;
    char refspec[PATH_MAX];
    if (path_format(refspec, "+HEAD:refs/heads/%s", options->branch) < 0)
        return error_set(err, ENAMETOOLONG, "the branch's name");
    /* The repository may have hooks and settings of the agent's, and git forgets its -c for the
     * other side. */
    const char *const arguments[] = {
        "push",
        "--quiet",
        "--no-verify",
        "--receive-pack=git -c core.hooksPath=/dev/null -c core.alternateRefsCommand=true "
        "receive-pack",
        options->repository,
        refspec,
        NULL,
    };
    result = work_tree_git_checked(arguments, NULL, 0, err);
    return result == 0 ? check_pushed(options, id, err) : result;
}

/* What begins anew would look as if everything that it lacks had been deleted. */
static int check_base(const struct options *options, enum work_tree_way way, struct error *err)
{
    static const char *const sparse[] = {
        "config", "--type=bool", "--get", "core.sparseCheckout", NULL,
    };
    char answer[COMMIT_ID_SIZE];
    char base[COMMIT_ID_SIZE + sizeof("^{commit}")];
    if (way != WORK_TREE_AS_LEFT && work_tree_ask(sparse, answer, sizeof(answer), err) > 0 &&
        strcmp(answer, "true") == 0)
        return error_set(err, EPROTO, "a sparse work tree cannot be compared anew");
    if (options->base == NULL || options->base[0] == '\0')
        return 0;
    snprintf(base, sizeof(base), "%.*s^{commit}", COMMIT_ID_SIZE - 1, options->base);
    const char *const verify[] = {"rev-parse", "--verify", "--quiet", base, NULL};
    struct process_result found = {.wait_status = 0};
    int result = work_tree_git_answer(verify, NULL, 0, &found, err);
    if (result == 0 && !process_is_success(found.wait_status))
        result = found.error_output_size > 0
                     ? work_tree_refusal(verify, &found, err)
                     : error_set(err, EPROTO, "the commit that the session began at is not there");
    process_result_free(&found);
    return result;
}

static int fill_index(enum work_tree_way way, struct error *err)
{
    static const char *const head[] = {"rev-parse", "--verify", "--quiet", "HEAD", NULL};
    static const char *const read_tree[] = {"read-tree", "HEAD", NULL};
    char answer[COMMIT_ID_SIZE];
    if (way == WORK_TREE_AS_LEFT)
        return 0;
    int has_head = work_tree_ask(head, answer, sizeof(answer), err);
    return has_head > 0 ? work_tree_git_checked(read_tree, NULL, 0, err) : has_head;
}

static int save(const struct options *options, enum work_tree_way way, struct changes *changes,
                struct error *err)
{
    char plain[PATH_MAX];
    char id[COMMIT_ID_SIZE] = "";
    const char *patterns = options->withholds_secrets ? options->patterns : NULL;
    const char *message = options->message;
    if (path_format(plain, "Save the work of %s\n", options->branch) < 0)
        return error_set(err, ENAMETOOLONG, "the branch's name");
    changes->is_index_fresh = way != WORK_TREE_AS_LEFT;
    int result = work_tree_use(way, options->repository, err);
    if (result == 0)
        result = check_base(options, way, err);
    if (result == 0)
        result = fill_index(way, err);
    if (result == 0)
        result = stage_changes(patterns, changes, err);
    if (result == 0)
        result = commit_index(message != NULL && message[0] != '\0' ? message : NULL, plain,
                              changes, err);
    if (result == 0 && options->pushes)
        result = push(options, id, err);
    return result;
}

/* Each way after the other; what stands in ERR at the end is why the first failed. */
static int save_somehow(const struct options *options, struct changes *changes, struct error *err)
{
    static const enum work_tree_way ways[] = {WORK_TREE_FRESH_INDEX, WORK_TREE_VOLUME};
    int result = save(options, WORK_TREE_AS_LEFT, changes, err);
    for (size_t i = 0; result < 0 && i < ARRAY_LENGTH(ways); i++) {
        struct error later = ERROR_INITIALIZER;
        changes_free(changes);
        if (save(options, ways[i], changes, &later) < 0) {
            fprintf(stderr, "agent-commit: another way failed too: %s\n", error_text(&later));
            continue;
        }
        commit_report(ways[i] == WORK_TREE_VOLUME ? "rebuilt" : "reindexed", error_text(err));
        result = 0;
    }
    return result;
}

/* Both repositories may have refs with commits of the session; a git directory that is none has
 * none. */
static int report_unreached(const struct options *options, struct error *err)
{
    static const char *const head[] = {"rev-parse", "--verify", "--quiet", "HEAD", NULL};
    static const enum work_tree_way ways[] = {WORK_TREE_AS_LEFT, WORK_TREE_VOLUME};
    char pushed[COMMIT_ID_SIZE] = "";
    char branch[PATH_MAX];
    struct known_commits known = {.text = NULL};
    int result = work_tree_ask(head, pushed, sizeof(pushed), err);
    if (result >= 0 && path_format(branch, "refs/heads/%s", options->branch) < 0)
        result = error_set(err, ENAMETOOLONG, "the branch's name");
    if (result >= 0)
        result = known_commits_read(STDIN_FILENO, &known, err);
    for (size_t i = 0; result >= 0 && i < ARRAY_LENGTH(ways); i++) {
        result = work_tree_use(ways[i], options->repository, err);
        if (result == 0)
            result = unreached_report(pushed, &known, i == 0 ? NULL : branch, err);
    }
    known_commits_free(&known);
    return result;
}

static int run(const struct options *options, struct error *err)
{
    struct changes changes = {.added = {.text = NULL}};
    struct path_list opened = {.text = NULL};
    struct path_list closed = {.text = NULL};
    int result = permissions_open(&opened, &closed, err);
    work_tree_remove_locks(WORK_TREE_GIT_DIRECTORY);
    work_tree_remove_locks(options->repository);
    if (result == 0)
        result = save_somehow(options, &changes, err);
    if (result == 0 && options->pushes)
        result = report_unreached(options, err);
    (void)work_tree_use(WORK_TREE_AS_LEFT, options->repository, NULL); /* no index of ours stays */
    commit_report_paths("opened", &opened);
    commit_report_paths("withheld", &closed);
    commit_report_paths("withheld", &changes.withheld);
    commit_report_paths("withheld", &changes.unseen);
    path_list_free(&opened);
    path_list_free(&closed);
    changes_free(&changes);
    return result;
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
    struct error err = ERROR_INITIALIZER;
    /* What git runs below us may be the agent's own filter: it must not write our report through
     * our memory. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return EXIT_BOOT_GIT;
    int result = set_identity(&options, &err);
    if (result == 0)
        result = run(&options, &err);
    if (result < 0) {
        commit_report("failed", error_text(&err));
        fprintf(stderr, "agent-commit: %s\n", error_text(&err));
    }
    return result < 0 ? EXIT_BOOT_GIT : 0;
}
