/*
 * Load for a broker: `broker_load ROUND_BROKERS SECONDS CLIENTS...` prints numbers, a key and a
 * value a line: how long a redemption takes, of so many brokers one each, how many requests a
 * second are answered to so many clients at once, and what a broker has in memory. Root, for the
 * uid of a holder.
 */
#include <grp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "tests/unit/broker/stage.h"

#define ROUND_MAX 1000
#define CLIENTS_MAX 128

static const struct stage *loaded;
static volatile bool is_over;

static int by_number(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static void print_memory(pid_t pid)
{
    char path[64], line[256];
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    cleanup_file FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    while (fgets(line, sizeof(line), file) != NULL) {
        char key[16];
        unsigned long value;
        if (sscanf(line, "Vm%15[A-Za-z]: %lu", key, &value) == 2 &&
            (strcmp(key, "RSS") == 0 || strcmp(key, "Lck") == 0))
            printf("%s %lu\n", key, value);
    }
}

/* From connect(2) to the secret, its burn on the disk included. */
static void time_redemptions(size_t count)
{
    static uint64_t times[ROUND_MAX];
    for (size_t i = 0; i < count; i++) {
        char text[512];
        void *state = NULL;
        stage_prepare(&state);
        stage_open(state, NULL, NULL);
        uint64_t start = clock_monotonic_ns();
        if (stage_redeem(state, text, NULL) != REDEEM_OK)
            exit(EXIT_FAILURE);
        times[i] = clock_monotonic_ns() - start;
        stage_dispose(&state);
    }
    qsort(times, count, sizeof(times[0]), by_number);
    size_t late = count * 99 / 100;
    size_t middle = count / 2;
    printf("p50 %.1f\np99 %.1f\n", (double)times[middle] / 1000, (double)times[late] / 1000);
}

/* What the keeper does with it is the keeper's. */
static void *drain(void *argument)
{
    const struct stage *stage = argument;
    static char text[16384];
    while (recv(stage->keeper, text, sizeof(text), 0) > 0)
        ;
    return NULL;
}

/* A connection and a request each, which is judged to its end: spent. */
static void *ask_again(void *argument)
{
    struct redeem_request request;
    struct redeem_refusal refusal;
    uint64_t *answered = argument;
    memcpy(request.nonce, loaded->bond.nonce, sizeof(request.nonce));
    memcpy(request.capability, loaded->capability, sizeof(request.capability));
    while (!is_over) {
        cleanup_fd int fd = stage_connect(loaded);
        if (fd < 0)
            continue;
        int type =
            stage_ask(fd, REDEEM_REDEEM, &request, sizeof(request), &refusal, sizeof(refusal));
        *answered += type == REDEEM_REFUSED && refusal.reason == REDEEM_REASON_SPENT;
    }
    return NULL;
}

static void count_requests(size_t clients, unsigned int seconds)
{
    pthread_t threads[CLIENTS_MAX];
    uint64_t answered[CLIENTS_MAX] = {0};
    uint64_t sum = 0;
    is_over = false;
    uint64_t start = clock_monotonic_ns();
    for (size_t i = 0; i < clients; i++)
        (void)pthread_create(&threads[i], NULL, ask_again, &answered[i]);
    sleep(seconds);
    is_over = true;
    for (size_t i = 0; i < clients; i++) {
        pthread_join(threads[i], NULL);
        sum += answered[i];
    }
    double took = (double)(clock_monotonic_ns() - start) / CLOCK_NANOSECONDS_PER_SECOND;
    printf("rate-%zu %.0f\n", clients, (double)sum / took);
}

int main(int argc, char **argv)
{
    uid_t uid = STAGE_HOLDER_UID;
    void *state = NULL;
    char text[512];
    int lease = -1;
    pthread_t drainer;
    size_t brokers = argc > 3 ? strtoul(argv[1], NULL, 10) : 0;
    if (brokers == 0 || brokers > ROUND_MAX || setgroups(0, NULL) < 0 ||
        setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0) {
        fputs("broker_load: as root: broker_load ROUND_BROKERS SECONDS CLIENTS...\n", stderr);
        return EXIT_FAILURE;
    }
    time_redemptions(brokers);
    stage_prepare(&state);
    struct stage *stage = state;
    stage_open(stage, NULL, NULL);
    print_memory(stage->pid);
    if (stage_redeem(stage, text, &lease) != REDEEM_OK)
        return EXIT_FAILURE;
    loaded = stage;
    (void)pthread_create(&drainer, NULL, drain, stage);
    for (int i = 3; i < argc; i++) {
        size_t clients = strtoul(argv[i], NULL, 10);
        count_requests(clients < CLIENTS_MAX ? clients : CLIENTS_MAX,
                       (unsigned int)strtoul(argv[2], NULL, 10));
    }
    shutdown(stage->keeper, SHUT_WR);
    pthread_join(drainer, NULL);
    close(lease);
    stage_dispose(&state);
    return EXIT_SUCCESS;
}
