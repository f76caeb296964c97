/* coding-agents version: ours, and those of what sessions stand on. */
#include <sys/utsname.h>

#include "host-shim/commands/command.h"
#include "lib/base/process.h"
#include "lib/host/engine.h"
#include "lib/host/printable.h"

/* "git version 2.39.5" without the words, into TEXT; "" when there is none. */
static void read_git_version(char text[64])
{
    static const char *const arguments[] = {"git", "--version", NULL};
    struct process_spec spec = {
        .argv = arguments, .standard_input = -1, .standard_output = -1, .standard_error = -1};
    struct process_result result = {.output = NULL};
    text[0] = '\0';
    if (process_run(&spec, &result, NULL) == 0 && process_is_success(result.wait_status))
        (void)sscanf(result.output, "git version %63s", text);
    process_result_free(&result);
}

int main(int argc, char **argv)
{
    struct command_line line;
    struct engine_facts facts = {.client = ""};
    struct error err = ERROR_INITIALIZER;
    struct utsname kernel;
    char git[64];
    command_begin("version", argc, argv, &line);
    bool has_engine = engine_detect(&facts, &err) == 0;
    read_git_version(git);
    if (uname(&kernel) < 0)
        kernel = (struct utsname){.release = ""};
    json_t *versions = json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:s}", "version", 1, "coding_agents",
                                 CODING_AGENTS_VERSION, "engine", facts.engine_version, "runc",
                                 facts.runc_version, "kernel", kernel.release, "git", git,
                                 "engine_error", has_engine ? "" : error_text(&err));
    if (versions == NULL)
        return EXIT_HOST_INTERNAL;
    int code = 0;
    if (command_has(&line, "json")) {
        code = printable_json_dump(versions, stdout) < 0 ? EXIT_HOST_INTERNAL : 0;
    } else {
        static const char *const shown[] = {"coding_agents", "engine", "runc", "kernel", "git"};
        static const char *const titles[] = {"coding-agents", "Docker Engine", "runc", "kernel",
                                             "git"};
        for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
            const char *text = json_string_value(json_object_get(versions, shown[i]));
            printf("%-14s ", titles[i]);
            printable_print(stdout, text == NULL || text[0] == '\0' ? "not found" : text);
            putchar('\n');
        }
    }
    json_decref(versions);
    return code;
}
