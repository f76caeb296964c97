/* Lists and stages the changes; what cannot be staged does not keep the rest from it. */
#include "init/agent-commit/stage.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "init/agent-commit/work_tree.h"
#include "lib/base/clock.h"

/* git gives up as a whole over one file whose filter or encoding fails. Enough to find a dozen of
 * them among a million; what is left then stays in the volume. */
#define REFUSED_MAX 256

static int ask_status(const char *submodules, struct process_result *output, struct error *err)
{
    const char *const status[] = {
        "status", "--porcelain=v2", "-z", "--untracked-files=all", "--no-renames", submodules, NULL,
    };
    int result = work_tree_git(status, NULL, 0, output, err);
    if (result == 0 && !process_is_success(output->wait_status))
        result = work_tree_refusal(status, output, err);
    return result;
}

/* Lines "MODE ID STAGE\tPATH", with a NUL behind each. */
static int list_submodules(struct path_list *submodules, struct error *err)
{
    static const char *const arguments[] = {"ls-files", "--stage", "-z", NULL};
    struct process_result output = {.wait_status = 0};
    int result = work_tree_git_answer(arguments, NULL, 0, &output, err);
    size_t at = 0;
    for (; result == 0 && at < output.output_size; at += strlen(output.output + at) + 1) {
        const char *path = strchr(output.output + at, '\t');
        if (path != NULL && strncmp(output.output + at, "160000 ", 7) == 0 &&
            path_list_add(submodules, path + 1) < 0)
            result = error_set(err, ENOMEM, "list the submodules");
    }
    process_result_free(&output);
    return result;
}

/* A submodule whose git directory is broken ends git as a whole, unless it does not look into any:
 * then nothing is known of what they have, and all go to UNSEEN. */
static int read_status(struct process_result *output, struct path_list *unseen, struct error *err)
{
    int result = ask_status("--ignore-submodules=none", output, err);
    if (result == 0)
        return 0;
    struct error later = ERROR_INITIALIZER;
    process_result_free(output);
    if (ask_status("--ignore-submodules=dirty", output, &later) < 0)
        return result;
    path_list_free(unseen);
    return list_submodules(unseen, err);
}

static int list_changes(const char *patterns_file, struct changes *changes, struct error *err)
{
    static struct credential_patterns patterns; /* too large for a stack frame */
    int result = 0;
    if (patterns_file != NULL)
        result = credential_patterns_load(patterns_file, &patterns, err);
    struct process_result output = {.wait_status = 0};
    if (result == 0)
        result = read_status(&output, &changes->unseen, err);
    if (result == 0)
        result = changes_sort(output.output, output.output_size,
                              patterns_file != NULL ? &patterns : NULL, changes, err);
    process_result_free(&output);
    credential_patterns_free(&patterns);
    return result;
}

/* The first half of SIZE bytes of paths, whole paths, one at least. */
static size_t half_of(const char *paths, size_t size)
{
    size_t half = size / 2;
    while (half > 0 && paths[half - 1] != '\0')
        half--;
    return half > 0 ? half : strlen(paths) + 1;
}

/* Stages PATHS in as few steps as git allows. 1 when something was not staged, 0, -errno. */
static int add(const struct path_list *paths, struct error *err)
{
    static const char *const arguments[] = {
        "--literal-pathspecs",
        "add",
        "--all",
        "--sparse",
        "--ignore-errors",
        "--pathspec-from-file=-",
        "--pathspec-file-nul",
        NULL,
    };
    bool has_left = false;
    size_t refused = 0;
    size_t step = paths->size;
    for (size_t at = 0; at < paths->size && refused < REFUSED_MAX;) {
        struct process_result output = {.wait_status = 0};
        int result = work_tree_git(arguments, paths->text + at, step, &output, err);
        int code = process_exit_code(output.wait_status);
        process_result_free(&output);
        if (result < 0)
            return result;
        has_left = has_left || code != 0;
        /* 1: each but the bad ones was staged; more: none was. */
        bool is_done = code <= 1 || step == strlen(paths->text + at) + 1;
        refused += code > 1 ? 1 : 0;
        at += is_done ? step : 0;
        step = is_done ? paths->size - at : half_of(paths->text + at, step);
    }
    return has_left;
}

/* Where nothing can be stored no file is to blame. The content is new, else nothing is written. */
static int check_store(struct error *err)
{
    static const char *const arguments[] = {"hash-object", "-w", "--stdin", NULL};
    uint64_t now = clock_realtime_ns();
    return work_tree_git_checked(arguments, &now, sizeof(now), err);
}

/* What is not staged now was withheld, or refused by git. */
static int withhold_rest(struct changes *changes, struct error *err)
{
    struct process_result output = {.wait_status = 0};
    struct path_list unstaged = {.text = NULL};
    int result = read_status(&output, &changes->unseen, err);
    if (result == 0)
        result = changes_unstaged(output.output, output.output_size, &unstaged, err);
    process_result_free(&output);
    if (result < 0) {
        path_list_free(&unstaged);
        return result;
    }
    size_t refused =
        unstaged.count > changes->withheld.count ? unstaged.count - changes->withheld.count : 0;
    changes->staged -= refused < changes->staged ? refused : changes->staged;
    path_list_free(&changes->withheld);
    changes->withheld = unstaged;
    return 0;
}

int stage_changes(const char *patterns, struct changes *changes, struct error *err)
{
    static const char *const reset[] = {
        "--literal-pathspecs", "reset", "--quiet", "--pathspec-from-file=-",
        "--pathspec-file-nul", NULL,
    };
    int result = list_changes(patterns, changes, err);
    int left = result < 0 ? result : add(&changes->added, err);
    if (left > 0)
        result = check_store(err);
    if (left < 0 || result < 0)
        return left < 0 ? left : result;
    changes->staged = changes->added.count;
    /* What was staged before may hold what is withheld now: it leaves the index, never the work
     * tree. */
    if (changes->withheld.count > 0)
        result = work_tree_git_checked(reset, changes->withheld.text, changes->withheld.size, err);
    return result == 0 && left > 0 ? withhold_rest(changes, err) : result;
}
