/* Walks the boot table: up with capabilities and deadlines, down as its mirror. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "init/agent-boot/boot.h"
#include "init/agent-boot/places.h"
#include "init/agent-boot/report.h"
#include "lib/base/capability.h"
#include "lib/base/clock.h"
#include "lib/base/diagnostic.h"
#include "lib/base/exit_codes.h"
#include "lib/wire/init_protocol.h"

/* What a step that goes down leaves to each one behind it: this part of what is left, at most so
 * long. */
#define DOWN_RESERVE_PART 8
#define DOWN_RESERVE_MS 3000

static volatile sig_atomic_t is_deadline_passed;
static volatile sig_atomic_t is_stop_requested;

uint64_t boot_remaining_ms(const struct boot_context *context)
{
    uint64_t now = clock_monotonic_ns();
    if (now >= context->step_deadline_ns)
        return 1;
    return (context->step_deadline_ns - now) / CLOCK_NANOSECONDS_PER_MILLISECOND + 1;
}

void boot_set_detail(struct boot_context *context, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(context->detail, sizeof(context->detail), format, arguments);
    va_end(arguments);
}

void boot_add_weaker(struct boot_context *context, const char *format, ...)
{
    if (context->weaker_count == BOOT_WEAKER_MAX)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(context->weaker[context->weaker_count++], BOOT_DETAIL_SIZE, format, arguments);
    va_end(arguments);
}

bool boot_is_interrupted(void)
{
    return is_deadline_passed != 0 || is_stop_requested != 0;
}

int boot_interruption(struct error *err)
{
    if (is_stop_requested != 0)
        return error_set(err, EINVAL, "stopped on request");
    return error_set(err, ETIMEDOUT, "the step did not finish in its time");
}

static void note_alarm(int number)
{
    (void)number;
    is_deadline_passed = 1;
}

static void note_stop(int number)
{
    (void)number;
    is_stop_requested = 1;
}

/* Without SA_RESTART, and repeating, so that a blocking call returns and the step sees the flag. */
static void arm_deadline(uint32_t milliseconds)
{
    is_deadline_passed = 0;
    struct itimerval timer = {
        .it_value = {.tv_sec = milliseconds / 1000, .tv_usec = (milliseconds % 1000) * 1000},
        .it_interval = {.tv_usec = milliseconds == 0 ? 0 : 100000},
    };
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void install_handlers(void)
{
    struct sigaction alarm_action = {.sa_handler = note_alarm};
    struct sigaction stop_action = {.sa_handler = note_stop};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGALRM, &alarm_action, NULL);
    sigaction(SIGTERM, &stop_action, NULL);
    sigaction(SIGINT, &stop_action, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigset_t empty;
    sigemptyset(&empty);
    sigprocmask(SIG_SETMASK, &empty, NULL);
}

static uint64_t elapsed_us(uint64_t since_ns)
{
    return (clock_monotonic_ns() - since_ns) / 1000;
}

/* An optional step whose capabilities the engine did not give is skipped in a plain container. */
static bool is_step_allowed(struct boot_context *context, const struct boot_step *step)
{
    struct capability_sets sets = {.permitted = 0};
    if (capability_get(&sets) < 0 || (step->capabilities & ~sets.permitted) == 0)
        return true;
    boot_set_detail(context, "the engine did not give the capabilities it needs");
    return context->manifest_sha256 != NULL || !step->is_optional;
}

/* What the engine did not give cannot be raised; a step that needs it fails with the kernel's own
 * word. */
static void raise_capabilities(const struct boot_step *step)
{
    struct capability_sets sets;
    if (capability_get(&sets) == 0)
        (void)capability_set_effective(step->capabilities & sets.permitted);
}

static int bring_up(struct boot_context *context, const struct boot_step *step, struct error *err)
{
    uint64_t start = clock_monotonic_ns();
    int result = BOOT_SKIPPED;
    context->detail[0] = '\0';
    context->step_start_ns = start;
    context->step_deadline_ns = start + step->deadline_ms * CLOCK_NANOSECONDS_PER_MILLISECOND;
    if (is_step_allowed(context, step)) {
        raise_capabilities(step);
        arm_deadline(step->deadline_ms);
        result = boot_is_interrupted() ? boot_interruption(err) : step->up(context, err);
        if (result >= 0 && is_stop_requested != 0)
            result = boot_interruption(err);
        arm_deadline(0);
    }
    const char *outcome = result == 0 ? "up" : result > 0 ? "skipped" : "refused";
    report_step(context, step, outcome, elapsed_us(start));
    return result;
}

/* What is left for a step, without a part of it for each step that is still to come. */
static uint64_t left_for(const struct boot_context *context, const struct boot_step *step)
{
    uint64_t now = clock_monotonic_ns();
    if (now >= context->deadline_ns)
        return 1;
    uint64_t left = (context->deadline_ns - now) / CLOCK_NANOSECONDS_PER_MILLISECOND + 1;
    uint64_t part = left / DOWN_RESERVE_PART;
    part = part < DOWN_RESERVE_MS ? part : DOWN_RESERVE_MS;
    for (const struct boot_step *later = boot_steps; later < step; later++)
        left -= later->down != NULL ? part : 0;
    return left;
}

static uint32_t down_deadline(const struct boot_context *context, const struct boot_step *step)
{
    if (context->deadline_ns == 0)
        return step->down_deadline_ms;
    uint64_t left = left_for(context, step);
    return left < step->down_deadline_ms ? (uint32_t)left : step->down_deadline_ms;
}

static int take_down(struct boot_context *context, const struct boot_step *step)
{
    struct error err = ERROR_INITIALIZER;
    uint64_t start = clock_monotonic_ns();
    uint32_t deadline_ms = down_deadline(context, step);
    context->detail[0] = '\0';
    context->step_start_ns = start;
    context->step_deadline_ns = start + deadline_ms * CLOCK_NANOSECONDS_PER_MILLISECOND;
    raise_capabilities(step);
    arm_deadline(deadline_ms);
    int result = step->down(context, &err);
    arm_deadline(0);
    if (result < 0)
        boot_set_detail(context, "%.200s", error_text(&err));
    const char *outcome = result == 0 ? "down" : result > 0 ? "skipped" : "failed";
    /* A session's log says why its work was not saved; a plain container has none. */
    if (result != BOOT_SKIPPED || (context->manifest != NULL && !context->is_unwinding))
        report_step(context, step, outcome, elapsed_us(start));
    return result < 0 ? step->exit_code : 0;
}

/* From step COUNT - 1 to the first: the mirror. A failing step never keeps the others from running.
 */
static int take_down_from(struct boot_context *context, size_t count)
{
    int exit_code = 0;
    for (size_t i = count; i-- > 0;) {
        const struct boot_step *step = &boot_steps[i];
        if (step->down == NULL || (context->is_wipe_only && !step->wipes))
            continue;
        int code = take_down(context, step);
        if (exit_code == 0)
            exit_code = code;
    }
    return exit_code;
}

void boot_tell_refused(const struct boot_context *context, uint32_t value)
{
    struct init_boot_message message = {
        .version = INIT_PROTOCOL_VERSION,
        .type = INIT_BOOT_REFUSED,
        .value = value,
    };
    if (context->init_fd >= 0)
        (void)send(context->init_fd, &message, sizeof(message), MSG_NOSIGNAL);
}

/* A refusal before the manifest step is said to the keeper too, if the manifest tells whose it is.
 */
static void greet_for_refusal(struct boot_context *context)
{
    struct error err = ERROR_INITIALIZER;
    if (context->mode == BOOT_MODE_UP && context->manifest_sha256 != NULL &&
        context->manifest == NULL)
        (void)manifest_read(context, &err);
}

static int refuse(struct boot_context *context, size_t failed, const struct error *err)
{
    greet_for_refusal(context);
    int exit_code = is_stop_requested != 0 ? 128 + SIGTERM : boot_steps[failed].exit_code;
    report_refusal(context, &boot_steps[failed], exit_code, err);
    context->is_unwinding = true;
    is_stop_requested = 0;
    /* After the drop step there is nothing that boot itself could undo. */
    bool is_down = geteuid() == 0 && take_down_from(context, failed) == 0;
    boot_tell_refused(context, (uint32_t)exit_code | (is_down ? 0 : INIT_BOOT_STANDING));
    return exit_code;
}

int boot_run(struct boot_context *context)
{
    uint64_t start = clock_monotonic_ns();
    install_handlers();
    report_head();
    for (size_t i = 0; i < boot_step_count; i++) {
        struct error err = ERROR_INITIALIZER;
        bool is_last = i + 1 == boot_step_count;
        if (is_last) /* before the agent's own output begins */
            report_ready(context, elapsed_us(start));
        if (bring_up(context, &boot_steps[i], &err) < 0)
            return refuse(context, i, &err);
    }
    return 0;
}

int boot_shut_down(struct boot_context *context)
{
    struct error err = ERROR_INITIALIZER;
    install_handlers();
    /* Stopped before the manifest was read: no step is up that needs taking down. */
    if (context->manifest_sha256 != NULL && access(PLACE_MANIFEST, F_OK) < 0 && errno == ENOENT)
        return 0;
    bool is_known = context->manifest_sha256 == NULL || manifest_read(context, &err) >= 0;
    if (!is_known)
        diagnostic_print("agent-boot: shutdown: %s; the work is in the volume\n", error_text(&err));
    int exit_code = take_down_from(context, boot_step_count);
    return is_known ? exit_code : EXIT_BOOT_MANIFEST;
}

int boot_recover(struct boot_context *context)
{
    static const char *const needed[] = {"kernel", "manifest", "mounts"};
    install_handlers();
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        struct error err = ERROR_INITIALIZER;
        if (bring_up(context, &boot_steps[i], &err) < 0)
            return refuse(context, i, &err);
    }
    int exit_code = take_down_from(context, boot_step_count);
    /* For PID 1 this is a boot that starts nothing; without a word it would take it for a crash. */
    boot_tell_refused(context, (uint32_t)exit_code);
    return exit_code;
}
