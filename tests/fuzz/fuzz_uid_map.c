/* Fuzzes the map of a container's uids: what is taken for one translates each uid by the first row
 * that has it, and those of no row not at all. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/host/uid_map.h"
#include "tests/fuzz/fuzz.h"

/* As user_namespaces(7) has it, without the program's arithmetic. */
static uid_t expect_inside(const struct uid_map *map, uint64_t outside)
{
    for (size_t i = 0; i < map->count; i++) {
        uint64_t start = map->rows[i].outside;
        if (outside >= start && outside < start + map->rows[i].count)
            return (uid_t)(map->rows[i].inside + (outside - start));
    }
    return UID_MAP_NOBODY;
}

static void check_uid(const struct uid_map *map, uint64_t outside)
{
    if (outside < UID_MAP_NOBODY)
        fuzz_require(uid_map_inside(map, (uid_t)outside) == expect_inside(map, outside));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct uid_map map;
    cleanup_free char *text = strndup((const char *)data, size);
    if (text == NULL || uid_map_parse(text, &map) < 0)
        return 0;
    fuzz_require(map.count > 0 && map.count <= UID_MAP_ROWS_MAX);
    for (size_t i = 0; i < map.count; i++) {
        uint64_t start = map.rows[i].outside;
        uint64_t count = map.rows[i].count;
        const uint64_t tries[] = {start - 1, start, start + count / 2, start + count - 1,
                                  start + count};
        for (size_t k = 0; k < ARRAY_LENGTH(tries); k++)
            check_uid(&map, tries[k]);
    }
    return 0;
}
