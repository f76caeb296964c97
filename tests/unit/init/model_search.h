/* Plays orders of happenings and stops at the first thing that does not hold. */
#ifndef INIT_MODEL_SEARCH_H
#define INIT_MODEL_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/unit/init/model.h"

#define SEARCH_LENGTH_MAX 60
/* Where orders begin. */
#define SEARCH_BEGINNINGS 6

struct search {
    enum happening order[SEARCH_LENGTH_MAX];
    bool forks_fail; /* from the first one on */
    int length;
    int depth;
    const char *violation; /* the first found; NULL: none */
    unsigned long orders;
};

/* A search from the beginning NUMBER on. */
struct search search_begin(size_t number, int depth);
/* Every order of what is left of the depth. */
void search_explore(struct search *search);
/* A long order by chance, from any beginning; only the count of the orders goes on. */
void search_wander(struct search *search, unsigned int *seed);
/* What does not hold, after what. */
void search_report(const struct search *search);
/* The first invariant that notices what is wrong, with the mutation in force; NULL: none does. */
const char *search_find_notice(void);

#endif
