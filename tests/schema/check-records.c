/* Checks every line of standard input against a schema: `check-records SCHEMA <LOG`. 1 when one is
 * not as it should be. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/cleanup.h"
#include "tests/schema/schema.h"

int main(int argc, char **argv)
{
    json_error_t reason;
    char text[512];
    cleanup_free char *line = NULL;
    size_t capacity = 0;
    size_t count = 0;
    int code = 0;
    json_t *schema = argc == 2 ? json_load_file(argv[1], JSON_REJECT_DUPLICATES, &reason) : NULL;
    if (schema == NULL) {
        fprintf(stderr, "check-records: %s\n", argc == 2 ? reason.text : "which schema?");
        return 2;
    }
    while (getline(&line, &capacity, stdin) > 0) {
        json_t *record = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        const char *wrong =
            record == NULL ? "no JSON" : schema_check(schema, schema, record, text, sizeof(text));
        count++;
        if (wrong != NULL) {
            printf("line %zu: %s\n%s", count, wrong, line);
            code = 1;
        }
        json_decref(record);
    }
    json_decref(schema);
    printf("%zu lines\n", count);
    return count == 0 ? 1 : code;
}
