/* Why a session ended, for each way it can. */
#include <signal.h>

#include "host-shim/keeper/cause.h"
#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"
#include "tests/unit/wire/support.h"

struct cause_case {
    const char *expected;
    struct ending ending;
};

/* clang-format off */
static const struct cause_case cases[] = {
    {"", {.was_seen = true, .init_spoke = true, .shutdown_was_done = true, .exit_code = 0}},
    {"", {.was_seen = true, .init_spoke = true, .shutdown_was_done = true, .exit_code = 137}},
    {"", {.was_seen = true, .exit_code = 3}},
    {"nothing was started: no image", {.container = ENDING_CONTAINER_NEVER_SEEN, .abandoned = "no image"}},
    {"the container was never created", {.container = ENDING_CONTAINER_NEVER_SEEN, .exit_code = -1}},
    {"the container was removed while it ran", {.container = ENDING_CONTAINER_REMOVED, .init_spoke = true}},
    {"boot was refused at step 'git': no", {.refused_step = "git", .refused_message = "no", .init_spoke = true,
                                           .exit_code = EXIT_BOOT_GIT}},
    {"the engine could not start the container: no such file", {.engine_error = "no such file", .exit_code = 127}},
    {"the container ran out of memory", {.was_oom_killed = true, .exit_code = 137, .init_spoke = true}},
    {"", {.was_oom_killed = true, .exit_code = 0, .init_spoke = true, .shutdown_was_done = true}},
    {"the service 'runner' failed more often than its limit", {.failed_service = "runner", .init_spoke = true,
                                                               .shutdown_was_done = true, .exit_code = EXIT_SERVICE_LIMIT}},
    {"", {.failed_service = "optional", .init_spoke = true, .shutdown_was_done = true, .exit_code = 1}},
    {"the engine was stopped", {.engine_was_away = true, .init_spoke = true, .exit_code = 137}},
    {"", {.engine_was_away = true, .init_spoke = true, .shutdown_was_done = true}},
    {"the container was killed before its shutdown was done", {.init_spoke = true, .exit_code = 0}},
    {"the container was killed before its shutdown was done", {.exit_code = 137}},
    {"the session was stopped with SIGTERM", {.stop_signal = SIGTERM, .init_spoke = true, .shutdown_was_done = true, .exit_code = 143}},
    {"", {.advice = "read", .init_spoke = true, .shutdown_was_done = true, .exit_code = 0}},
    {"", {.advice = "read", .init_spoke = true, .shutdown_was_done = true, .exit_code = EXIT_SANDBOX}},
    {"the agent ended with exit code 1: read", {.advice = "read", .init_spoke = true, .shutdown_was_done = true, .exit_code = 1}},
    {"the agent was ended by SIGSEGV: read", {.advice = "read", .agent_signal = SIGSEGV, .init_spoke = true,
                                             .shutdown_was_done = true, .exit_code = 139}},
    {"the session was stopped with SIGTERM", {.advice = "read", .agent_signal = SIGTERM, .stop_signal = SIGTERM, .init_spoke = true,
                                             .shutdown_was_done = true, .exit_code = 143}},
};
/* clang-format on */

static void says_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char text[CAUSE_SIZE];
        cause_describe(&cases[i].ending, text);
        assert_string_equal(text, cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_why)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
