/* Runs a copy: starts the threads, says what each does with its work, watches and may stop them. */
#include "init/agent-boot/copy.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "init/agent-boot/copy_identity.h"
#include "init/agent-boot/copy_worker.h"
#include "lib/base/cleanup.h"

#define THREADS_MAX 8
#define PROGRESS_INTERVAL_NS 50000000

int copy_worker_begin(struct copy_worker *worker, struct copy_run *run)
{
    worker->run = run;
    worker->pipe.run = run;
    worker->content = malloc(COPY_BATCH_BYTES);
    return worker->content == NULL ? -ENOMEM : 0;
}

void copy_worker_end(struct copy_worker *worker)
{
    for (size_t i = 0; i < worker->count; i++) {
        cleanup_close(&worker->entries[i].fd);
        copy_attributes_free(&worker->entries[i].attributes);
    }
    free(worker->content);
    free(worker->pipe.buffer);
}

int copy_worker_become(struct copy_worker *worker, const struct copy_identity *identity,
                       struct error *err)
{
    if (worker->in_force == identity)
        return 0;
    int result = copy_identity_assume(identity);
    worker->in_force = result < 0 ? NULL : identity;
    return result < 0 ? error_set(err, -result, "act as user %u", identity->uid) : 0;
}

static int as_reader(struct copy_worker *worker, struct error *err)
{
    return copy_worker_become(worker, &worker->run->plan->reader, err);
}

static int as_writer(struct copy_worker *worker, struct error *err)
{
    return copy_worker_become(worker, &worker->run->plan->writer, err);
}

/* Mode and times of DIRECTORY, and of the parents whose last child it was. */
static int finish(struct copy_worker *worker, struct copy_directory *directory, struct error *err)
{
    int result = as_writer(worker, err);
    while (result == 0 && directory != NULL && !copy_run_hold(worker->run, directory)) {
        result = copy_write_directory_end(worker, directory, err);
        directory = copy_run_finish(worker->run, directory);
    }
    return result;
}

static int copy_entries(struct copy_worker *worker, struct copy_directory *directory,
                        struct error *err)
{
    for (;;) {
        int result = as_reader(worker, err);
        if (result == 0)
            result = copy_read_batch(worker, directory, err);
        if (result < 0 || worker->count == 0)
            return result;
        result = as_writer(worker, err);
        if (result == 0)
            result = copy_write_batch(worker, directory, err);
        if (result < 0)
            return result;
    }
}

static int enter(struct copy_worker *worker, struct copy_directory *directory, struct error *err)
{
    worker->new_children = NULL;
    int result = as_reader(worker, err);
    if (result == 0)
        result = copy_read_directory(worker, directory, err);
    if (result == 0)
        result = as_writer(worker, err);
    if (result == 0)
        result = copy_write_directory(worker, directory, err);
    /* Published even after a failure: the plan owns them then. */
    bool is_listed = directory->first_child != NULL;
    copy_run_entered(worker->run, directory,
                     is_listed ? directory->first_child : worker->new_children, !is_listed);
    return result < 0 ? result : 0;
}

static int make_links(struct copy_worker *worker, struct error *err)
{
    int result = as_writer(worker, err);
    if (result == 0)
        result = copy_write_links(worker, err);
    struct copy_directory *held = worker->run->held;
    worker->run->held = NULL;
    while (result == 0 && held != NULL) {
        struct copy_directory *next = held->next_waiting;
        result = finish(worker, held, err);
        held = next;
    }
    return result;
}

/* False when there is nothing more to do. */
static bool do_next(struct copy_worker *worker, struct error *err)
{
    struct copy_directory *directory = NULL;
    enum copy_work work = copy_run_next(worker->run, &directory);
    if (work == COPY_WORK_END)
        return false;
    int result = 0;
    if (work == COPY_WORK_LINK)
        result = make_links(worker, err);
    if (work == COPY_WORK_ENTER)
        result = enter(worker, directory, err);
    if (work != COPY_WORK_LINK && result == 0)
        result = copy_entries(worker, directory, err);
    if (work != COPY_WORK_LINK && copy_run_leave(worker->run, directory) && result == 0)
        result = finish(worker, directory, err);
    if (result < 0)
        copy_run_fail(worker->run, result, err);
    return result == 0;
}

static void *work(void *argument)
{
    struct copy_run *run = argument;
    struct copy_worker worker = {.run = NULL};
    struct error err = ERROR_INITIALIZER;
    if (copy_worker_begin(&worker, run) < 0)
        copy_run_fail(run, error_set(&err, ENOMEM, "start copying"), &err);
    while (do_next(&worker, &err))
        continue;
    copy_worker_end(&worker);
    pthread_mutex_lock(&run->lock);
    run->threads--;
    pthread_cond_signal(&run->ended);
    pthread_mutex_unlock(&run->lock);
    return NULL;
}

static unsigned int count_processors(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count > THREADS_MAX ? THREADS_MAX : (unsigned int)count;
}

static struct copy_result read_counters(const struct copy_counters *done)
{
    return (struct copy_result){
        .files = atomic_load(&done->files),
        .bytes = atomic_load(&done->bytes),
        .missing = atomic_load(&done->missing),
        .special = atomic_load(&done->special),
        .attributes = atomic_load(&done->attributes),
    };
}

/* Waits until no thread runs, calling PROGRESS now and then. */
static void watch(struct copy_run *run, copy_progress *progress, void *context)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    pthread_mutex_lock(&run->lock);
    while (run->threads > 0) {
        if (pthread_cond_clockwait(&run->ended, &run->lock, CLOCK_MONOTONIC, &until) != ETIMEDOUT)
            continue;
        until.tv_nsec += PROGRESS_INTERVAL_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        struct copy_result done = read_counters(&run->done);
        int wish = progress == NULL ? 0 : progress(&done, context);
        if (wish < 0 && run->failure == 0) {
            run->failure = wish;
            error_set(&run->error, -wish, "copy stopped");
        }
        if (wish < 0) {
            atomic_store(&run->is_stopped, true);
            pthread_cond_broadcast(&run->changed);
        }
    }
    pthread_mutex_unlock(&run->lock);
}

/* Signals are the calling thread's, so that no system call of a copy is cut short by one. */
static size_t start_threads(struct copy_run *run, pthread_t threads[THREADS_MAX])
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    unsigned int count = count_processors();
    run->threads = run->working = count;
    size_t started = 0;
    for (int number = 0; started < count && number == 0; started += number == 0 ? 1 : 0) {
        number = pthread_create(&threads[started], NULL, work, run);
        if (number == 0)
            continue;
        struct error cause = ERROR_INITIALIZER;
        copy_run_fail(run, error_set(&cause, number, "start a copy thread"), &cause);
        pthread_mutex_lock(&run->lock);
        run->threads -= count - (unsigned int)started;
        run->working -= count - (unsigned int)started;
        pthread_mutex_unlock(&run->lock);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

int copy_run(struct copy_plan *plan, copy_progress *progress, void *context,
             struct copy_result *result, struct error *err)
{
    struct copy_run run = {
        .plan = plan,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
        .ended = PTHREAD_COND_INITIALIZER,
    };
    copy_run_begin(&run);
    mode_t mask = umask(0);
    pthread_t threads[THREADS_MAX];
    size_t started = start_threads(&run, threads);
    watch(&run, progress, context);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    umask(mask);
    copy_links_free(&run.links);
    if (run.failure < 0) {
        if (err != NULL)
            *err = run.error;
        return run.failure;
    }
    *result = read_counters(&run.done);
    return 0;
}
