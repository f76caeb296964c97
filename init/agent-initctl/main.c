/* agent-initctl: asks PID 1 how its services are, and, for root, stops and restarts them. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "init/agent-initctl/client.h"
#include "init/agent-initctl/print.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/exit_codes.h"

/* How long PID 1, which never waits for anything, may take to answer. */
#define ANSWER_TIMEOUT_MS 5000
#define TIMEOUT_SECONDS_MAX 86400

enum option_key { OPTION_FOLLOW = 0x100, OPTION_JSON, OPTION_TIMEOUT };
enum service_argument { SERVICE_REFUSED, SERVICE_OPTIONAL, SERVICE_NEEDED };

struct initctl {
    const struct command *command;
    const char *service;
    bool is_json;
    bool is_following;
    uint64_t timeout_ms; /* 0: none given */
};

struct command {
    const char *name;
    enum service_argument service;
    int (*run)(const struct initctl *initctl, struct error *err);
};

static uint64_t deadline_after(uint64_t milliseconds)
{
    return clock_monotonic_ns() + milliseconds * CLOCK_NANOSECONDS_PER_MILLISECOND;
}

static int on_status(const struct init_reply *reply, void *context, struct error *err)
{
    (void)err;
    print_status_reply(context, reply);
    return 0;
}

/* Connects and asks. */
static int ask(const struct client_question *question, struct error *err)
{
    cleanup_fd int fd = client_connect(err);
    return fd < 0 ? fd : client_ask(fd, question, err);
}

static int run_status(const struct initctl *initctl, struct error *err)
{
    struct print_status status = {.is_json = initctl->is_json};
    const struct client_question question = {.type = INIT_REQUEST_STATUS,
                                             .service = "",
                                             .deadline_ns = deadline_after(ANSWER_TIMEOUT_MS),
                                             .callback = on_status,
                                             .context = &status};
    int result = ask(&question, err);
    print_status_end(&status);
    return result;
}

static int on_event(const struct init_reply *reply, void *context, struct error *err)
{
    (void)err;
    const struct initctl *initctl = context;
    if (reply->type == INIT_REPLY_EVENT)
        print_event(&reply->event, initctl->is_json);
    return 0;
}

static int run_events(const struct initctl *initctl, struct error *err)
{
    struct initctl context = *initctl;
    bool is_following = initctl->is_following;
    const struct client_question question = {
        .type = is_following ? INIT_REQUEST_FOLLOW : INIT_REQUEST_EVENTS,
        .service = "",
        .deadline_ns = is_following ? 0 : deadline_after(ANSWER_TIMEOUT_MS),
        .callback = on_event,
        .context = &context};
    return ask(&question, err);
}

static int order(const struct initctl *initctl, enum init_request_type type, struct error *err)
{
    const struct client_question question = {.type = type,
                                             .service =
                                                 initctl->service == NULL ? "" : initctl->service,
                                             .deadline_ns = deadline_after(ANSWER_TIMEOUT_MS)};
    return ask(&question, err);
}

static int run_stop(const struct initctl *initctl, struct error *err)
{
    /* The stop sends TERM to everything in the container, us included; the answer comes before
     * KILL. */
    signal(SIGTERM, SIG_IGN);
    return order(initctl, INIT_REQUEST_STOP, err);
}

static int run_restart(const struct initctl *initctl, struct error *err)
{
    return order(initctl, INIT_REQUEST_RESTART, err);
}

static int run_wait(const struct initctl *initctl, struct error *err)
{
    uint64_t deadline = initctl->timeout_ms == 0 ? 0 : deadline_after(initctl->timeout_ms);
    cleanup_fd int fd = client_connect_patiently(deadline, err);
    if (fd < 0)
        return fd;
    const struct client_question question = {
        .type = INIT_REQUEST_WAIT, .service = initctl->service, .deadline_ns = deadline};
    int result = client_ask(fd, &question, err);
    if (result == -ETIMEDOUT)
        return error_set(err, EPROTO, "%s was not ready within %llu s", initctl->service,
                         (unsigned long long)initctl->timeout_ms / 1000);
    return result;
}

/* clang-format off */
static const struct command commands[] = {
    {.name = "status",  .service = SERVICE_REFUSED,  .run = run_status},
    {.name = "stop",    .service = SERVICE_OPTIONAL, .run = run_stop},
    {.name = "restart", .service = SERVICE_NEEDED,   .run = run_restart},
    {.name = "events",  .service = SERVICE_REFUSED,  .run = run_events},
    {.name = "wait",    .service = SERVICE_NEEDED,   .run = run_wait},
};

static const struct argp_option options[] = {
    {.name = "json",    .key = OPTION_JSON,
     .doc = "Print JSON: one object for status, one a line for events"},
    {.name = "follow",  .key = OPTION_FOLLOW,  .doc = "With events: go on as they come"},
    {.name = "timeout", .key = OPTION_TIMEOUT, .arg = "SECONDS",
     .doc = "With wait: give up after this long"},
    {0},
};
/* clang-format on */

static uint64_t parse_timeout(const char *text, struct argp_state *state)
{
    char *end;
    unsigned long long seconds = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || seconds == 0 || seconds > TIMEOUT_SECONDS_MAX)
        argp_failure(state, EXIT_INIT_USAGE, 0, "'%s' is not a number of seconds from 1 to %d",
                     text, TIMEOUT_SECONDS_MAX);
    return seconds * 1000;
}

static void parse_argument(struct initctl *initctl, const char *text, struct argp_state *state)
{
    if (initctl->command != NULL) {
        if (initctl->service != NULL || initctl->command->service == SERVICE_REFUSED)
            argp_failure(state, EXIT_INIT_USAGE, 0, "'%s' is one argument too many", text);
        initctl->service = text;
        return;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
        if (strcmp(commands[i].name, text) == 0)
            initctl->command = &commands[i];
    }
    if (initctl->command == NULL)
        argp_failure(state, EXIT_INIT_USAGE, 0,
                     "there is no command '%s': status, stop, restart, events or wait", text);
}

static void check(const struct initctl *initctl, struct argp_state *state)
{
    if (initctl->command == NULL)
        argp_failure(state, EXIT_INIT_USAGE, 0,
                     "say what to do: status, stop, restart, events or wait");
    else if (initctl->command->service == SERVICE_NEEDED &&
             (initctl->service == NULL || initctl->service[0] == '\0'))
        argp_failure(state, EXIT_INIT_USAGE, 0, "%s needs the name of a service",
                     initctl->command->name);
    else if (initctl->is_following && initctl->command->run != run_events)
        argp_failure(state, EXIT_INIT_USAGE, 0, "--follow is for events");
    else if (initctl->timeout_ms != 0 && initctl->command->run != run_wait)
        argp_failure(state, EXIT_INIT_USAGE, 0, "--timeout is for wait");
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct initctl *initctl = state->input;
    switch (key) {
    case OPTION_JSON:
        initctl->is_json = true;
        return 0;
    case OPTION_FOLLOW:
        initctl->is_following = true;
        return 0;
    case OPTION_TIMEOUT:
        initctl->timeout_ms = parse_timeout(argument, state);
        return 0;
    case ARGP_KEY_ARG:
        parse_argument(initctl, argument, state);
        return 0;
    case ARGP_KEY_END:
        check(initctl, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const char *argp_program_version = "agent-initctl " CODING_AGENTS_VERSION;

int main(int argc, char **argv)
{
    static const struct argp parser = {
        .options = options,
        .parser = parse_option,
        .args_doc = "status\nstop [SERVICE]\nrestart SERVICE\nevents\nwait SERVICE",
        .doc = "Ask the container's PID 1 about its services. Only root may stop and restart."};
    struct initctl initctl = {0};
    struct error err = ERROR_INITIALIZER;
    argp_err_exit_status = EXIT_INIT_USAGE;
    if (argp_parse(&parser, argc, argv, 0, NULL, &initctl) != 0)
        return EXIT_INIT_USAGE;
    if (initctl.command->run(&initctl, &err) < 0) {
        fprintf(stderr, "agent-initctl: %s\n", error_text(&err));
        return EXIT_CONTROL;
    }
    return fflush(stdout) == 0 ? 0 : EXIT_CONTROL;
}
