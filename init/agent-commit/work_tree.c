/* Starts git with everything switched off that a work tree could make it execute or wait for. */
#include "init/agent-commit/work_tree.h"

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

/* Room for the status of a million files. */
#define OUTPUT_LIMIT (256u * 1024 * 1024)
#define ARGUMENTS_MAX 64
/* In the volume's repository, where git leaves names that it does not know alone. */
#define PRIVATE_INDEX "commit-index"
/* How many settings were given; GIT_CONFIG_COUNT of git-config(1) once they are in force. */
#define WORK_TREE_SETTING_COUNT "COMMIT_SETTING_COUNT"

/* clang-format off */
static const char *const head[] = {
    "git",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    /* An edit that keeps size and time counts: here every file may be read, unlike in the session. */
    "-c", "core.checkStat=default",
    "-c", "core.trustctime=true",
    "-c", "core.pager=cat",
    "-c", "core.editor=true",
    "-c", "commit.gpgSign=false",
    "-c", "push.gpgSign=false",
    "-c", "push.recurseSubmodules=no",
    "-c", "status.relativePaths=false",
    "-c", "status.showStash=false",
    /* Line ends that git would not give back the same are no reason to keep nothing. */
    "-c", "core.safecrlf=false",
    "-c", "submodule.recurse=false",
    "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
};
/* clang-format on */

static int open_input(const void *input, size_t size)
{
    cleanup_fd int fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int result = fd_write_all(fd, input, size);
    if (result == 0 && lseek(fd, 0, SEEK_SET) < 0)
        result = -errno;
    return result < 0 ? result : steal_fd(&fd);
}

static int set_all(const char *const (*variables)[2], size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = variables[i][1];
        if ((value == NULL ? unsetenv(variables[i][0]) : setenv(variables[i][0], value, 1)) < 0)
            return error_set(err, errno, "set '%s'", variables[i][0]);
    }
    return 0;
}

int work_tree_use(enum work_tree_way way, const char *repository, struct error *err)
{
    char index[PATH_MAX];
    if (path_format(index, "%s/" PRIVATE_INDEX, repository) < 0)
        return error_set(err, ENAMETOOLONG, "the repository '%s'", repository);
    (void)unlink(index);
    bool is_as_left = way == WORK_TREE_AS_LEFT;
    const char *const variables[][2] = {
        {"GIT_TERMINAL_PROMPT", "0"},
        /* Whatever a configuration allows: there is nowhere else to go to. */
        {"GIT_ALLOW_PROTOCOL", "file"},
        {"GIT_WORK_TREE", "."},
        {"GIT_DIR", way == WORK_TREE_VOLUME ? repository : WORK_TREE_GIT_DIRECTORY},
        {"GIT_INDEX_FILE", is_as_left ? NULL : index},
        {"GIT_CONFIG_GLOBAL", is_as_left ? NULL : "/dev/null"},
        /* The settings of the source are in its own git directory too. */
        {"GIT_CONFIG_COUNT", way == WORK_TREE_VOLUME ? getenv(WORK_TREE_SETTING_COUNT) : NULL},
    };
    return set_all(variables, ARRAY_LENGTH(variables), err);
}

int work_tree_add_setting(const char *setting, struct error *err)
{
    const char *previous = getenv(WORK_TREE_SETTING_COUNT);
    unsigned long count = previous == NULL ? 0 : strtoul(previous, NULL, 10);
    const char *value = strchr(setting, '=');
    char texts[4][PATH_MAX];
    if (value == NULL || path_format(texts[0], "GIT_CONFIG_KEY_%lu", count) < 0 ||
        path_format(texts[1], "%.*s", (int)(value - setting), setting) < 0 ||
        path_format(texts[2], "GIT_CONFIG_VALUE_%lu", count) < 0 ||
        path_format(texts[3], "%lu", count + 1) < 0)
        return error_set(err, EINVAL, "'%.100s' is no setting of git", setting);
    const char *const variables[][2] = {
        {texts[0], texts[1]},
        {texts[2], value + 1},
        {WORK_TREE_SETTING_COUNT, texts[3]},
    };
    return set_all(variables, ARRAY_LENGTH(variables), err);
}

int work_tree_git(const char *const *arguments, const void *input, size_t input_size,
                  struct process_result *result, struct error *err)
{
    const char *argv[ARRAY_LENGTH(head) + ARGUMENTS_MAX + 1];
    size_t count = 0;
    for (; count < ARRAY_LENGTH(head); count++)
        argv[count] = head[count];
    for (size_t i = 0; i < ARGUMENTS_MAX && arguments[i] != NULL; i++)
        argv[count++] = arguments[i];
    argv[count] = NULL;
    cleanup_fd int input_fd = input == NULL ? -1 : open_input(input, input_size);
    if (input != NULL && input_fd < 0)
        return error_set(err, -input_fd, "prepare the input of git");
    struct process_spec spec = {
        .argv = argv,
        .standard_input = input_fd,
        .standard_output = -1,
        .standard_error = -1,
        .output_limit = OUTPUT_LIMIT,
    };
    int outcome = process_run(&spec, result, err);
    if (outcome == 0)
        (void)fd_write_all(STDERR_FILENO, result->error_output, result->error_output_size);
    return outcome;
}

/* What git died of first, or the last line when it says no such thing; without control characters.
 */
static const char *reason_in(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '\n')
        text[--length] = '\0';
    char *newline = strrchr(text, '\n');
    char *line = newline == NULL ? text : newline + 1;
    char *fatal = strstr(text, "fatal: ");
    if (fatal != NULL)
        line = fatal;
    line[strcspn(line, "\n")] = '\0';
    for (char *at = line; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || (unsigned char)*at >= 0x7f)
            *at = '?';
    }
    return line;
}

int work_tree_refusal(const char *const *arguments, const struct process_result *result,
                      struct error *err)
{
    const char *line = reason_in(result->error_output);
    while (arguments[0][0] == '-' && arguments[1] != NULL)
        arguments++;
    return error_set(err, EPROTO, "`git %s` ended with code %d%s%.400s", arguments[0],
                     process_exit_code(result->wait_status), line[0] == '\0' ? "" : ": ", line);
}

int work_tree_git_answer(const char *const *arguments, const void *input, size_t input_size,
                         struct process_result *result, struct error *err)
{
    int outcome = work_tree_git(arguments, input, input_size, result, err);
    if (outcome == 0 && WIFSIGNALED(result->wait_status))
        outcome = work_tree_refusal(arguments, result, err);
    return outcome;
}

int work_tree_git_checked(const char *const *arguments, const void *input, size_t input_size,
                          struct error *err)
{
    struct process_result result = {.wait_status = 0};
    int outcome = work_tree_git(arguments, input, input_size, &result, err);
    if (outcome == 0 && !process_is_success(result.wait_status))
        outcome = work_tree_refusal(arguments, &result, err);
    process_result_free(&result);
    return outcome;
}

int work_tree_ask(const char *const *arguments, char *answer, size_t size, struct error *err)
{
    struct process_result result = {.wait_status = 0};
    int outcome = work_tree_git_answer(arguments, NULL, 0, &result, err);
    if (outcome == 0 && process_is_success(result.wait_status)) {
        snprintf(answer, size, "%.*s", (int)strcspn(result.output, "\n"), result.output);
        outcome = answer[0] != '\0';
    }
    process_result_free(&result);
    return outcome;
}

/* No ref ends in ".lock": git-check-ref-format(1). */
static bool is_lock(const char *name)
{
    size_t length = strlen(name);
    return length > strlen(".lock") && strcmp(name + length - strlen(".lock"), ".lock") == 0;
}

static bool holds_no_locks(const FTSENT *entry)
{
    static const char *const directories[] = {"objects", "lfs", "modules", "hooks"};
    for (size_t i = 0; entry->fts_level == 1 && i < ARRAY_LENGTH(directories); i++) {
        if (strcmp(entry->fts_name, directories[i]) == 0)
            return true;
    }
    return false;
}

void work_tree_remove_locks(const char *directory)
{
    char *const roots[] = {(char *)(uintptr_t)directory, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
    if (tree == NULL)
        return;
    FTSENT *entry;
    while ((entry = fts_read(tree)) != NULL) {
        if (entry->fts_info == FTS_D && holds_no_locks(entry))
            fts_set(tree, entry, FTS_SKIP);
        else if (entry->fts_info != FTS_D && is_lock(entry->fts_name) &&
                 unlink(entry->fts_accpath) == 0)
            dprintf(STDERR_FILENO, "agent-commit: removed a stale lock of git\n");
    }
    fts_close(tree);
}
