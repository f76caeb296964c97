/* Lets the image's own boot program try, confined like a session, what a session will need. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host-shim/commands/doctor.h"
#include "lib/base/cleanup.h"
#include "lib/base/process.h"
#include "lib/host/install_paths.h"
#include "lib/host/one_shot.h"
#include "lib/host/policy.h"
#include "lib/host/printable.h"
#include "lib/host/run_plan.h"
#include "lib/wire/manifest.h"

#define BOOT_PROGRAM "/usr/libexec/coding-agents/agent-boot"
#define CHECK_MS 120000
#define CHECK_MEMORY (1024ull * 1024 * 1024)

/* The confinement of a session, by the function that the launcher uses too, and nothing else of
 * one. */
static int build_arguments(const struct doctor_report *report, const char *image,
                           const char *sockets, struct string_list *list, struct error *err)
{
    char seccomp[PATH_MAX];
    cleanup_string_list struct string_list capabilities = {.items = NULL};
    cleanup_string_list struct string_list none = {.items = NULL};
    cleanup_string_list struct string_list session = {.items = NULL};
    int result = install_path_share("policies/seccomp/agent.json", seccomp, err);
    if (result == 0)
        result = policy_read_capabilities(&capabilities, err);
    if (result < 0)
        return result;
    const struct run_plan plan = {
        .container = "coding-agents-doctor",
        .network = "none",
        .session = "doctor",
        .agent = "shell",
        .repository_label = "",
        .manifest_sha256 = "",
        .is_detached = false,
        .seccomp_profile = seccomp,
        .has_apparmor = report->engine.has_apparmor,
        .capabilities = &capabilities,
        .milli_cpus = 1000,
        .memory_bytes = CHECK_MEMORY,
        .pids = 512,
        .source = "/",
        .alternates = &none,
        .session_directory = "/",
        .socket_directory = "/",
        .engine_arguments = &none,
        .image = image,
        .stop_timeout_s = 10,
    };
    static const char *const frame[] = {"docker",    "run",  "--rm",         "--pull", "never",
                                        "--network", "none", "--log-driver", "none"};
    for (size_t i = 0; i < ARRAY_LENGTH(frame); i++)
        string_list_add(list, frame[i]);
    result = run_plan_arguments(&plan, &session);
    if (result < 0 || !one_shot_keep_options(session.items, image, list))
        return error_set(err, ENOMEM, "assemble the docker command");
    run_plan_add_no_proxies(list);
    run_plan_add_bind(list, sockets, MANIFEST_SOCKET_DIRECTORY);
    string_list_add(list, "--entrypoint");
    string_list_add(list, BOOT_PROGRAM);
    string_list_add(list, image);
    string_list_add(list, "--check");
    string_list_add(list, "--json");
    return list->has_failed ? error_set(err, ENOMEM, "assemble the docker command") : 0;
}

/* The plan's named volume becomes one without a name, which goes with the container. */
static void drop_volume_name(struct string_list *list)
{
    for (size_t i = 0; i + 1 < list->count; i++) {
        if (strcmp(list->items[i], "--mount") != 0 ||
            strncmp(list->items[i + 1], "type=volume,", strlen("type=volume,")) != 0)
            continue;
        char *mount = strdup("type=volume,target=" MANIFEST_VOLUME ",volume-nocopy");
        if (mount == NULL) {
            list->has_failed = true;
            return;
        }
        free(list->items[i + 1]);
        list->items[i + 1] = mount;
    }
}

static void copy_text(char *text, size_t size, const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    snprintf(text, size, "%s", value == NULL ? "" : value);
}

static void add_check(struct doctor_report *report, const json_t *check)
{
    enum doctor_verdict verdict = json_is_true(json_object_get(check, "ok"))         ? DOCTOR_OK
                                  : json_is_true(json_object_get(check, "required")) ? DOCTOR_FAIL
                                                                                     : DOCTOR_WARN;
    struct doctor_finding *finding = doctor_add(report, "", verdict);
    char *name = report->names[report->count - 1];
    copy_text(name, sizeof(report->names[0]), check, "name");
    finding->name = name;
    copy_text(finding->detail, sizeof(finding->detail), check, "detail");
    copy_text(finding->remedy, sizeof(finding->remedy), check, "remedy");
}

static void add_failure(struct doctor_report *report, const char *detail, const char *remedy)
{
    struct doctor_finding *finding = doctor_add(report, "container", DOCTOR_FAIL);
    snprintf(finding->detail, sizeof(finding->detail), "%s", detail);
    snprintf(finding->remedy, sizeof(finding->remedy), "%s", remedy);
}

/* The container did not start, or the image's checks did not end. REASON: the last that was said.
 */
static void add_no_answer(struct doctor_report *report, const char *reason)
{
    char remedy[sizeof(report->findings[0].remedy)] = "build the image again: make images";
    char profiles[PATH_MAX];
    if (reason != NULL && strstr(reason, "apparmor") != NULL &&
        install_path_share("policies/apparmor", profiles, NULL) == 0)
        snprintf(remedy, sizeof(remedy),
                 "load the profiles, as root: apparmor_parser --replace %.200s/*", profiles);
    add_failure(report, reason == NULL ? "the image's checks gave no answer" : reason, remedy);
}

static void read_answer(struct doctor_report *report, const struct process_result *result)
{
    json_t *answer = json_loads(result->output, 0, NULL);
    const json_t *checks = json_object_get(answer, "checks");
    if (!json_is_array(checks)) {
        cleanup_free char *reason = printable_last_line(result->error_output);
        add_no_answer(report, reason);
    }
    for (size_t i = 0; i < json_array_size(checks); i++)
        add_check(report, json_array_get(checks, i));
    json_decref(answer);
}

static bool has_image(const char *image)
{
    json_t *object = NULL;
    bool is_there = engine_inspect("image", image, &object, NULL) == 0;
    json_decref(object);
    return is_there;
}

static void try_container(struct doctor_report *report, const char *image,
                          const struct doctor_socket *socket)
{
    struct error err = ERROR_INITIALIZER;
    cleanup_string_list struct string_list list = {.items = NULL};
    if (build_arguments(report, image, socket->directory, &list, &err) < 0) {
        add_failure(report, error_text(&err), "");
        return;
    }
    drop_volume_name(&list);
    struct process_spec spec = {
        .argv = (const char *const *)list.items,
        .standard_input = -1,
        .standard_output = -1,
        .standard_error = -1,
        .timeout_ms = CHECK_MS,
    };
    struct process_result result = {.output = NULL};
    if (process_run(&spec, &result, &err) < 0) {
        add_failure(report, error_text(&err), "see whether docker run works at all");
        return;
    }
    read_answer(report, &result);
    process_result_free(&result);
    doctor_check_broker(report, socket, image);
    doctor_socket_check(report, socket);
}

void doctor_check_container(struct doctor_report *report, const char *image)
{
    struct error err = ERROR_INITIALIZER;
    struct doctor_socket socket;
    if (!has_image(image)) {
        struct doctor_finding *finding = doctor_add(report, "image", DOCTOR_WARN);
        snprintf(finding->detail, sizeof(finding->detail),
                 "there is no image %.200s yet, so nothing was tried in a container", image);
        snprintf(finding->remedy, sizeof(finding->remedy),
                 "the first coding-agents run gets or builds it; or make images");
        return;
    }
    if (doctor_socket_open(&socket, &err) < 0)
        add_failure(report, error_text(&err), "");
    else
        try_container(report, image, &socket);
    doctor_socket_close(&socket);
}
