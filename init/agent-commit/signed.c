/* Commits, with a signature if it can be had. */
#include "init/agent-commit/signed.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "init/agent-commit/report.h"
#include "init/agent-commit/work_tree.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/wire/signing.h"

#define ARGUMENTS_MAX 8
/* The words before "commit". */
#define SETTINGS 6

/* How the commands before `git commit` begin: whatever the configuration has become by now. */
static const char *const formats[][2] = {
    {"openpgp", "gpg.program=" SIGNING_PROGRAM},
    {"ssh", "gpg.ssh.program=" SIGNING_PROGRAM},
};

static struct {
    char format[32];
    const char *program; /* NULL: nothing is signed */
    char key[sizeof("user.signingKey=key::") + SIGNING_KEY_BYTES];
} signing;

int signed_use(const char *setting, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LENGTH(formats); i++) {
        size_t length = strlen(formats[i][0]);
        if (strncmp(setting, formats[i][0], length) != 0 || setting[length] != '=' ||
            strlen(setting + length + 1) >= SIGNING_KEY_BYTES)
            continue;
        snprintf(signing.format, sizeof(signing.format), "gpg.format=%s", formats[i][0]);
        snprintf(signing.key, sizeof(signing.key), "user.signingKey=%s%s",
                 strcmp(formats[i][0], "ssh") == 0 ? "key::" : "", setting + length + 1);
        signing.program = formats[i][1];
        return 0;
    }
    return error_set(err, EINVAL, "'%.100s' is no FORMAT=KEY", setting);
}

/* What agent-git-sign said, which stands among git's words; else why git did not commit. */
static void report_unsigned(const char *const *arguments, const struct process_result *result)
{
    static const char mark[] = "agent-git-sign: ";
    static const char again[] = "not signed: ";
    struct error err = ERROR_INITIALIZER;
    char *said = result->error_output == NULL ? NULL : strstr(result->error_output, mark);
    if (said == NULL) {
        (void)work_tree_refusal(arguments, result, &err);
        commit_report("unsigned", error_text(&err));
        return;
    }
    said += sizeof(mark) - 1;
    said[strcspn(said, "\n")] = '\0';
    commit_report("unsigned",
                  strncmp(said, again, sizeof(again) - 1) == 0 ? said + sizeof(again) - 1 : said);
}

/* 1: it is committed, with its signature. */
static int try_signed(const char *const *arguments, const char *message, struct error *err)
{
    const char *all[ARGUMENTS_MAX + 12] = {
        "-c",        signing.format, "-c",      signing.program, "-c",
        signing.key, "commit",       "--quiet", "--no-verify",   "--gpg-sign",
    };
    size_t count = 10;
    for (size_t i = 0; i < ARGUMENTS_MAX && arguments[i] != NULL; i++)
        all[count++] = arguments[i];
    struct process_result result = {.wait_status = 0};
    int outcome = work_tree_git(all, message, message == NULL ? 0 : strlen(message), &result, err);
    if (outcome == 0 && process_is_success(result.wait_status))
        outcome = 1;
    else if (outcome == 0)
        report_unsigned(all + SETTINGS, &result);
    process_result_free(&result);
    return outcome;
}

static int commit_unsigned(const char *const *arguments, const char *message, struct error *err)
{
    const char *all[ARGUMENTS_MAX + 5] = {"commit", "--quiet", "--no-verify", "--no-gpg-sign"};
    size_t count = 4;
    for (size_t i = 0; i < ARGUMENTS_MAX && arguments[i] != NULL; i++)
        all[count++] = arguments[i];
    return work_tree_git_checked(all, message, message == NULL ? 0 : strlen(message), err);
}

int signed_commit(const char *const *arguments, const char *message, struct error *err)
{
    int result = signing.program == NULL ? 0 : try_signed(arguments, message, err);
    if (result != 0)
        return result < 0 ? result : 0;
    return commit_unsigned(arguments, message, err);
}
