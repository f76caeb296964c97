/* Asks git for refs and the HEADs of work trees, and of each whether it has commits of its own. */
#include "init/agent-commit/unreached.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "init/agent-commit/report.h"
#include "init/agent-commit/work_tree.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#define KNOWN_LIMIT (256u * 1024 * 1024)
#define TOLD_MAX 20

static int compare_ids(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

int known_commits_read(int fd, struct known_commits *known, struct error *err)
{
    size_t size = 0;
    int result = fd_read_all(fd, KNOWN_LIMIT, &known->text, &size);
    if (result < 0)
        return error_set(err, -result, "read what refs were");
    known->ids = calloc(size / 2 + 1, sizeof(*known->ids));
    if (known->ids == NULL)
        return error_set(err, ENOMEM, "read what refs were");
    char *rest = NULL;
    for (char *line = strtok_r(known->text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (line[strspn(line, "0123456789abcdef")] == '\0')
            known->ids[known->count++] = line;
    }
    qsort(known->ids, known->count, sizeof(*known->ids), compare_ids);
    return 0;
}

void known_commits_free(struct known_commits *known)
{
    free(known->ids);
    free(known->text);
    *known = (struct known_commits){.text = NULL};
}

/* The question is the same for every ref but the first line: "^ID" for each commit that counts as
 * known. */
struct question {
    const struct known_commits *known;
    const char *pushed;
    const char *except;
    char *text; /* owned */
    size_t size;
    size_t told;
};

static int put_question(struct question *question)
{
    FILE *stream = open_memstream(&question->text, &question->size);
    if (stream == NULL)
        return -ENOMEM;
    if (question->pushed[0] != '\0')
        fprintf(stream, "^%s\n", question->pushed);
    for (size_t i = 0; i < question->known->count; i++)
        fprintf(stream, "^%s\n", question->known->ids[i]);
    return fclose(stream) == 0 ? 0 : -ENOMEM;
}

static bool is_known(const struct question *question, const char *id)
{
    const struct known_commits *known = question->known;
    return strcmp(id, question->pushed) == 0 ||
           bsearch(&id, known->ids, known->count, sizeof(*known->ids), compare_ids) != NULL;
}

/* 1 when ID has a commit that is not known, 0, -errno. */
static int has_own(const struct question *question, const char *id, struct error *err)
{
    static const char local[] = "--exclude=refs/remotes/local/*";
    const char *const arguments[] = {
        "rev-list",
        "--max-count=1",
        "--ignore-missing",
        id,
        "--not",
        local,
        "--glob=refs/remotes/*",
        "--not",
        "--stdin",
        NULL,
    };
    struct process_result result = {.wait_status = 0};
    int outcome = work_tree_git_answer(arguments, question->text, question->size, &result, err);
    if (outcome == 0)
        outcome = result.output_size > 0;
    process_result_free(&result);
    return outcome;
}

static int judge(struct question *question, const char *id, const char *name, struct error *err)
{
    bool is_excepted = question->except != NULL && strcmp(name, question->except) == 0;
    if (is_excepted || question->told == TOLD_MAX || is_known(question, id))
        return 0;
    int result = has_own(question, id, err);
    if (result <= 0)
        return result;
    question->told++;
    commit_report("unreached", name);
    return 0;
}

static char *end_line(char *line)
{
    char *end = strchr(line, '\n');
    if (end == NULL)
        return line + strlen(line);
    *end = '\0';
    return end + 1;
}

/* Lines "ID NAME". */
static int ask_refs(struct question *question, struct error *err)
{
    static const char *const arguments[] = {
        "for-each-ref",
        "--format=%(objectname) %(refname)",
        NULL,
    };
    struct process_result result = {.wait_status = 0};
    int outcome = work_tree_git_answer(arguments, NULL, 0, &result, err);
    char *next = result.output;
    for (char *line = next; outcome == 0 && *line != '\0'; line = next) {
        next = end_line(line);
        char *name = strchr(line, ' ');
        if (name == NULL || strncmp(name + 1, "refs/remotes/", 13) == 0)
            continue;
        *name++ = '\0';
        outcome = judge(question, line, name, err);
    }
    process_result_free(&result);
    return outcome;
}

/* "worktree PATH", then its attributes, a line each: git-worktree(1). */
static int ask_work_trees(struct question *question, struct error *err)
{
    static const char *const arguments[] = {"worktree", "list", "--porcelain", NULL};
    struct process_result result = {.wait_status = 0};
    int outcome = work_tree_git_answer(arguments, NULL, 0, &result, err);
    char name[PATH_MAX] = "HEAD";
    char *next = result.output;
    for (char *line = next; outcome == 0 && *line != '\0'; line = next) {
        next = end_line(line);
        if (strncmp(line, "worktree ", 9) == 0)
            (void)path_format(name, "HEAD of %s", line + 9);
        else if (strncmp(line, "HEAD ", 5) == 0)
            outcome = judge(question, line + 5, name, err);
    }
    process_result_free(&result);
    return outcome;
}

int unreached_report(const char *pushed, const struct known_commits *known, const char *except,
                     struct error *err)
{
    struct question question = {.known = known, .pushed = pushed, .except = except};
    int result = put_question(&question);
    if (result < 0)
        error_set(err, -result, "look for commits that are not on the branch");
    if (result == 0)
        result = ask_refs(&question, err);
    if (result == 0)
        result = ask_work_trees(&question, err);
    free(question.text);
    return result;
}
