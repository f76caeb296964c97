/* Orders of happenings: all short ones, and long ones by chance. */
#include "tests/unit/init/model_search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"

/* To notice a mutation. */
#define DEPTH_MUTATION 4
#define ROUNDS_MUTATION 2000
/* Timers until a stop that is left alone must be over. */
#define END_STEPS_MAX 1000

/* The start, one at which no process can be made, everything runs, the beginnings of stops, and a
 * main service that cannot be started. */
static const struct {
    int length;
    enum happening order[3];
    bool forks_fail;
} beginnings[SEARCH_BEGINNINGS] = {
    {0, {0}, false},
    {0, {0}, true},
    {2, {BOOT_SAYS_READY, WEB_SAYS_READY}, false},
    {3, {BOOT_SAYS_READY, WEB_SAYS_READY, TERM_COMES}, false},
    {3, {BOOT_SAYS_READY, WEB_SAYS_READY, INT_COMES}, false},
    {3, {BOOT_SAYS_READY, FORKS_FAIL, WEB_SAYS_READY}, false},
};

struct search search_begin(size_t number, int depth)
{
    struct search search = {.forks_fail = beginnings[number].forks_fail,
                            .length = beginnings[number].length,
                            .depth = beginnings[number].length + depth};
    memcpy(search.order, beginnings[number].order, sizeof(beginnings[number].order));
    return search;
}

static void look(struct search *search)
{
    if (search->violation == NULL)
        search->violation = model_find_violation();
}

/* Told to stop and then left alone, PID 1 comes to its end. */
static void see_it_end(struct search *search)
{
    int steps = 0;
    if (model.init.stop_ns == 0)
        model_happen(TERM_COMES);
    while (model.init.state != INIT_SESSION_DONE && steps++ < END_STEPS_MAX) {
        if (!model_happen(TIME_PASSES))
            break;
    }
    look(search);
    if (search->violation == NULL && model.init.state != INIT_SESSION_DONE)
        search->violation = "a stop comes to its end";
}

static void replay(const struct search *search)
{
    model_reset(search->forks_fail);
    for (int i = 0; i < search->length; i++)
        model_happen(search->order[i]);
}

/* Each order is played from the start: PID 1 cannot be copied. What cannot happen changes nothing.
 */
void search_explore(struct search *search)
{
    bool is_played = false;
    for (int what = 0; what < FIRST_RARE_HAPPENING && search->violation == NULL; what++) {
        if (!is_played)
            replay(search);
        is_played = !model_happen((enum happening)what);
        if (is_played)
            continue;
        search->orders++;
        search->order[search->length++] = (enum happening)what;
        look(search);
        if (search->length == search->depth)
            see_it_end(search);
        else if (search->violation == NULL)
            search_explore(search);
        if (search->violation == NULL)
            search->length--;
    }
}

void search_wander(struct search *search, unsigned int *seed)
{
    unsigned long orders = search->orders;
    *search = search_begin((size_t)rand_r(seed) % ARRAY_LENGTH(beginnings), 0);
    search->orders = orders;
    replay(search);
    while (search->length < SEARCH_LENGTH_MAX && search->violation == NULL) {
        enum happening what = (enum happening)(rand_r(seed) % HAPPENING_COUNT);
        if (model.init.state == INIT_SESSION_DONE)
            return;
        /* Stops are rare, or nothing else would be seen. */
        if ((what == TERM_COMES || what == INT_COMES) && rand_r(seed) % 8 != 0)
            continue;
        if (!model_happen(what))
            continue;
        search->order[search->length++] = what;
        search->orders++;
        look(search);
    }
    if (search->violation == NULL)
        see_it_end(search);
}

void search_report(const struct search *search)
{
    fprintf(stderr, "does not hold: %s, after:", search->violation);
    for (int i = 0; i < search->length; i++)
        fprintf(stderr, "%s %s", i == 0 ? "" : ",", model_happening_name(search->order[i]));
    fprintf(stderr, "\n");
}

const char *search_find_notice(void)
{
    unsigned int seed = 1;
    struct search search = {.violation = NULL};
    /* Most are noticed by a few long orders; the short ones reach what is rare there. */
    for (int i = 0; i < ROUNDS_MUTATION && search.violation == NULL; i++)
        search_wander(&search, &seed);
    for (size_t i = 0; i < SEARCH_BEGINNINGS && search.violation == NULL; i++) {
        search = search_begin(i, DEPTH_MUTATION);
        search_explore(&search);
    }
    return search.violation;
}
