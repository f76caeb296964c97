/* What PID 1 does, beside what it owes by the manual: whatever it did is in its log once, it
 * signals those who are to be, then, and it starts what belongs to its state. */
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "tests/unit/init/model.h"
#include "tests/unit/init/model_kernel.h"

/* clang-format off */
static const struct { enum init_event_kind kind; uint32_t value; } entries[RECORD_COUNT] = {
    [RECORD_BOOT_READY]         = {.kind = INIT_EVENT_BOOT_READY},
    [RECORD_STOP]               = {.kind = INIT_EVENT_STOP_REQUESTED},
    [RECORD_SWEEP]              = {.kind = INIT_EVENT_STOP_ESCALATED, .value = SIGTERM},
    [RECORD_KILL]               = {.kind = INIT_EVENT_STOP_ESCALATED, .value = SIGKILL},
    [RECORD_SHUTDOWN]           = {.kind = INIT_EVENT_SHUTDOWN_STARTED},
    [RECORD_SERVICE_STARTED]    = {.kind = INIT_EVENT_SERVICE_STARTED},
    [RECORD_SERVICE_READY]      = {.kind = INIT_EVENT_SERVICE_READY},
    [RECORD_SERVICE_RESTARTING] = {.kind = INIT_EVENT_SERVICE_RESTARTING},
    [RECORD_SERVICE_FAILED]     = {.kind = INIT_EVENT_SERVICE_FAILED},
};
/* clang-format on */

void record_note_entry(const struct init_event *entry)
{
    model.rejections_recorded += entry->kind == INIT_EVENT_TRANSITION_REJECTED;
    for (size_t i = 0; i < ARRAY_LENGTH(entries); i++) {
        if (entry->kind == (uint32_t)entries[i].kind &&
            (entries[i].value == 0 || entry->value == entries[i].value))
            model.told[i]++;
    }
}

static bool is_before_stop(enum init_session_state state)
{
    return state == INIT_SESSION_BOOTING || state == INIT_SESSION_RUNNING;
}

void record_note_session(enum init_session_state from, enum init_session_state to)
{
    if (from == to)
        return;
    model.seen[RECORD_BOOT_READY] += to == INIT_SESSION_RUNNING;
    model.seen[RECORD_STOP] += is_before_stop(from) && !is_before_stop(to);
    /* Where nobody is left there is nobody to be told. */
    model.seen[RECORD_SWEEP] += to == INIT_SESSION_SWEEPING && !kernel_is_empty();
    model.seen[RECORD_KILL] += to == INIT_SESSION_KILLING;
    model.kills_said -= to == INIT_SESSION_KILLING;
    model.seen[RECORD_SHUTDOWN] += to == INIT_SESSION_SHUTDOWN && !model.has_refused;
}

void record_note_service(enum init_service_state from, enum init_service_state to)
{
    if (from == to)
        return;
    model.seen[RECORD_SERVICE_READY] += to == INIT_STATE_READY;
    model.seen[RECORD_SERVICE_RESTARTING] += to == INIT_STATE_BACKOFF;
    model.seen[RECORD_SERVICE_FAILED] += to == INIT_STATE_FAILED;
}

void record_note_start(void)
{
    model.seen[RECORD_SERVICE_STARTED]++;
}

void record_note_program(enum process_kind kind)
{
    static const enum init_session_state places[] = {
        [PROCESS_BOOT] = INIT_SESSION_BOOTING,
        [PROCESS_SHUTDOWN] = INIT_SESSION_SHUTDOWN,
        [PROCESS_WIPE] = INIT_SESSION_WIPING,
    };
    /* A last attempt may come in the round in which its time is over. */
    model.misplaced += model.init.state != places[kind] && model.init.state != INIT_SESSION_DONE;
    for (int i = 0; i < model.process_count; i++)
        model.misplaced += model.processes[i].kind == kind;
}

/* Main may be reaped in the round in which PID 1 is done with everything else. */
void record_note_refusal(bool is_service, uint32_t state, uint32_t event)
{
    model.refused += is_service || state != INIT_SESSION_DONE || event != SESSION_MAIN_ENDED;
}

/* A service that is to stop, or a boot that has not begun to go down by itself. */
void record_note_signal(const struct process *process, int signal)
{
    model.kills_said -= signal == SIGKILL;
    bool is_to_stop = process->kind == PROCESS_BOOT && model.init.state == INIT_SESSION_UNWINDING &&
                      !model.has_refused;
    if (process->kind >= PROCESS_WEB)
        is_to_stop = model.init.services[process->kind - PROCESS_WEB].state == INIT_STATE_STOPPING;
    model.misled += !is_to_stop;
}

/* TERM and CONT to those who are there when the sweep begins; KILL as long as somebody may come. */
void record_note_signal_to_all(int signal)
{
    enum init_session_state state = model.init.state;
    bool is_due = state == INIT_SESSION_KILLING || state == INIT_SESSION_WIPING;
    if (signal == SIGTERM || signal == SIGCONT)
        is_due = state == INIT_SESSION_SWEEPING;
    model.misled += signal != 0 && !is_due;
}

void record_note_words(const char *words)
{
    static const char killing[] = "killing what did not end in time";
    model.kills_said += strncmp(words, killing, strlen(killing)) == 0;
}

bool record_is_honest(void)
{
    return model.kills_said == 0;
}

bool record_is_complete(void)
{
    for (size_t i = 0; i < RECORD_COUNT; i++) {
        if (model.told[i] != model.seen[i])
            return false;
    }
    return true;
}
