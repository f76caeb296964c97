/* docs/init.md shows the two tables as they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "init/machine/machine.h"

#define PAGE "docs/init.md"
#define LINE_SIZE 512

/* A row's cells lie at the columns of the heading's words. */
struct page_table {
    const char *first_row; /* how the first row begins; the heading is the lines above it */
    uint32_t event_count;
    uint32_t first_state;
    uint32_t last_state;
    const char *(*state_name)(uint32_t state);
    /* The next state; 0 when EVENT is not listed. */
    uint32_t (*step)(uint32_t state, uint32_t event);
};

static uint32_t step_session(uint32_t state, uint32_t event)
{
    enum init_session_state next = (enum init_session_state)state;
    enum session_action action;
    return session_step(&next, (enum session_event)event, &action) ? next : 0;
}

static uint32_t step_service(uint32_t state, uint32_t event)
{
    enum init_service_state next = (enum init_service_state)state;
    enum service_action action;
    return service_step(&next, (enum service_event)event, &action) ? next : 0;
}

/* What the cell must be, as the page writes it. */
static void write_cell(const struct page_table *table, uint32_t state, uint32_t event,
                       char cell[16])
{
    uint32_t next = table->step(state, event);
    if (next == 0)
        snprintf(cell, 16, "-");
    else if (next == state)
        snprintf(cell, 16, "same");
    else
        snprintf(cell, 16, "%s", table->state_name(next));
}

static void check_row(const struct page_table *table, uint32_t state, char *line)
{
    char *save = NULL;
    char *word = strtok_r(line, "| \n", &save);
    assert_non_null(word);
    assert_string_equal(word, table->state_name(state));
    for (uint32_t event = 0; event < table->event_count; event++) {
        char cell[16];
        write_cell(table, state, event, cell);
        word = strtok_r(NULL, "| \n", &save);
        assert_non_null(word);
        assert_string_equal(word, cell);
    }
    assert_null(strtok_r(NULL, "| \n", &save));
}

static void check_table(const struct page_table *table)
{
    char line[LINE_SIZE];
    uint32_t state = table->first_state;
    FILE *page = fopen(PAGE, "re");
    assert_non_null(page);
    while (state <= table->last_state && fgets(line, sizeof(line), page) != NULL) {
        bool is_first = strncmp(line, table->first_row, strlen(table->first_row)) == 0;
        if (is_first || state != table->first_state)
            check_row(table, state++, line);
    }
    fclose(page);
    assert_int_equal(state, table->last_state + 1);
}

static void the_sessions_table_is_on_the_page(void **state)
{
    (void)state;
    check_table(&(struct page_table){.first_row = "| booting |",
                                     .event_count = SESSION_EVENT_COUNT,
                                     .first_state = INIT_SESSION_BOOTING,
                                     .last_state = INIT_SESSION_WIPING,
                                     .state_name = machine_session_state_name,
                                     .step = step_session});
}

static void the_services_table_is_on_the_page(void **state)
{
    (void)state;
    check_table(&(struct page_table){.first_row = "| waiting |",
                                     .event_count = SERVICE_EVENT_COUNT,
                                     .first_state = INIT_STATE_WAITING,
                                     .last_state = INIT_STATE_FAILED,
                                     .state_name = machine_service_state_name,
                                     .step = step_service});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sessions_table_is_on_the_page),
        cmocka_unit_test(the_services_table_is_on_the_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
