/* agent-task-sandbox: the service that makes sandboxes, or one command confined in place. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/diagnostic.h"
#include "lib/base/exit_codes.h"
#include "sandbox/agent-task-sandbox/service.h"
#include "sandbox/agent-task-sandbox/single.h"

/* agent-task-sandbox --serve AGENT */
static int serve(int argc, char **argv, struct error *err)
{
    if (argc != 3)
        return error_set(err, EINVAL, "--serve needs the name of the agent, and nothing else");
    return service_run(argv[2], err);
}

int main(int argc, char **argv)
{
    struct error err = ERROR_INITIALIZER;
    int result;

    if (argc > 1 && strcmp(argv[1], "--serve") == 0) {
        result = serve(argc, argv, &err);
        if (result < 0)
            diagnostic_say(error_text(&err), NULL);
        return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    (void)single_run(argc, argv, &err);
    fprintf(stderr, "agent-task-sandbox: %s; the command was not run\n", error_text(&err));
    return EXIT_SANDBOX;
}
