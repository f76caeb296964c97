/* Fuzzes what a sandbox, the service that makes them, and the keeper tell the task runner. */
#include <string.h>

#include "sandbox/exec-trap/configuration.h"
#include "sandbox/exec-trap/direct_match.h"
#include "sandbox/exec-trap/keeper_frame.h"
#include "sandbox/exec-trap/verdict_check.h"
#include "tests/fuzz/fuzz.h"

static union {
    struct task_verdict verdict;
    struct task_nested nested;
    struct task_configuration configuration;
    struct keeper_frame frame;
    char bytes[sizeof(struct task_configuration) + 2 * TASK_ARGUMENTS_SHOWN];
} said;

static void require_ended(const char *text, size_t size)
{
    fuzz_require(memchr(text, '\0', size) != NULL);
}

static void judge_verdict(size_t size)
{
    const struct exec_event *event = &said.verdict.event;
    if (verdict_check(&said.verdict, size) < 0)
        return;
    fuzz_require(sizeof(said.verdict) + event->arguments_size == size);
    fuzz_require(event->arguments_size <= TASK_ARGUMENTS_SHOWN);
    fuzz_require((event->action >= TASK_ACTION_SANDBOX && event->action <= TASK_ACTION_REDIRECT) ||
                 event->action == TASK_ACTION_ASK);
    fuzz_require((event->action == TASK_ACTION_ASK) == (event->duration_ns > 0));
    fuzz_require(event->error == 0 && event->wait_status == 0);
    require_ended(event->rule, sizeof(event->rule));
    require_ended(event->profile, sizeof(event->profile));
    require_ended(event->program, sizeof(event->program));
    require_ended(event->directory, sizeof(event->directory));
    require_ended(event->text, sizeof(event->text));
}

static void judge_nested(size_t size)
{
    if (nested_check(&said.nested, size) < 0)
        return;
    fuzz_require(sizeof(said.nested) + said.nested.arguments_size == size);
    fuzz_require(said.nested.arguments_size <= TASK_ARGUMENTS_SHOWN);
    require_ended(said.nested.rule, sizeof(said.nested.rule));
    require_ended(said.nested.program, sizeof(said.nested.program));
}

static void judge_configuration(void)
{
    const struct task_configuration *configuration = &said.configuration;
    if (configuration_check(configuration) < 0)
        return;
    fuzz_require(configuration->profile_count > 0 &&
                 configuration->profile_count <= TASK_PROFILES_MAX &&
                 configuration->direct_count <= TASK_DIRECT_MAX);
    for (uint32_t i = 0; i < configuration->profile_count; i++)
        require_ended(configuration->profiles[i].name, TASK_PROFILE_SIZE);
    for (uint32_t i = 0; i < configuration->direct_count; i++)
        fuzz_require(direct_is_sound(&configuration->direct[i]));
}

/* SIZE bytes, padding included. */
static void judge_frame(size_t size)
{
    size_t front = offsetof(struct keeper_frame, header);
    const struct exec_answer *answer =
        keeper_frame_answer(&said.frame, size > front ? size - front : 0);
    if (answer == NULL)
        return;
    fuzz_require(size - front == KEEPER_FRAME_SIZE);
    fuzz_require(answer->action == TASK_ACTION_SANDBOX || answer->action == TASK_ACTION_DENY);
    require_ended(answer->id, sizeof(answer->id));
    require_ended(answer->text, sizeof(answer->text));
}

/* The first byte says which. The last of the input fills what it lacks, so that a short one is
 * whole. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t whole[] = {sizeof(said.verdict), sizeof(said.nested)};
    if (size < 2 || size - 1 > sizeof(said))
        return 0;
    size_t kind = data[0] % 4;
    memset(&said, data[size - 1], sizeof(said));
    memcpy(&said, data + 1, size - 1);
    if (kind == 2) {
        judge_configuration();
        return 0;
    }
    if (kind == 3) {
        judge_frame(size - 1);
        return 0;
    }
    size_t tail = kind == 0 ? said.verdict.event.arguments_size : said.nested.arguments_size;
    if (tail > 2 * TASK_ARGUMENTS_SHOWN)
        tail = size;
    if (kind == 0)
        judge_verdict(whole[kind] + tail);
    else
        judge_nested(whole[kind] + tail);
    return 0;
}
