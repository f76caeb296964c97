/* Runs host git as the owner of a repository, with everything neutralised that could run another
 * program. */
#include "lib/host/git.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/syscalls.h"

#define GIT_ARGUMENTS_MAX 256

extern char **environ;

/* Before every command: what a repository's own configuration must not decide. */
/* clang-format off */
static const char *const git_overrides[] = {
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.pager=cat",
    "-c", "core.alternateRefsCommand=true", /* the program: no refs of an alternate are known */
    "-c", "submodule.recurse=false",
    "-c", "log.showSignature=false",
};
/* clang-format on */

/* The GIT_ variables that may pass: all others could point git at another repository or program. */
static const char *const git_variables_kept[] = {
    "GIT_CONFIG_GLOBAL",  "GIT_CONFIG_SYSTEM",   "GIT_CONFIG_NOSYSTEM",
    "GIT_SSL_CAINFO",     "GIT_SSL_CAPATH",      "GIT_SSH",
    "GIT_SSH_COMMAND",    "GIT_AUTHOR_NAME",     "GIT_AUTHOR_EMAIL",
    "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL",
};

/* Variables of the caller that mean nothing, or harm, to another user. */
static const char *const personal_variables[] = {
    "HOME",
    "USER",
    "LOGNAME",
    "MAIL",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "XDG_RUNTIME_DIR",
    "GIT_CONFIG_GLOBAL",
    "GIT_AUTHOR_NAME",
    "GIT_AUTHOR_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_COMMITTER_EMAIL",
};

static const char *const git_variables_set[] = {
    "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", /* and core.askPass and SSH_ASKPASS are not looked at
                                              */
    "GIT_OPTIONAL_LOCKS=0",  "GIT_NO_LAZY_FETCH=1", "GIT_PAGER=cat", "LC_ALL=C",
};

static int identity_of_caller(struct git_identity *identity, struct error *err)
{
    int count = getgroups((int)ARRAY_LENGTH(identity->groups), identity->groups);
    if (count < 0)
        return error_set(err, errno, "read the groups of the calling user");
    identity->uid = geteuid();
    identity->gid = getegid();
    identity->group_count = (size_t)count;
    return 0;
}

static int identity_of_owner(const struct stat *owner, struct git_identity *identity,
                             struct error *err)
{
    errno = 0;
    const struct passwd *entry = getpwuid(owner->st_uid);
    identity->uid = owner->st_uid;
    identity->gid = entry == NULL ? owner->st_gid : entry->pw_gid;
    identity->group_count = 0;
    if (entry == NULL)
        return 0;
    int count = (int)ARRAY_LENGTH(identity->groups);
    if (getgrouplist(entry->pw_name, entry->pw_gid, identity->groups, &count) < 0)
        return error_set(err, EINVAL,
                         "user %s is in more than %zu groups: run as that user instead",
                         entry->pw_name, ARRAY_LENGTH(identity->groups));
    identity->group_count = (size_t)count;
    return 0;
}

int git_identity_of(const char *path, struct git_identity *identity, struct error *err)
{
    struct stat info;
    if (stat(path, &info) < 0)
        return error_set(err, errno, "look at '%s'", path);
    if (geteuid() == 0 && info.st_uid != 0)
        return identity_of_owner(&info, identity, err);
    return identity_of_caller(identity, err);
}

static bool variable_is_in(const char *variable, const char *const *names, size_t count)
{
    size_t length = strcspn(variable, "=");
    for (size_t i = 0; i < count; i++) {
        if (strlen(names[i]) == length && memcmp(names[i], variable, length) == 0)
            return true;
    }
    return false;
}

static bool variable_passes(const char *variable, bool is_other_user)
{
    if (is_other_user &&
        variable_is_in(variable, personal_variables, ARRAY_LENGTH(personal_variables)))
        return false;
    if (strncmp(variable, "LC_ALL=", 7) == 0)
        return false;
    if (strncmp(variable, "GIT_", 4) != 0)
        return true;
    return variable_is_in(variable, git_variables_kept, ARRAY_LENGTH(git_variables_kept));
}

struct git_environment {
    const char **variables; /* owned array of borrowed strings */
    char home[512];
    char user[128];
};

static int environment_build(struct git_environment *environment, bool is_other_user, uid_t uid)
{
    size_t count = 0;
    while (environ[count] != NULL)
        count++;
    environment->variables =
        calloc(count + ARRAY_LENGTH(git_variables_set) + 3, sizeof(*environment->variables));
    if (environment->variables == NULL)
        return -ENOMEM;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (variable_passes(environ[i], is_other_user))
            environment->variables[used++] = environ[i];
    }
    for (size_t i = 0; i < ARRAY_LENGTH(git_variables_set); i++)
        environment->variables[used++] = git_variables_set[i];
    if (!is_other_user)
        return 0;
    const struct passwd *entry = getpwuid(uid);
    snprintf(environment->home, sizeof(environment->home), "HOME=%s",
             entry == NULL ? "/nonexistent" : entry->pw_dir);
    snprintf(environment->user, sizeof(environment->user), "USER=%s",
             entry == NULL ? "nobody" : entry->pw_name);
    environment->variables[used++] = environment->home;
    environment->variables[used] = environment->user;
    return 0;
}

/* In the child: become the owner before git opens anything. */
static int become_identity(void *context)
{
    const struct git_identity *identity = context;
    int status = sys_setgroups_thread(identity->group_count, identity->groups);
    if (status == 0)
        status = sys_setresgid_thread(identity->gid);
    if (status == 0)
        status = sys_setresuid_thread(identity->uid);
    return status;
}

static int arguments_build(const char *directory, const char *const *arguments,
                           const char *argv[GIT_ARGUMENTS_MAX])
{
    size_t used = 0;
    argv[used++] = "git";
    argv[used++] = "-C";
    argv[used++] = directory;
    for (size_t i = 0; i < ARRAY_LENGTH(git_overrides); i++)
        argv[used++] = git_overrides[i];
    for (size_t i = 0; arguments[i] != NULL; i++) {
        if (used + 1 >= GIT_ARGUMENTS_MAX)
            return -E2BIG;
        argv[used++] = arguments[i];
    }
    argv[used] = NULL;
    return 0;
}

int git_run_call(const struct git_call *call, struct process_result *result, struct error *err)
{
    const char *argv[GIT_ARGUMENTS_MAX];
    const char *name = call->arguments[0];
    int status = arguments_build(call->directory, call->arguments, argv);
    if (status < 0)
        return error_set(err, -status, "git %s", name);
    bool is_other_user = call->identity->uid != geteuid();
    struct git_environment environment = {.variables = NULL};
    status = environment_build(&environment, is_other_user, call->identity->uid);
    cleanup_free const char **variables = environment.variables;
    if (status < 0)
        return error_set(err, -status, "git %s", name);
    struct git_identity child_identity = *call->identity;
    struct process_spec spec = {
        .argv = argv,
        .environment = variables,
        .standard_input = call->input,
        .standard_output = -1,
        .standard_error = -1,
        .output_limit = call->output_limit,
        .timeout_ms = call->timeout_ms,
        .prepare = is_other_user ? become_identity : NULL,
        .prepare_context = &child_identity,
    };
    status = process_run(&spec, result, err);
    if (status == -ENOENT)
        return error_set(err, EINVAL, "git is not installed: install it (apt-get install git)");
    if (status < 0)
        return error_prefix(err, "git %s", name);
    return 0;
}

int git_run(const char *directory, const struct git_identity *identity,
            const char *const *arguments, size_t output_limit, struct process_result *result,
            struct error *err)
{
    const struct git_call call = {.directory = directory,
                                  .identity = identity,
                                  .arguments = arguments,
                                  .input = -1,
                                  .output_limit = output_limit};
    return git_run_call(&call, result, err);
}

/* The last non-empty line of TEXT, cut to a sentence's size. */
static void last_line_of(const char *text, char *line, size_t size)
{
    size_t end = text == NULL ? 0 : strlen(text);
    while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == ' '))
        end--;
    size_t start = end;
    while (start > 0 && text[start - 1] != '\n')
        start--;
    snprintf(line, size, "%.*s", (int)(end - start), text == NULL ? "" : text + start);
}

int git_run_checked(const char *directory, const struct git_identity *identity,
                    const char *const *arguments, size_t output_limit,
                    struct process_result *result, struct error *err)
{
    int status = git_run(directory, identity, arguments, output_limit, result, err);
    if (status < 0)
        return status;
    if (process_is_success(result->wait_status))
        return 0;
    char reason[512];
    last_line_of(result->error_output, reason, sizeof(reason));
    error_set(err, EINVAL, "git %s in '%s' failed with code %d: %s", arguments[0], directory,
              process_exit_code(result->wait_status), reason);
    if (err != NULL)
        err->number = EIO;
    process_result_free(result);
    *result = (struct process_result){.output = NULL};
    return -EIO;
}

int git_read_line(const char *directory, const struct git_identity *identity,
                  const char *const *arguments, char **line, struct error *err)
{
    struct process_result result = {.output = NULL};
    int status = git_run_checked(directory, identity, arguments, 0, &result, err);
    if (status < 0)
        return status;
    char *text = steal_pointer(&result.output);
    process_result_free(&result);
    size_t length = strlen(text);
    if (length > 0 && text[length - 1] == '\n')
        text[length - 1] = '\0';
    *line = text;
    return 0;
}
