/* Finds the name that is nearest to one that does not exist. */
#include "lib/host/near_name.h"

#include <stdio.h>
#include <string.h>

static unsigned int smallest(unsigned int a, unsigned int b, unsigned int c)
{
    unsigned int least = a < b ? a : b;
    return least < c ? least : c;
}

/* Letters to insert, delete or replace to make B from A. */
static unsigned int distance(const char *a, const char *b)
{
    unsigned int row[NEAR_NAME_LENGTH + 1];
    size_t width = strnlen(b, NEAR_NAME_LENGTH);
    for (size_t j = 0; j <= width; j++)
        row[j] = (unsigned int)j;
    for (size_t i = 0; i < NEAR_NAME_LENGTH && a[i] != '\0'; i++) {
        unsigned int diagonal = row[0];
        row[0] = (unsigned int)i + 1;
        for (size_t j = 1; j <= width; j++) {
            unsigned int above = row[j];
            row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + (a[i] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[width];
}

void near_name_keep(const char *wanted, const char *name, char nearest[NEAR_NAME_LENGTH + 1])
{
    if (distance(wanted, name) < distance(wanted, nearest))
        snprintf(nearest, NEAR_NAME_LENGTH + 1, "%s", name);
}
