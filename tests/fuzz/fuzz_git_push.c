/* Fuzzes the head of a push: what is taken names refs that git would take, and the same list is
 * read from its beginning alone. The rest is the report that answers it. */
#include <stdlib.h>
#include <string.h>

#include "host-shim/git-proxy/push_list.h"
#include "host-shim/git-proxy/push_report.h"
#include "lib/wire/manifest.h"
#include "tests/fuzz/fuzz.h"

static void check_ref(void *context, const char *ref)
{
    (void)context;
    fuzz_require(ref[0] != '\0' && strlen(ref) < PUSH_REPORT_LINE);
}

static void check_report(const char *data, size_t size, bool has_side_band)
{
    struct push_report report;
    push_report_begin(&report, has_side_band, check_ref, NULL);
    push_report_feed(&report, data, size / 2);
    push_report_feed(&report, data + size / 2, size - size / 2);
}

static bool is_same(const struct push_list *first, const struct push_list *second)
{
    for (size_t i = 0; i < first->count && i < second->count; i++) {
        const struct push_command *one = &first->commands[i];
        const struct push_command *other = &second->commands[i];
        if (strcmp(one->ref, other->ref) != 0 || strcmp(one->old_id, other->old_id) != 0 ||
            strcmp(one->new_id, other->new_id) != 0)
            return false;
    }
    return first->count == second->count && first->wants_report == second->wants_report &&
           first->has_side_band == second->has_side_band &&
           first->has_options == second->has_options;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct push_list list;
    static struct push_list again;
    struct error err = ERROR_INITIALIZER;
    const char *text = (const char *)data;
    ssize_t taken = push_list_parse(text, size, &list, &err);
    check_report(text, size, false);
    check_report(text, size, true);
    fuzz_require(taken >= 0 || err.message[0] != '\0');
    if (taken <= 0)
        return 0;
    fuzz_require((size_t)taken <= size && list.count <= PUSH_COMMANDS_MAX);
    for (size_t i = 0; i < list.count; i++) {
        const struct push_command *command = &list.commands[i];
        fuzz_require(strncmp(command->ref, "refs/", 5) == 0 &&
                     manifest_is_branch(command->ref + 5));
        fuzz_require(strlen(command->old_id) == strlen(command->new_id));
    }
    fuzz_require(push_list_parse(text, (size_t)taken, &again, &err) == taken &&
                 is_same(&list, &again));
    fuzz_require(push_list_parse(text, (size_t)taken - 1, &again, &err) <= 0);
    return 0;
}
