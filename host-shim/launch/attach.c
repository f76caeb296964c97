/* A session with a terminal, and one that stays: attaches, and notices how the attachment ended. */
#include <errno.h>

#include "host-shim/launch/launch.h"
#include "lib/base/clock.h"
#include "lib/base/exit_codes.h"
#include "lib/host/attach.h"

/* The agent ended: the shutdown's report, until the container is gone. */
static int await_container(struct launch *launch, const char *since, struct error *err)
{
    int status = attach_await_end(launch->container, since, err);
    if (status < 0)
        launch_say("%s", error_text(err));
    return container_judge(launch, status < 0 ? EXIT_ENGINE : 0, err);
}

static void say_how_to_return(const struct launch *launch)
{
    launch_say(
        "session %s (%s) runs%s; coding-agents connect %s attaches, coding-agents stop %s ends it",
        launch->branch.name, launch->session, launch->trust.asks ? "" : " until its program ends",
        launch->session, launch->session);
}

static bool agent_goes_on(const struct launch *launch)
{
    struct engine_container container;
    return engine_container_state(launch->container, &container, NULL) == 0 &&
           container.is_running && attach_agent_is_ready(launch->container);
}

int attach_session(struct launch *launch, struct error *err)
{
    char since[CLOCK_TIMESTAMP_SIZE];
    bool is_ready;
    int code;
    if (attach_await_agent(launch->container, &is_ready, err) < 0)
        launch_say("%s", error_text(err));
    if (is_ready && launch->options.is_persistent) {
        say_how_to_return(launch);
        return 0;
    }
    if (is_ready && attach_terminal(launch->container, launch->signals, &code, err) < 0)
        launch_say("%s", error_text(err));
    clock_format(clock_realtime_ns(), since);
    if (is_ready && agent_goes_on(launch)) {
        say_how_to_return(launch);
        return 0;
    }
    return await_container(launch, since, err);
}
