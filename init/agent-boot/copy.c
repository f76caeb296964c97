/* Runs a copy plan with a few threads; the caller watches and may stop it. */
#include "init/agent-boot/copy.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "init/agent-boot/copy_file.h"
#include "lib/base/cleanup.h"

#define THREADS_MAX 8
#define PROGRESS_INTERVAL_NS 100000000

struct copy_run_state {
    const struct copy_plan *plan;
    atomic_size_t next;
    atomic_size_t done;
    atomic_bool is_stopped;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    unsigned int running;
    struct copy_result result;
    int failure; /* -errno of the first failure */
    struct error error;
};

static void note_failure(struct copy_run_state *run, int failure, const struct error *err)
{
    pthread_mutex_lock(&run->lock);
    if (run->failure == 0) {
        run->failure = failure;
        run->error = *err;
    }
    pthread_mutex_unlock(&run->lock);
    atomic_store(&run->is_stopped, true);
}

static void finish_worker(struct copy_run_state *run, const struct copy_result *result)
{
    pthread_mutex_lock(&run->lock);
    run->result.files += result->files;
    run->result.bytes += result->bytes;
    run->result.missing += result->missing;
    run->result.special += result->special;
    run->running--;
    pthread_cond_signal(&run->changed);
    pthread_mutex_unlock(&run->lock);
}

static void *work(void *argument)
{
    struct copy_run_state *run = argument;
    struct copy_worker worker;
    struct error err = ERROR_INITIALIZER;
    copy_worker_init(&worker, run->plan, &run->is_stopped);
    for (;;) {
        size_t index = atomic_fetch_add(&run->next, 1);
        if (index >= run->plan->count || atomic_load(&run->is_stopped))
            break;
        int result = copy_worker_copy(&worker, &run->plan->items[index], &err);
        if (result < 0) {
            note_failure(run, result, &err);
            break;
        }
        atomic_fetch_add(&run->done, 1);
    }
    copy_worker_end(&worker);
    finish_worker(run, &worker.result);
    return NULL;
}

static size_t count_processors(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        return 1;
    size_t count = (size_t)CPU_COUNT(&set);
    return count > THREADS_MAX ? THREADS_MAX : count;
}

/* Waits until no worker runs, calling PROGRESS now and then. */
static void watch(struct copy_run_state *run, copy_progress *progress, void *context)
{
    pthread_mutex_lock(&run->lock);
    while (run->running > 0) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += PROGRESS_INTERVAL_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&run->changed, &run->lock, &until);
        if (progress == NULL || run->running == 0)
            continue;
        int wish = progress(atomic_load(&run->done), run->plan->count, context);
        if (wish < 0 && run->failure == 0) {
            run->failure = wish;
            error_set(&run->error, -wish, "copy stopped");
            atomic_store(&run->is_stopped, true);
        }
    }
    pthread_mutex_unlock(&run->lock);
}

int copy_run(const struct copy_plan *plan, copy_progress *progress, void *context,
             struct copy_result *result, struct error *err)
{
    struct copy_run_state run = {
        .plan = plan,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
    };
    pthread_t threads[THREADS_MAX];
    size_t count = count_processors();
    run.running = (unsigned int)count;
    size_t started = 0;
    for (; started < count; started++) {
        int number = pthread_create(&threads[started], NULL, work, &run);
        if (number == 0)
            continue;
        struct error cause = ERROR_INITIALIZER;
        note_failure(&run, error_set(&cause, number, "start a copy thread"), &cause);
        pthread_mutex_lock(&run.lock);
        run.running -= (unsigned int)(count - started);
        pthread_mutex_unlock(&run.lock);
        break;
    }
    watch(&run, progress, context);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    if (run.failure < 0) {
        if (err != NULL)
            *err = run.error;
        return run.failure;
    }
    *result = run.result;
    return 0;
}
