/* What the launcher's tests share. */
#include "tests/unit/launch/support.h"

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
    char template[] = "/tmp/launch-test-XXXXXX";
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

int support_parse(const char *arguments, struct launch_options *options, struct error *err)
{
    static char words[4096];
    static char *argv[64];
    int count = 0;
    argv[count++] = words + snprintf(words, sizeof(words), "%s", arguments) + 1;
    snprintf(argv[0], 32, "coding-agents run");
    for (char *word = words; *word != '\0' && count < 63;) {
        word += strspn(word, " ");
        if (*word == '\0')
            break;
        argv[count++] = word;
        word += strcspn(word, " ");
        if (*word != '\0')
            *word++ = '\0';
    }
    argv[count] = NULL;
    *options = (struct launch_options){.is_persistent = false};
    return options_parse(count, argv, options, err);
}

bool support_lists(const struct source_files *files, const char *path)
{
    for (size_t at = 0; at < files->size; at += strlen(files->data + at) + 1) {
        if (strcmp(files->data + at, path) == 0)
            return true;
    }
    return false;
}
