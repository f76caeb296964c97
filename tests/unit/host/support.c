/* What the tests of lib/host share. */
#include "tests/unit/host/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/path.h"
#include "lib/base/process.h"

char support_directory[PATH_MAX];

int support_enter(void **state)
{
    (void)state;
    char template[] = "/tmp/host-test-XXXXXX";
    if (mkdtemp(template) == NULL || realpath(template, support_directory) == NULL)
        return -1;
    char home[PATH_MAX];
    snprintf(home, sizeof(home), "%.4000s/home", support_directory);
    setenv("HOME", home, 1);
    setenv("XDG_STATE_HOME", home, 1);
    setenv("XDG_RUNTIME_DIR", home, 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    support_shell("mkdir -m 700 home\n"
                  "git config --global user.name Tester\n"
                  "git config --global user.email tester@example.com\n"
                  "git config --global init.defaultBranch main\n"
                  "git config --global protocol.file.allow always\n");
    return 0;
}

int support_leave(void **state)
{
    (void)state;
    return path_remove_tree(AT_FDCWD, support_directory, NULL);
}

void support_shell(const char *script)
{
    const char *const argv[] = {"sh", "-ec", script, NULL};
    struct process_spec spec = {.argv = argv,
                                .directory = support_directory,
                                .standard_input = -1,
                                .standard_output = -1,
                                .standard_error = -1};
    struct process_result result = {.output = NULL};
    struct error err = ERROR_INITIALIZER;
    if (process_run(&spec, &result, &err) < 0)
        fail_msg("%s", error_text(&err));
    if (!process_is_success(result.wait_status))
        fail_msg("%s\n%s", script, result.error_output);
    process_result_free(&result);
}

bool support_lists(const struct source_files *files, const char *path)
{
    for (size_t at = 0; at < files->size; at += strlen(files->data + at) + 1) {
        if (strcmp(files->data + at, path) == 0)
            return true;
    }
    return false;
}
