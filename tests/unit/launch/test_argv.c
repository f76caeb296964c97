/*
 * The argv of `docker run` and the manifest, for each option alone and for each pair, against
 * golden files. UPDATE_GOLDEN=1 writes them anew.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host-shim/launch/launch.h"
#include "lib/base/fd.h"
#include "lib/host/agent_command.h"
#include "tests/unit/host/support.h"
#include "tests/unit/launch/command_line.h"

#define GOLDEN_SINGLES "tests/unit/launch/golden/singles.txt"
#define GOLDEN_PAIRS "tests/unit/launch/golden/pairs.txt"

/* What a variant changes beyond the command line. */
typedef void change(struct launch *launch);

static void limit_devices(struct launch *launch)
{
    string_list_add(&launch->options.device_read_bps, "/dev/vda:10mb");
    string_list_add(&launch->options.device_write_bps, "/dev/vda:5mb");
}

static void use_worktree(struct launch *launch)
{
    static char common[] = MANIFEST_SOURCE_GIT_DIRECTORY;
    static char private[] = MANIFEST_SOURCE_GIT_DIRECTORY "/worktrees/w";
    snprintf(launch->repository.git_common, PATH_MAX, "/home/user/main/.git");
    launch->repository.is_git_outside = true;
    launch->repository.directories[0].common_path = common;
    launch->repository.directories[0].private_path = private;
}

static void use_alternates(struct launch *launch)
{
    string_list_add(&launch->repository.alternates, "/srv/shared, \"quoted\"/objects");
    string_list_add(&launch->repository.alternates, "/srv/second/objects");
}

static void use_apparmor(struct launch *launch)
{
    launch->engine.has_apparmor = true;
}

static void use_odd_path(struct launch *launch)
{
    snprintf(launch->repository.top, PATH_MAX, "/home/user/a,b \"c\"\nd=e");
}

static void use_rootless(struct launch *launch)
{
    launch->engine.is_rootless = true;
    launch->engine.container_root_uid = 1000;
}

static void use_remap(struct launch *launch)
{
    launch->engine.has_userns_remap = true;
    launch->engine.container_root_uid = 165536;
}

static void use_terminal(struct launch *launch)
{
    launch->is_interactive = true;
    launch->plan.takes_input = false;
}

static void use_input(struct launch *launch)
{
    launch->plan.takes_input = true;
}

static void stay(struct launch *launch)
{
    launch->options.is_persistent = true;
}

struct variant {
    const char *name;
    const char *arguments;
    change *change;
};

/* clang-format off */
static const struct variant variants[] = {
    {"plain",              "", NULL},
    {"command",            "-- make -j4 all", NULL},
    {"prompt",             "--prompt fix-it", NULL},
    {"no-push",            "--no-push", NULL},
    {"commit-message",     "--commit-message Done", NULL},
    {"commit-secrets",     "--commit-secrets", NULL},
    {"network restricted", "--network restricted", NULL},
    {"network allow-all",  "--network allow-all", NULL},
    {"broker socket",      "--broker socket", NULL},
    {"broker sidecar",     "--broker sidecar", NULL},
    {"cpus",               "--cpus 1.5", NULL},
    {"memory",             "--memory 512m", NULL},
    {"pids",               "--pids 100", NULL},
    {"gpu all",            "--gpu all", NULL},
    {"gpu list",           "--gpu device=0,1", NULL},
    {"dotnet-preview",     "--dotnet-preview 10.0", NULL},
    {"engine-arg",         "--engine-arg --shm-size=1g --engine-arg --dns=9.9.9.9", NULL},
    {"device limits",      "", limit_devices},
    {"worktree",           "", use_worktree},
    {"alternates",         "", use_alternates},
    {"apparmor",           "", use_apparmor},
    {"odd path",           "", use_odd_path},
    {"rootless",           "", use_rootless},
    {"userns-remap",       "", use_remap},
    {"terminal",           "", use_terminal},
    {"input",              "", use_input},
    {"launch",             "", stay},
};
/* clang-format on */

static void fill_launch(struct launch *launch, struct manifest_git_directory *directory)
{
    static char path[] = MANIFEST_SOURCE_DIRECTORY "/.git";
    static char empty[] = "";
    *directory = (struct manifest_git_directory){
        .worktree = empty, .name = empty, .common_path = path, .private_path = path};
    launch->engine = (struct engine_facts){.cpus = 8, .memory_bytes = 16ull << 30};
    launch->repository = (struct repository){
        .identity = {.uid = 1000, .gid = 1000, .groups = {27, 1000}, .group_count = 2},
        .label = "project",
        .head_branch = "main",
        .base_commit = "0123456789abcdef0123456789abcdef01234567",
        .object_format = "sha1",
        .user_name = "Tester",
        .user_email = "tester@example.com",
        .directories = directory,
        .directory_count = 1,
    };
    snprintf(launch->repository.top, PATH_MAX, "/home/user/project");
    snprintf(launch->repository.git_common, PATH_MAX, "/home/user/project/.git");
    snprintf(launch->branch.name, sizeof(launch->branch.name), "session-1");
    snprintf(launch->branch.inside, sizeof(launch->branch.inside), "shell/session-1");
    snprintf(launch->image.id, sizeof(launch->image.id), "sha256:%064d", 7);
    snprintf(launch->session, sizeof(launch->session), "abcdefgh");
    snprintf(launch->container, sizeof(launch->container), "coding-agents-abcdefgh");
    snprintf(launch->host_directory, PATH_MAX, "/run/user/1000/coding-agents/abcdefgh/host");
    snprintf(launch->socket_directory, PATH_MAX, "/run/user/1000/coding-agents/abcdefgh/sockets");
    snprintf(launch->seccomp_profile, PATH_MAX,
             "/usr/share/coding-agents/policies/seccomp/agent.json");
    snprintf(launch->manifest_sha256, sizeof(launch->manifest_sha256), "%064d", 5);
    string_list_add(&launch->capabilities, "SYS_ADMIN");
    string_list_add(&launch->capabilities, "KILL");
}

static char *render_manifest(struct launch *launch)
{
    const struct plan_input input = {
        .options = &launch->options,
        .engine = &launch->engine,
        .repository = &launch->repository,
        .branch = &launch->branch,
        .image = &launch->image,
        .config = &launch->trust.config,
        .session = launch->session,
        .is_interactive = launch->is_interactive || launch->options.is_persistent,
        .asks = launch->options.prompt == NULL,
    };
    struct manifest manifest;
    struct error err = ERROR_INITIALIZER;
    char *text = NULL;
    size_t size;
    const struct agent_request request = {
        .agent = launch->options.agent,
        .prompt = launch->options.prompt,
        .arguments = launch->options.command,
    };
    if (agent_command_make("policies/agents.tab", &request, &launch->storage.command, &err) < 0)
        fail_msg("%s", error_text(&err));
    plan_manifest(&input, &launch->storage, &manifest);
    memcpy(manifest.file_list_sha256, launch->manifest_sha256, sizeof(manifest.file_list_sha256));
    if (manifest_render(&manifest, &text, &size, &err) < 0)
        fail_msg("%s", error_text(&err));
    struct manifest *parsed = NULL;
    if (manifest_parse(text, size, &parsed, &err) < 0)
        fail_msg("what we write we cannot read: %s", error_text(&err));
    manifest_free(parsed);
    return text;
}

/* argv, one argument a line, and the manifest's fields, one a line, for the variants FIRST and
 * SECOND. */
static void make_lines(const struct variant *first, const struct variant *second,
                       struct string_list *lines)
{
    struct launch launch = {.keeper.control = -1};
    struct manifest_git_directory directory;
    struct error err = ERROR_INITIALIZER;
    char arguments[512];
    bool has_command = strncmp(first->arguments, "-- ", 3) == 0;
    /* What follows "--" is the command, so it must be last. */
    snprintf(arguments, sizeof(arguments), "shell %s %s",
             has_command ? second->arguments : first->arguments,
             has_command ? first->arguments : second->arguments);
    if (command_line_parse(arguments, &launch.options, &err) < 0)
        fail_msg("%s: %s", arguments, error_text(&err));
    fill_launch(&launch, &directory);
    if (first->change != NULL)
        first->change(&launch);
    if (second->change != NULL && second != first)
        second->change(&launch);
    if (plan_limits(&launch.options, &launch.engine, &launch.plan, &err) < 0)
        fail_msg("%s", error_text(&err));
    stage_fill_plan(&launch);
    launch.plan.owner = 1000;
    assert_int_equal(run_plan_arguments(&launch.plan, &launch.argv), 0);
    for (size_t i = 0; i < launch.argv.count; i++)
        string_list_add(lines, launch.argv.items[i]);
    char *manifest = render_manifest(&launch);
    for (char *field = manifest; field != NULL && *field != '\0';) {
        char *next = strstr(field, ",\"");
        if (next != NULL)
            *next++ = '\0';
        string_list_format(lines, "manifest %s", field);
        field = next;
    }
    free(manifest);
    options_free(&launch.options);
    string_list_free(&launch.capabilities);
    string_list_free(&launch.argv);
    string_list_free(&launch.storage.command);
    string_list_free(&launch.repository.alternates);
}

/* How often TEXT is among the first COUNT lines. */
static size_t count_of(const struct string_list *lines, const char *text, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += strcmp(lines->items[i], text) == 0;
    return found;
}

static void write_difference(FILE *file, const struct string_list *base,
                             const struct string_list *lines)
{
    for (size_t i = 0; i < base->count; i++) {
        if (count_of(base, base->items[i], i + 1) > count_of(lines, base->items[i], lines->count))
            fprintf(file, "- %s\n", base->items[i]);
    }
    for (size_t i = 0; i < lines->count; i++) {
        if (count_of(lines, lines->items[i], i + 1) > count_of(base, lines->items[i], base->count))
            fprintf(file, "+ %s\n", lines->items[i]);
    }
}

/** Puts a word where the version stands, so that a release changes no golden file. */
static size_t hide_version(char *text)
{
    static const char version[] = CODING_AGENTS_VERSION;
    static const char *const before[] = {"coding-agents.version=", "\"launcher_version\":\""};
    char *end = text;
    for (const char *from = text; *from != '\0';) {
        *end++ = *from++;
        for (size_t i = 0; i < ARRAY_LENGTH(before); i++) {
            size_t length = strlen(before[i]);
            if ((size_t)(end - text) < length || memcmp(end - length, before[i], length) != 0 ||
                strncmp(from, version, sizeof(version) - 1) != 0)
                continue;
            from += sizeof(version) - 1;
            *end++ = '@';
        }
    }
    *end = '\0';
    return (size_t)(end - text);
}

static void compare_with(const char *path, char *text)
{
    struct error err = ERROR_INITIALIZER;
    char *golden = NULL;
    size_t golden_size;
    size_t size = hide_version(text);
    if (getenv("UPDATE_GOLDEN") != NULL &&
        fd_write_file(AT_FDCWD, path, text, size, 0644, &err) < 0)
        fail_msg("%s", error_text(&err));
    if (fd_read_file(AT_FDCWD, path, 64u << 20, &golden, &golden_size, &err) < 0)
        fail_msg("%s", error_text(&err));
    size_t at = 0;
    while (at < size && at < golden_size && golden[at] == text[at])
        at++;
    if (at != size || at != golden_size) {
        size_t start = at > 200 ? at - 200 : 0;
        fail_msg("%s differs at byte %zu: UPDATE_GOLDEN=1 rewrites it\n--- golden\n%.400s\n--- "
                 "now\n%.400s",
                 path, at, golden + start, text + start);
    }
    free(golden);
}

static void test_singles(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    for (size_t i = 0; i < ARRAY_LENGTH(variants); i++) {
        struct string_list lines = {.items = NULL};
        make_lines(&variants[i], &variants[0], &lines);
        fprintf(file, "== %s\n", variants[i].name);
        for (size_t k = 0; k < lines.count; k++)
            fprintf(file, "%s\n", lines.items[k]);
        string_list_free(&lines);
    }
    fclose(file);
    compare_with(GOLDEN_SINGLES, text);
    free(text);
}

/* Of two variants that exclude each other the command line is refused; that is another test's. */
static bool is_pair(size_t first, size_t second)
{
    bool has_prompt = strcmp(variants[first].name, "command") == 0 &&
                      strcmp(variants[second].name, "prompt") == 0;
    bool has_two_maps =
        variants[first].change == use_rootless && variants[second].change == use_remap;
    return !has_prompt && !has_two_maps;
}

static void test_pairs(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    struct string_list base = {.items = NULL};
    make_lines(&variants[0], &variants[0], &base);
    for (size_t i = 1; i < ARRAY_LENGTH(variants); i++) {
        for (size_t k = i + 1; k < ARRAY_LENGTH(variants); k++) {
            struct string_list lines = {.items = NULL};
            if (!is_pair(i, k))
                continue;
            make_lines(&variants[i], &variants[k], &lines);
            fprintf(file, "== %s + %s\n", variants[i].name, variants[k].name);
            write_difference(file, &base, &lines);
            string_list_free(&lines);
        }
    }
    string_list_free(&base);
    fclose(file);
    compare_with(GOLDEN_PAIRS, text);
    free(text);
}

/* Whatever is asked for, what protects the host is there, and what would give it away is not. */
static void check_confined(const struct string_list *lines)
{
    static const char *const needed[] = {
        "--read-only",
        "--cap-drop=ALL",
        "no-new-privileges:true",
        "core=0",
        "--memory-swap",
        "seccomp=/usr/share/coding-agents/policies/seccomp/agent.json",
        "--pids-limit"};
    for (size_t i = 0; i < ARRAY_LENGTH(needed); i++)
        assert_true(string_list_contains(lines, needed[i]));
    assert_false(string_list_contains(lines, "--privileged"));
    for (size_t i = 0; i < lines->count && strncmp(lines->items[i], "manifest ", 9) != 0; i++) {
        assert_null(strstr(lines->items[i], "docker.sock"));
        if (strncmp(lines->items[i], "type=bind", 9) == 0)
            assert_non_null(strstr(lines->items[i], ",readonly,bind-nonrecursive"));
    }
}

static void test_every_pair_is_confined(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(variants); i++) {
        for (size_t k = i; k < ARRAY_LENGTH(variants); k++) {
            struct string_list lines = {.items = NULL};
            if (!is_pair(i, k))
                continue;
            make_lines(&variants[i], &variants[k], &lines);
            check_confined(&lines);
            string_list_free(&lines);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_singles),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_every_pair_is_confined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
