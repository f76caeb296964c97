/* The table of commands against itself, against the installed programs, and against the launcher's
 * help. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "host-shim/commands/command.h"
#include "host-shim/commands/completion_script.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/process.h"

#define PREFIX "coding-agents-"

/* Programs of libexec that are no commands. */
static const char *const helpers[] = {"broker",  "collect", "git-proxy", "keeper",
                                      "sidecar", "signer",  "transport"};

/* BUILD/host, from BUILD/tests/unit of the running test. */
static void host_path(char path[PATH_MAX], const char *name)
{
    char directory[PATH_MAX];
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(path_of_program(directory, &err), 0);
    assert_int_equal(path_format(path, "%s/../../host/%s", directory, name), 0);
}

static bool is_helper(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(helpers); i++) {
        if (strcmp(helpers[i], name) == 0)
            return true;
    }
    return false;
}

static void test_entries(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_count; i++) {
        const struct command *command = &commands[i];
        assert_ptr_equal(command_find(command->name), command);
        assert_true(command->summary[0] >= 'a' && command->summary[0] <= 'z');
        assert_true(strlen(command->summary) < 80);
        assert_non_null(command->synopsis);
        assert_true(command->arguments_minimum <= command->arguments_maximum);
        size_t count = 0;
        bool has_help = false;
        for (; command->options[count].name != NULL; count++)
            has_help = has_help || strcmp(command->options[count].name, "help") == 0;
        assert_true(has_help);
        assert_true(count <= COMMAND_OPTIONS_MAX);
    }
    assert_null(command_find("nosuch"));
}

static void test_programs_have_entries(void **state)
{
    (void)state;
    char path[PATH_MAX];
    host_path(path, "libexec/coding-agents");
    DIR *directory = opendir(path);
    assert_non_null(directory);
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        const char *name = entry->d_name + sizeof(PREFIX) - 1;
        if (strncmp(entry->d_name, PREFIX, sizeof(PREFIX) - 1) != 0 || is_helper(name))
            continue;
        const struct command *command = command_find(name);
        if (command == NULL || command->is_launchers)
            fail_msg("%s is installed and not in the table", entry->d_name);
    }
    closedir(directory);
}

static void test_entries_have_programs(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_count; i++) {
        char name[128];
        char path[PATH_MAX];
        snprintf(name, sizeof(name), "libexec/coding-agents/" PREFIX "%s", commands[i].name);
        host_path(path, name);
        if ((access(path, X_OK) == 0) == commands[i].is_launchers)
            fail_msg("%s is %sinstalled", name, commands[i].is_launchers ? "" : "not ");
    }
}

static void read_output(const char *program, const char *first, const char *second, char **output)
{
    const char *const arguments[] = {program, first, second, NULL};
    struct process_spec spec = {
        .argv = arguments, .standard_input = -1, .standard_output = -1, .standard_error = -1};
    struct process_result result;
    struct error err = ERROR_INITIALIZER;
    if (process_run(&spec, &result, &err) < 0)
        fail_msg("%s", error_text(&err));
    assert_true(process_is_success(result.wait_status));
    *output = steal_pointer(&result.output);
    process_result_free(&result);
}

static void assert_named(const char *text, const char *name, const char *where)
{
    if (strstr(text, name) == NULL)
        fail_msg("%s does not name '%s'", where, name);
}

/* The launcher parses run and launch by a table of its own; both must name the same options. */
static void test_launcher_has_the_same_options(void **state)
{
    (void)state;
    char program[PATH_MAX];
    host_path(program, "bin/coding-agents");
    if (access(program, X_OK) < 0)
        skip();
    for (size_t i = 0; i < command_count; i++) {
        if (!commands[i].is_launchers)
            continue;
        cleanup_free char *help = NULL;
        read_output(program, commands[i].name, "--help", &help);
        for (const struct command_option *option = commands[i].options; option->name != NULL;
             option++) {
            char wanted[80];
            snprintf(wanted, sizeof(wanted), "--%s%s%s", option->name,
                     option->placeholder == NULL ? "" : "=",
                     option->placeholder == NULL ? "" : option->placeholder);
            assert_named(help, wanted, commands[i].name);
        }
    }
}

static void test_help_names_everything(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_count; i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&text, &size);
        command_print_help(&commands[i], file);
        fclose(file);
        for (const struct command_option *option = commands[i].options; option->name != NULL;
             option++)
            assert_non_null(strstr(text, option->name));
        free(text);
    }
}

static void test_manuals_name_everything(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_count; i++) {
        char path[PATH_MAX];
        cleanup_free char *text = NULL;
        size_t size = 0;
        struct error err = ERROR_INITIALIZER;
        if (commands[i].is_launchers)
            continue;
        assert_int_equal(path_format(path, "docs/man/" PREFIX "%s.1", commands[i].name), 0);
        if (fd_read_file(AT_FDCWD, path, 1024 * 1024, &text, &size, &err) < 0)
            fail_msg("%s", error_text(&err));
        for (const struct command_option *option = commands[i].options; option->name != NULL;
             option++) {
            char name[64];
            snprintf(name, sizeof(name), "It Fl Fl %s", option->name);
            if (strcmp(option->name, "help") == 0)
                continue;
            assert_named(text, name, path);
        }
    }
}

static void test_completions_name_everything(void **state)
{
    (void)state;
    static void (*const writers[])(FILE *) = {completion_write_bash, completion_write_zsh,
                                              completion_write_fish};
    for (size_t i = 0; i < ARRAY_LENGTH(writers); i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&text, &size);
        writers[i](file);
        fclose(file);
        for (size_t j = 0; j < command_count; j++) {
            assert_non_null(strstr(text, commands[j].name));
            for (const struct command_option *option = commands[j].options; option->name != NULL;
                 option++)
                assert_non_null(strstr(text, option->name));
        }
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_programs_have_entries),
        cmocka_unit_test(test_entries_have_programs),
        cmocka_unit_test(test_launcher_has_the_same_options),
        cmocka_unit_test(test_help_names_everything),
        cmocka_unit_test(test_manuals_name_everything),
        cmocka_unit_test(test_completions_name_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
