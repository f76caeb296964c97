/* Hands out work: directories depth first, then entries of directories that others work at. */
#include "init/agent-boot/copy_run.h"

#include <string.h>

#include "lib/base/cleanup.h"

/*
 * Directories whose children are to come and which stay open for them: the first 64 in any case,
 * then one level in 64, then one in 1024, so that the way down a very deep tree begins nearby.
 */
static const struct {
    unsigned int kept; /* up to so many of them */
    unsigned int stride;
} keeping[] = {
    {.kept = 64, .stride = 1},
    {.kept = 128, .stride = 64},
    {.kept = 192, .stride = 1024},
};

static void wait_for_entry(struct copy_run *run, struct copy_directory *directory)
{
    directory->next_waiting = run->waiting;
    run->waiting = directory;
}

void copy_run_begin(struct copy_run *run)
{
    for (struct copy_directory *each = run->plan->directories; each != NULL;
         each = each->next_owned)
        if (each->parent == NULL)
            wait_for_entry(run, each);
}

static bool has_entries(const struct copy_directory *directory)
{
    return directory->names_next < directory->names_size;
}

static enum copy_work find_work(struct copy_run *run, struct copy_directory **directory)
{
    if (run->waiting != NULL) {
        *directory = run->waiting;
        run->waiting = run->waiting->next_waiting;
        return COPY_WORK_ENTER;
    }
    while (run->open != NULL && !has_entries(run->open))
        run->open = run->open->next_open;
    if (run->open != NULL) {
        *directory = run->open;
        return COPY_WORK_HELP;
    }
    /* Whoever works may still find directories. */
    return run->working == 0 && run->held != NULL ? COPY_WORK_LINK : COPY_WORK_END;
}

enum copy_work copy_run_next(struct copy_run *run, struct copy_directory **directory)
{
    pthread_mutex_lock(&run->lock);
    run->working--;
    enum copy_work work = COPY_WORK_END;
    while (!atomic_load(&run->is_stopped)) {
        work = find_work(run, directory);
        if (work != COPY_WORK_END || run->working == 0)
            break;
        pthread_cond_wait(&run->changed, &run->lock);
    }
    run->working += work == COPY_WORK_END ? 0 : 1;
    if (work == COPY_WORK_ENTER || work == COPY_WORK_HELP)
        (*directory)->busy++;
    if (work == COPY_WORK_END)
        pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->lock);
    return work;
}

static bool is_worth_keeping(const struct copy_run *run, const struct copy_directory *directory)
{
    for (size_t i = 0; i < ARRAY_LENGTH(keeping); i++)
        if (run->kept < keeping[i].kept)
            return directory->depth % keeping[i].stride == 0;
    return false;
}

void copy_run_entered(struct copy_run *run, struct copy_directory *directory,
                      struct copy_directory *children, bool are_new)
{
    pthread_mutex_lock(&run->lock);
    directory->is_kept = children != NULL && directory->is_made && is_worth_keeping(run, directory);
    run->kept += directory->is_kept ? 1 : 0;
    for (struct copy_directory *child = children; child != NULL; child = child->next_sibling) {
        directory->pending++;
        wait_for_entry(run, child);
        if (!are_new)
            continue;
        child->next_owned = run->plan->directories;
        run->plan->directories = child;
    }
    if (has_entries(directory)) {
        directory->next_open = run->open;
        run->open = directory;
    }
    if (children != NULL || has_entries(directory))
        pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->lock);
}

const char *copy_run_take(struct copy_run *run, struct copy_directory *directory)
{
    const char *name = NULL;
    pthread_mutex_lock(&run->lock);
    if (has_entries(directory) && !atomic_load(&run->is_stopped)) {
        name = directory->names + directory->names_next;
        directory->names_next += strlen(name) + 1;
    }
    pthread_mutex_unlock(&run->lock);
    return name;
}

bool copy_run_leave(struct copy_run *run, struct copy_directory *directory)
{
    struct copy_directory closing = {.fds = {-1, -1, -1}};
    pthread_mutex_lock(&run->lock);
    bool is_last = --directory->busy == 0 && !has_entries(directory);
    bool is_finished = is_last && --directory->pending == 0;
    if (is_last && !is_finished && !directory->is_kept) {
        memcpy(closing.fds, directory->fds, sizeof(closing.fds));
        memset(directory->fds, -1, sizeof(directory->fds));
    }
    pthread_mutex_unlock(&run->lock);
    copy_directory_close(&closing);
    return is_finished;
}

struct copy_directory *copy_run_finish(struct copy_run *run, struct copy_directory *directory)
{
    copy_directory_close(directory);
    struct copy_directory *parent = directory->parent;
    pthread_mutex_lock(&run->lock);
    run->kept -= directory->is_kept ? 1 : 0;
    directory->is_kept = false;
    bool is_parent_finished = parent != NULL && --parent->pending == 0;
    pthread_mutex_unlock(&run->lock);
    return is_parent_finished ? parent : NULL;
}

bool copy_run_hold(struct copy_run *run, struct copy_directory *directory)
{
    pthread_mutex_lock(&run->lock);
    bool is_held = directory->is_held;
    if (is_held) {
        directory->next_waiting = run->held;
        run->held = directory;
    }
    pthread_mutex_unlock(&run->lock);
    if (is_held && !directory->is_kept)
        copy_directory_close(directory);
    return is_held;
}

void copy_run_fail(struct copy_run *run, int failure, const struct error *err)
{
    pthread_mutex_lock(&run->lock);
    if (run->failure == 0) {
        run->failure = failure;
        run->error = *err;
    }
    atomic_store(&run->is_stopped, true);
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->lock);
}
