/* Clones what a session is to work on. */
#include <errno.h>
#include <unistd.h>

#include "lib/host/git.h"

int git_clone(const char *url, const char *directory, struct error *err)
{
    const char *const argv[] = {"git",
                                "-c",
                                "core.hooksPath=/dev/null",
                                "-c",
                                "protocol.ext.allow=never",
                                "clone",
                                "--progress",
                                "--",
                                url,
                                directory,
                                NULL};
    const struct process_spec spec = {
        .argv = argv, .standard_input = STDIN_FILENO, .standard_output = 2, .standard_error = 2};
    struct process_result result = {.output = NULL};
    int status = process_run(&spec, &result, err);
    bool is_cloned = status == 0 && process_is_success(result.wait_status);
    process_result_free(&result);
    if (status == 0 && !is_cloned)
        return error_set(err, EINVAL, "git could not clone the repository; its words are above");
    return status;
}
