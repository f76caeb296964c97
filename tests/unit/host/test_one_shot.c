/* The docker commands of one-shot containers: what they keep of a session's options and what never.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/host/one_shot.h"

static char *joined(const struct string_list *list)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    for (size_t i = 0; i < list->count; i++)
        fprintf(file, "%s%s", i == 0 ? "" : " ", list->items[i]);
    fclose(file);
    return text;
}

static void test_keeps_confinement(void **state)
{
    (void)state;
    static const char *const argv[] = {
        "docker",
        "run",
        "--detach",
        "--name",
        "coding-agents-abcdefgh",
        "--hostname",
        "x",
        "--label",
        "coding-agents.session=abcdefgh",
        "--read-only",
        "--security-opt",
        "no-new-privileges:true",
        "--security-opt",
        "seccomp=/p",
        "--cap-drop=ALL",
        "--cap-add=SYS_ADMIN",
        "--memory",
        "8",
        "--gpus",
        "all",
        "--network",
        "net",
        "--tmpfs",
        "/run:rw",
        "--mount",
        "type=bind,source=/home/u/type=volume,target=/tmp/source-repo,readonly",
        "--mount",
        "type=volume,source=v,target=/t",
        "--mount",
        "type=volume,source=v-sockets,target=/run/coding-agents/sockets,readonly,volume-nocopy",
        "--env=SECRET=1",
        "sha256:1",
        "--memory",
        "9",
        "--manifest-sha256",
        "00",
        NULL,
    };
    cleanup_string_list struct string_list list = {.items = NULL};
    assert_true(one_shot_keep_options((char *const *)(uintptr_t)argv, "sha256:1", &list));
    cleanup_free char *text = joined(&list);
    assert_string_equal(text, "--read-only --security-opt no-new-privileges:true --security-opt "
                              "seccomp=/p --cap-drop ALL --cap-add SYS_ADMIN --memory 8 --tmpfs "
                              "/run:rw --mount type=volume,source=v,target=/t");
}

static void test_refuses_what_it_does_not_understand(void **state)
{
    (void)state;
    static const char *const without_image[] = {"docker", "run", "--read-only", NULL};
    static const char *const cut_off[] = {"docker", "run", "--memory", NULL};
    cleanup_string_list struct string_list list = {.items = NULL};
    assert_false(one_shot_keep_options((char *const *)(uintptr_t)without_image, "i", &list));
    assert_false(one_shot_keep_options((char *const *)(uintptr_t)cut_off, "i", &list));
}

static void test_upload_pack_of_a_running_session(void **state)
{
    (void)state;
    char container[] = "coding-agents-abcdefgh";
    const struct session_state session = {.session = "abcdefgh", .container = container};
    struct string_list list = {.items = NULL};
    assert_int_equal(one_shot_upload_pack(&session, true, &list, NULL), 0);
    cleanup_free char *text = joined(&list);
    string_list_free(&list);
    assert_string_equal(
        text, "docker exec -i -u 0:0 -w / coding-agents-abcdefgh "
              "/usr/libexec/coding-agents/agent-task-sandbox --network none --environment "
              "GIT_CONFIG_GLOBAL=/dev/null --environment GIT_CONFIG_NOSYSTEM=1 -- "
              "git-upload-pack --strict /var/lib/coding-agents/local.git");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_confinement),
        cmocka_unit_test(test_refuses_what_it_does_not_understand),
        cmocka_unit_test(test_upload_pack_of_a_running_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
