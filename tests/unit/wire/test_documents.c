/* The published tables are those of the code: docs/exit-codes.md and docs/events.md. */
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/wire/audit.h"
#include "tests/unit/wire/support.h"

/* The next "EXIT_NAME = NUMBER" from AT. What follows it, or NULL. */
static const char *next_code(const char *at, char name[64], unsigned long *number)
{
    while ((at = strstr(at, "EXIT_")) != NULL) {
        size_t length = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
        const char *value = at + length;
        value += strspn(value, " ");
        if (*value == '=' && length < 64) {
            memcpy(name, at, length);
            name[length] = '\0';
            *number = strtoul(value + 1, NULL, 10);
            return value;
        }
        at += length;
    }
    return NULL;
}

static size_t count_rows(const char *document)
{
    size_t rows = 0;
    for (const char *at = strstr(document, "\n| "); at != NULL; at = strstr(at + 1, "\n| "))
        rows += isdigit((unsigned char)at[3]) != 0;
    return rows;
}

static void lists_every_exit_code(void **state)
{
    (void)state;
    size_t size = 0, codes = 0;
    char name[64], row[128];
    unsigned long number = 0, last = 199;
    cleanup_free char *header = support_read("lib/base/exit_codes.h", &size);
    cleanup_free char *document = support_read("docs/exit-codes.md", &size);
    for (const char *at = next_code(header, name, &number); at != NULL;
         at = next_code(at, name, &number)) {
        assert_int_equal(number, last + 1);
        snprintf(row, sizeof(row), "\n| %lu | `%s` | ", number, name);
        if (strstr(document, row) == NULL)
            fail_msg("docs/exit-codes.md has no row for %s, %lu", name, number);
        last = number;
        codes++;
    }
    assert_true(codes > 20 && last < 230);
    assert_int_equal(count_rows(document), codes);
}

/* The row of EVENT up to its end. Owned by the caller. */
static char *row_of(const char *document, const char *event)
{
    char start[64];
    snprintf(start, sizeof(start), "\n| `%s` | ", event);
    const char *row = strstr(document, start);
    if (row == NULL)
        fail_msg("docs/events.md has no row for %s", event);
    return strndup(row, strcspn(row + 1, "\n") + 1);
}

static void find_fields(const json_t *definition, const char *row, const char *event)
{
    const char *key;
    json_t *property;
    json_object_foreach(json_object_get(definition, "properties"), key, property)
    {
        char field[64];
        snprintf(field, sizeof(field), "`%s`", key);
        if (strstr(key, "_base64") == NULL && strstr(row, field) == NULL)
            fail_msg("docs/events.md: %s lacks %s", event, key);
    }
}

static void lists_every_event_with_its_fields(void **state)
{
    (void)state;
    size_t size = 0;
    cleanup_free char *document = support_read("docs/events.md", &size);
    json_t *schema = json_load_file("policies/schema/audit.json", 0, NULL);
    assert_non_null(schema);
    for (enum audit_event event = 0; event < AUDIT_EVENT_COUNT; event++) {
        const char *name = audit_event_name(event);
        cleanup_free char *row = row_of(document, name);
        find_fields(json_object_get(json_object_get(schema, "$defs"), name), row, name);
    }
    json_decref(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_every_exit_code),
        cmocka_unit_test(lists_every_event_with_its_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
