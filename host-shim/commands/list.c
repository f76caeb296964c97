/* coding-agents list: the sessions, and the command that gets work nobody has fetched. */
#include <stdlib.h>
#include <string.h>

#include "host-shim/commands/command.h"
#include "host-shim/commands/session_view.h"
#include "lib/base/cleanup.h"
#include "lib/host/leftovers.h"
#include "lib/host/printable.h"

#define COLUMNS 8

static const char *const titles[COLUMNS] = {"SESSION", "PHASE", "AGENT", "NAME",
                                            "BRANCH",  "AGE",   "EXIT",  "REPOSITORY"};

struct row {
    char *cells[COLUMNS]; /* owned, printable */
};

static char *cell(const char *text)
{
    return text == NULL || text[0] == '\0' ? strdup("-") : printable_text(text, strlen(text));
}

static int make_row(const struct session_view *view, struct row *row)
{
    const struct session_state *state = view->state;
    char age[32];
    char code[16] = "";
    session_view_age(state->created_at, age);
    if (view->exit_code >= 0)
        snprintf(code, sizeof(code), "%d", view->exit_code);
    const char *const texts[COLUMNS] = {state->session, view->phase,        state->agent,
                                        state->name,    state->host_branch, age,
                                        code,           state->repository};
    for (size_t i = 0; i < COLUMNS; i++) {
        row->cells[i] = cell(texts[i]);
        if (row->cells[i] == NULL)
            return -1;
    }
    return 0;
}

static void print_row(const char *const *cells, const size_t *widths)
{
    for (size_t i = 0; i < COLUMNS; i++)
        printf("%-*s%s", i + 1 == COLUMNS ? 0 : (int)widths[i], cells[i],
               i + 1 == COLUMNS ? "\n" : "  ");
}

static void print_rows(const struct row *rows, size_t count)
{
    size_t widths[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++) {
        widths[i] = strlen(titles[i]);
        for (size_t j = 0; j < count; j++) {
            size_t length = strlen(rows[j].cells[i]);
            widths[i] = length > widths[i] ? length : widths[i];
        }
    }
    print_row(titles, widths);
    for (size_t j = 0; j < count; j++)
        print_row((const char *const *)rows[j].cells, widths);
}

static void print_uncollected(const struct session_views *views)
{
    bool is_first = true;
    for (size_t i = 0; i < views->count; i++) {
        if (!views->items[i].has_uncollected_work)
            continue;
        if (is_first)
            puts("\nWork that nobody has fetched yet:");
        is_first = false;
        printf("  coding-agents sync %s\n", views->items[i].state->session);
    }
}

static void print_frozen(const struct session_views *views)
{
    bool is_first = true;
    for (size_t i = 0; i < views->count; i++) {
        const struct session_view *view = &views->items[i];
        if (!view->is_frozen)
            continue;
        if (is_first)
            puts("\nFrozen; coding-agents audit show says why. To let one go on, or end it:");
        is_first = false;
        printf("  docker unpause %s, or coding-agents kill %s\n", view->state->container,
               view->state->session);
    }
}

static void print_waiting(const struct session_views *views)
{
    bool is_first = true;
    for (size_t i = 0; i < views->count; i++) {
        const struct session_view *view = &views->items[i];
        if (view->approvals_waiting <= 0)
            continue;
        if (is_first)
            puts("\nCommands that wait for an answer:");
        is_first = false;
        printf("  %d: coding-agents approvals %s\n", view->approvals_waiting, view->state->session);
    }
}

static int print_table(const struct session_views *views)
{
    struct row *rows = calloc(views->count + 1, sizeof(*rows));
    int result = rows == NULL ? -1 : 0;
    for (size_t i = 0; i < views->count && result == 0; i++)
        result = make_row(&views->items[i], &rows[i]);
    if (result == 0)
        print_rows(rows, views->count);
    for (size_t i = 0; rows != NULL && i < views->count; i++) {
        for (size_t j = 0; j < COLUMNS; j++)
            free(rows[i].cells[j]);
    }
    free(rows);
    if (result == 0)
        print_frozen(views);
    if (result == 0)
        print_waiting(views);
    if (result == 0)
        print_uncollected(views);
    return result;
}

static int print_json(const struct session_views *views)
{
    json_t *list = json_array();
    for (size_t i = 0; i < views->count; i++) {
        json_t *item = session_view_json(&views->items[i]);
        if (item == NULL || json_array_append_new(list, item) < 0) {
            json_decref(list);
            return -1;
        }
    }
    json_t *document = json_pack("{s:i,s:s,s:o}", "version", 1, "engine_error", views->engine_error,
                                 "sessions", list);
    if (document == NULL)
        return -1;
    int result = printable_json_dump(document, stdout);
    json_decref(document);
    return result;
}

static void print_ids(const struct session_views *views)
{
    for (size_t i = 0; i < views->count; i++)
        puts(views->items[i].state->session);
}

int main(int argc, char **argv)
{
    struct command_line line;
    struct session_views views;
    struct error err = ERROR_INITIALIZER;
    command_begin("list", argc, argv, &line);
    leftovers_sweep();
    if (session_views_read(&views, &err) < 0)
        return command_fail(&line, &err, EXIT_HOST_INTERNAL);
    int result = 0;
    if (command_has(&line, "quiet"))
        print_ids(&views);
    else if (command_has(&line, "json"))
        result = print_json(&views);
    else
        result = print_table(&views);
    if (views.engine_error[0] != '\0' && !command_has(&line, "quiet")) {
        fputs("coding-agents list: the engine did not answer, so this is what is recorded: ",
              stderr);
        printable_print(stderr, views.engine_error);
        fputc('\n', stderr);
    }
    session_views_free(&views);
    return result < 0 ? EXIT_HOST_INTERNAL : 0;
}
