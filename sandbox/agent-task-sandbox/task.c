/* From the bytes of a request to the verdict about it. */
#include "sandbox/agent-task-sandbox/task.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "sandbox/confine/program.h"

#define KNOWN_FLAGS (TASK_RUN_TICKET | TASK_RUN_DETACHED)
#define KNOWN_STREAMS ((1u << STREAM_COUNT) - 1)
/* The client's connection, the block, the working directory. */
#define FIXED_DESCRIPTORS 3

/* What the steps of a preparation share. */
struct preparation {
    struct task *task;
    const struct settings *settings;
    const struct task_start *start; /* borrowed; its strings end */
    struct unix_fds *received;
};

/* What the client handed over leads to somebody who does not wait. */
static int detach(struct task *task, struct error *err)
{
    int result;

    for (size_t i = 0; i < STREAM_COUNT; i++)
        cleanup_close(&task->streams.items[i].fd);
    result = log_open(&task->log, &task->streams);
    return result < 0 ? error_set(err, -result, "open a log for the command") : 0;
}

static int take_descriptors(const struct preparation *preparation, struct error *err)
{
    struct task *task = preparation->task;
    const struct task_run *run = &preparation->start->run;
    size_t number = FIXED_DESCRIPTORS;

    for (size_t i = 0; i < STREAM_COUNT; i++) {
        struct stream *stream = &task->streams.items[i];

        *stream = (struct stream){.fd = -1, .original = -1};
        if ((run->stream_mask & 1u << i) != 0)
            stream->fd = unix_fds_take(preparation->received, number++);
        if ((run->stream_mask & 1u << i) != 0 && stream->fd < 0)
            return error_set(err, EINVAL, "the request lacks a descriptor");
    }
    if (run->header.version != TASK_PROTOCOL_VERSION || run->header.type != TASK_RUN ||
        (run->flags & ~(uint32_t)KNOWN_FLAGS) != 0 || (run->stream_mask & ~KNOWN_STREAMS) != 0 ||
        preparation->received->count != number)
        return error_set(err, EINVAL, "the request is malformed");
    task->run = *run;
    return (run->flags & TASK_RUN_DETACHED) != 0 ? detach(task, err)
                                                 : streams_adopt(&task->streams, err);
}

static int read_block(const struct preparation *preparation, struct error *err)
{
    cleanup_fd int fd = unix_fds_take(preparation->received, 1);
    int result = block_map(fd, &preparation->task->run, &preparation->task->block);

    if (result == -ENOMEM)
        return error_set(err, ENOMEM, "read the command's arguments");
    return result < 0 ? error_set(err, EINVAL, "the command's arguments are malformed") : 0;
}

static int find_directory(const struct preparation *preparation, struct error *err)
{
    struct task *task = preparation->task;
    cleanup_fd int given = unix_fds_take(preparation->received, 2);

    return target_find_directory(&task->target, task->block.directory, given, err);
}

static int make_variables(const struct preparation *preparation, struct error *err)
{
    struct task *task = preparation->task;
    const struct settings *settings = preparation->settings;
    int result = variables_make(settings->policy, &settings->confine.user, task->block.environment,
                                task->run.environment_count, &task->variables);

    return result < 0 ? error_set(err, -result, "make the environment") : 0;
}

/* With a ticket the program is what the kernel was asked for, whatever argv[0] says. */
static int find_program(const struct preparation *preparation, struct error *err)
{
    struct task *task = preparation->task;
    const char *path = variables_get(&task->variables, "PATH");

    if ((task->run.flags & TASK_RUN_TICKET) != 0)
        return target_find_program(&task->target, preparation->start->program, NULL, err);
    return target_find_program(&task->target, task->block.arguments[0],
                               path == NULL ? PROGRAM_DEFAULT_PATH : path, err);
}

/* clang-format off */
static int (*const steps[])(const struct preparation *preparation, struct error *err) = {
    take_descriptors,
    read_block,
    find_directory,
    make_variables,
    find_program,
};
/* clang-format on */

/* What is known of the command goes on record also when it cannot run. */
static void describe(struct task *task)
{
    struct exec_event *event = &task->verdict.event;
    size_t shown = task->block.arguments_size;

    if (task->block.data == NULL)
        return;
    event->argument_count = task->run.argument_count;
    event->arguments_total = (uint32_t)task->block.arguments_size;
    event->arguments_size = (uint32_t)(shown > TASK_ARGUMENTS_SHOWN ? TASK_ARGUMENTS_SHOWN : shown);
    crypto_hash_sha256(event->arguments_digest, (const unsigned char *)task->block.data,
                       task->block.arguments_size);
    snprintf(event->directory, sizeof(event->directory), "%s",
             task->target.directory_fd >= 0 ? task->target.directory : task->block.directory);
}

static void fail(struct task *task, int result, const struct error *err)
{
    task->verdict.event.action = TASK_ACTION_FAIL;
    task->exit_code = (uint32_t)program_exit_code(-result);
    snprintf(task->verdict.event.text, sizeof(task->verdict.event.text), "%s", error_text(err));
}

static int digest(void *context, uint8_t value[TASK_DIGEST_SIZE])
{
    const struct task *task = context;

    return target_digest(&task->target, value);
}

/* A profile is made beforehand: a command that needs another one has to go to another sandbox. */
static void choose_profile(const struct preparation *preparation,
                           const struct policy_judgement *judgement)
{
    struct exec_event *event = &preparation->task->verdict.event;

    if (strcmp(judgement->profile, preparation->settings->profile->name) == 0)
        return;
    event->action = TASK_ACTION_REDIRECT;
    if (preparation->start->profile[0] == '\0')
        return;
    event->action = TASK_ACTION_FAIL;
    preparation->task->exit_code = PROGRAM_NOT_EXECUTABLE;
    snprintf(event->text, sizeof(event->text),
             "policy asks for the sandbox profile '%s' and then for another", event->profile);
}

/* What all commands of the agent read is written for its own program alone: no command can ask for
 * that by looking like it. */
static bool may_have(const struct preparation *preparation, const char *name)
{
    const struct policy_profile *profile = policy_profile_find(preparation->settings->policy, name);

    return profile == NULL || !profile->writes_shared ||
           (preparation->task->run.flags & TASK_RUN_TICKET) != 0;
}

static void fail_shared(struct task *task)
{
    struct error err = ERROR_INITIALIZER;

    error_set(&err, EACCES, "only the agent's own program writes what its commands share");
    fail(task, -EACCES, &err);
}

struct policy_command task_command(const struct task *task)
{
    return (struct policy_command){
        .program = task->target.program,
        .arguments = (const char *const *)task->block.arguments,
        .argument_count = task->run.argument_count,
        .directory = task->target.directory,
    };
}

static void judge(const struct preparation *preparation)
{
    struct task *task = preparation->task;
    struct exec_event *event = &task->verdict.event;
    struct policy_judgement judgement = {.action = TASK_ACTION_DENY};
    struct policy_command command = task_command(task);

    command.digest = digest;
    command.context = task;
    command.asked = &event->asked;
    policy_judge(preparation->settings->policy, &command, &judgement);
    event->action = judgement.action;
    event->tier = judgement.tier;
    event->is_observed = judgement.is_observed;
    snprintf(event->rule, sizeof(event->rule), "%s", judgement.rule);
    snprintf(event->profile, sizeof(event->profile), "%s", judgement.profile);
    if (!may_have(preparation, judgement.profile)) {
        fail_shared(task);
        return;
    }
    task->exit_code = PROGRAM_NOT_EXECUTABLE; /* if it is denied */
    if (judgement.action == TASK_ACTION_DENY) {
        policy_describe_denial(&judgement, event->text, sizeof(event->text));
        return;
    }
    if (judgement.action == TASK_ACTION_ASK) {
        event->duration_ns = judgement.ask_seconds * CLOCK_NANOSECONDS_PER_SECOND;
        policy_describe_reason(&judgement, event->text, sizeof(event->text));
    }
    choose_profile(preparation, &judgement);
}

/* Of what is going to be recorded; zeros when it cannot be read. Who owns a file can change its
 * bytes within one tick of its times, or through a mapping: only what nobody can write is
 * remembered. */
static void record_digest(struct task *task, struct digests *digests)
{
    const struct target *target = &task->target;
    uint8_t *value = task->verdict.event.program_digest;

    if (target->file.inode == 0 || task->verdict.event.action == TASK_ACTION_REDIRECT ||
        (target->is_fixed && digests_find(digests, &target->file, value)))
        return;
    if (target_digest(target, value) == 0 && target->is_fixed)
        digests_keep(digests, &target->file, value);
}

void task_prepare(struct task *task, const struct settings *settings,
                  const struct task_start *start, struct unix_fds *received)
{
    const struct preparation preparation = {
        .task = task, .settings = settings, .start = start, .received = received};
    struct error err = ERROR_INITIALIZER;
    int result = 0;

    *task = (struct task){.target = TARGET_NONE, .log = LOG_NONE};
    task->verdict.header =
        (struct task_header){.version = TASK_PROTOCOL_VERSION, .type = TASK_VERDICT};
    snprintf(task->verdict.event.profile, sizeof(task->verdict.event.profile), "%s",
             settings->profile->name);
    for (size_t i = 0; i < ARRAY_LENGTH(steps) && result == 0; i++)
        result = steps[i](&preparation, &err);
    describe(task);
    snprintf(task->verdict.event.program, sizeof(task->verdict.event.program), "%s",
             result == 0 ? task->target.program : start->program);
    if (result < 0)
        fail(task, result, &err);
    else
        judge(&preparation);
    record_digest(task, settings->digests);
}
