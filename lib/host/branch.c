/* Names the session's branch and reserves it without a race. */
#include "lib/host/branch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/wire/session.h"

/* More sessions on one repository than anybody keeps. */
#define SESSION_NUMBER_MAX 9999

static bool git_says_yes(const struct repository *repository, const char *const *arguments)
{
    struct process_result result = {.output = NULL};
    bool yes = git_run(repository->top, &repository->identity, arguments, 0, &result, NULL) == 0 &&
               process_is_success(result.wait_status);
    process_result_free(&result);
    return yes;
}

static bool ref_exists(const struct repository *repository, const char *branch)
{
    char ref[BRANCH_SIZE + 16];
    snprintf(ref, sizeof(ref), "refs/heads/%s", branch);
    return git_says_yes(repository, (const char *const[]){"show-ref", "--verify", "-q", ref, NULL});
}

static bool is_checked_out(const struct repository *repository, const char *branch)
{
    cleanup_free char *worktree = NULL;
    return git_find_checkout(repository->top, &repository->identity, branch, &worktree, NULL) < 0 ||
           worktree != NULL;
}

void branch_slug(const char *branch, char name[33])
{
    size_t used = 0;
    for (const char *p = branch; *p != '\0' && used < 32; p++) {
        static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789";
        const char *found = strchr(upper, *p);
        const char *c = found == NULL ? p : plain + (found - upper);
        if (strchr(plain, *c) != NULL)
            name[used++] = *c;
        else if (used > 0 && name[used - 1] != '-')
            name[used++] = '-';
    }
    while (used > 0 && name[used - 1] == '-')
        used--;
    name[used] = '\0';
    if (used == 0)
        snprintf(name, 33, "session");
}

/* The session that holds the reservation at PATH, into HOLDER; false when it is gone or its work is
 * collected. */
static bool is_held(const char *path, char holder[MANIFEST_SESSION_SIZE])
{
    cleanup_free char *text = NULL;
    size_t size;
    char directory[PATH_MAX];
    if (fd_read_file(AT_FDCWD, path, 64, &text, &size, NULL) < 0 || !manifest_is_session_id(text))
        return false;
    snprintf(holder, MANIFEST_SESSION_SIZE, "%s", text);
    if (session_state_directory(holder, directory, NULL) < 0 || access(directory, F_OK) < 0)
        return false;
    struct session_state *state = NULL;
    if (session_state_load(holder, &state, NULL) < 0)
        return true;
    bool is_over = state->phase == SESSION_COLLECTED;
    session_state_free(state);
    return !is_over;
}

/* STATE/branches, made when missing, into ROOT; the reservation of BRANCH below it into PATH. */
static int reservation_path(const struct repository *repository, const char *branch,
                            char root[PATH_MAX], char path[PATH_MAX], struct error *err)
{
    char state[PATH_MAX];
    char repository_digest[MANIFEST_DIGEST_SIZE];
    char branch_digest[MANIFEST_DIGEST_SIZE];
    manifest_digest(repository->git_common, strlen(repository->git_common), repository_digest);
    manifest_digest(branch, strlen(branch), branch_digest);
    int status = session_state_root(state, err);
    if (status == 0)
        status = path_format(root, "%s/branches", state);
    if (status == 0)
        status = path_make_directories(root, 0700, err);
    if (status == 0)
        status = path_format(path, "%s/%s/%s", root, repository_digest, branch_digest);
    return status;
}

static int refuse_held(const char *branch, const char *holder, struct error *err)
{
    error_set(
        err, EINVAL,
        "session %s works on branch '%s': choose another with --name or --branch, or end it with "
        "coding-agents remove %s",
        holder, branch, holder);
    return -EEXIST;
}

static int make_parent(const char *path, struct error *err)
{
    char parent[PATH_MAX];
    snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(path, '/') - path), path);
    return path_make_directories(parent, 0700, err);
}

/*
 * Makes the file that holds BRANCH for SESSION. -EEXIST when another session has it. Looking at an
 * old file and replacing it is one step under the lock of all of them, which leftovers_sweep takes
 * too.
 */
static int hold_branch(const struct repository *repository, const char *session,
                       struct branch *branch, struct error *err)
{
    char path[PATH_MAX];
    char root[PATH_MAX];
    char holder[MANIFEST_SESSION_SIZE] = "";
    int status = reservation_path(repository, branch->host, root, path, err);
    if (status < 0)
        return status;
    cleanup_fd int lock = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0 || flock(lock, LOCK_EX) < 0)
        return error_set(err, errno, "lock '%s'", root);
    if (is_held(path, holder))
        return refuse_held(branch->host, holder, err);
    status = make_parent(path, err);
    if (status < 0)
        return status;
    if (unlink(path) < 0 && errno != ENOENT)
        return error_set(err, errno, "remove the old '%s'", path);
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, errno, "reserve the branch with '%s'", path);
    status = fd_write_all(fd, session, strlen(session));
    if (status < 0)
        return error_set(err, -status, "write '%s'", path);
    memcpy(branch->reservation, path, sizeof(path));
    return 0;
}

/* Makes the ref, unless it exists or there is no commit yet. */
static int make_ref(const struct repository *repository, const char *session, struct branch *branch,
                    struct error *err)
{
    char ref[BRANCH_SIZE + 16];
    char message[64];
    snprintf(ref, sizeof(ref), "refs/heads/%s", branch->host);
    snprintf(message, sizeof(message), "coding-agents: session %s", session);
    struct process_result result = {.output = NULL};
    /* The empty old value: only when the ref does not exist at that moment. */
    int status = git_run_checked(
        repository->top, &repository->identity,
        (const char *const[]){"update-ref", "-m", message, ref, repository->base_commit, "", NULL},
        0, &result, err);
    process_result_free(&result);
    branch->made_ref = status == 0;
    if (status == -EIO)
        error_prefix(err, "the branch '%s' cannot be made, choose another with --branch",
                     branch->host);
    return status;
}

/* An existing branch may be gone on with when nothing of it is lost by starting at HEAD. */
static int check_existing(const struct repository *repository, const char *branch,
                          struct error *err)
{
    char ref[BRANCH_SIZE + 16];
    snprintf(ref, sizeof(ref), "refs/heads/%s", branch);
    if (git_says_yes(repository,
                     (const char *const[]){"merge-base", "--is-ancestor", ref, "HEAD", NULL}))
        return 0;
    return error_set(
        err, EINVAL,
        "branch '%s' exists and has commits that HEAD lacks: merge it first, check it out and "
        "use --use-current-branch, or choose another name",
        branch);
}

/* Takes branch->host. GOES_ON: an existing branch may be gone on with. -EEXIST when the name is
 * taken. */
static int take_branch(const struct branch_request *request, const struct repository *repository,
                       struct branch *branch, struct error *err)
{
    bool goes_on = request->branch != NULL || request->use_current;
    if (!manifest_is_branch(branch->host))
        return error_set(err, EINVAL, "git does not allow a branch '%s': choose one with --branch",
                         branch->host);
    if (is_checked_out(repository, branch->host))
        return error_set(
            err, EINVAL,
            "branch '%s' is checked out here, and git would not notice that it moves: check "
            "another one out, or leave out --branch",
            branch->host);
    bool exists = ref_exists(repository, branch->host);
    if (exists && !goes_on) {
        error_set(err, EINVAL,
                  "branch '%s' exists: choose another --name, or delete it with git branch -D %s",
                  branch->host, branch->host);
        return -EEXIST;
    }
    int status = exists ? check_existing(repository, branch->host, err) : 0;
    if (status < 0 || request->is_dry_run)
        return status;
    status = hold_branch(repository, request->session, branch, err);
    if (status == 0 && !exists && repository->base_commit[0] != '\0')
        status = make_ref(repository, request->session, branch, err);
    if (status < 0)
        branch_release(repository, branch);
    return status;
}

static int take_numbered(const struct branch_request *request, const struct repository *repository,
                         struct branch *branch, struct error *err)
{
    for (unsigned int number = 1; number <= SESSION_NUMBER_MAX; number++) {
        snprintf(branch->name, sizeof(branch->name), "session-%u", number);
        snprintf(branch->host, sizeof(branch->host), "%s/%s", request->agent, branch->name);
        int status = take_branch(request, repository, branch, err);
        /* Somebody else's git may have made the ref after we looked: then the next number is free.
         */
        bool is_taken =
            status == -EEXIST || (status == -EIO && ref_exists(repository, branch->host));
        if (!is_taken)
            return status;
    }
    return error_set(err, EINVAL,
                     "all %d numbered branches of %s are taken: give --name, or remove sessions",
                     SESSION_NUMBER_MAX, request->agent);
}

int branch_reserve(const struct branch_request *request, const struct repository *repository,
                   struct branch *branch, struct error *err)
{
    *branch = (struct branch){.name = ""};
    if (request->use_current && repository->head_branch[0] == '\0')
        return error_set(
            err, EINVAL,
            "--use-current-branch needs a branch, and HEAD is detached: check one out first");
    const char *given = request->use_current ? repository->head_branch : request->branch;
    int status;
    if (given == NULL && request->name == NULL) {
        status = take_numbered(request, repository, branch, err);
    } else {
        const char *below = given != NULL ? given : request->name;
        bool is_exact = request->branch != NULL;
        snprintf(branch->host, sizeof(branch->host), "%s%s%s", is_exact ? "" : request->agent,
                 is_exact ? "" : "/", below);
        if (request->name != NULL)
            snprintf(branch->name, sizeof(branch->name), "%s", request->name);
        else
            branch_slug(given, branch->name);
        status = take_branch(request, repository, branch, err);
    }
    snprintf(branch->inside, sizeof(branch->inside), "%s",
             request->use_current ? repository->head_branch : branch->host);
    return status;
}

void branch_release(const struct repository *repository, struct branch *branch)
{
    char ref[BRANCH_SIZE + 16];
    snprintf(ref, sizeof(ref), "refs/heads/%s", branch->host);
    if (branch->made_ref)
        (void)git_says_yes(repository, (const char *const[]){"update-ref", "-d", ref,
                                                             repository->base_commit, NULL});
    if (branch->reservation[0] != '\0')
        (void)unlink(branch->reservation);
    branch->reservation[0] = '\0';
    branch->made_ref = false;
}
