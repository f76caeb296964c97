/* What the two tables of Landlock rules allow and refuse: a command's, and the agent program's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/wire/task_protocol.h"
#include "sandbox/agent-task-sandbox/files.h"
#include "sandbox/agentcli-exec/places.h"
#include "sandbox/agentcli-exec/trap.h"
#include "tests/unit/sandbox/file_probe.h"

#define AGENT_PROGRAM "/opt/agent/bin/agent"
#ifdef __aarch64__
#define ELF_INTERPRETER "/lib/ld-linux-aarch64.so.1"
#else
#define ELF_INTERPRETER "/lib64/ld-linux-x86-64.so.2"
#endif

/* clang-format off */
static const struct file_probe of_command[] = {
    {"/",                         "rx"},
    {"/usr/",                     "rx"},
    {"/usr/bin/",                 "rx"},
    {"/usr/local/bin/",           "rx"},
    {"/etc/",                     "rx"},
    {"/etc/coding-agents/exec/",  "rx"},
    {"/opt/agent/bin/",           "rx"},
    {"/var/lib/",                 "rx"},
    {"/var/lib/coding-agents/",   "rx"},
    {"/home/",                    "rx"},
    {"/home/agentcli/",           "rx"},
    {"/root/",                    "rx"},
    {"/run/",                     "rx"},
    {"/run/agent-task-runner/",   "rx"},
    /* Its mount is read-only, but where it is written. */
    {"/run/agent-shared/",        "rxwc"},
    {"/sys/",                     "rx"},
    {"/workspace/",               "rxwc"},
    {"/workspace/bin/",           "rxwc"},
    {"/tmp/",                     "rxwc"},
    {"/home/agentuser/",          "rxwc"},
    {"/var/lib/coding-agents/local.git/", "rxwc"},
    {"/dev/",                     "rxw"},
    {"/dev/pts/",                 "rxw"},
    {"/dev/shm/",                 "rxwc"},
    {"/proc/",                    "rxw"},
};

/* Nothing that it could write can be executed, and nothing that it can execute be written. */
static const struct file_probe of_agent[] = {
    {"/",                              "r"},
    {"/usr/",                          "r"},
    {"/usr/bin/",                      "r"},
    {"/usr/bin/git",                   "r"},
    {"/usr/bin/tmux",                  "rx"},
    {"/usr/libexec/coding-agents/",    "r"},
    {"/usr/libexec/coding-agents/agentcli-exec", "rx"},
    {TASK_RELAY,                       "rx"},
    {ELF_INTERPRETER,                  "rx"},
    {"/lib/x/",                        "r"},
    {AGENT_PROGRAM,                    "rx"},
    {AGENT_PROGRAM "-other",           "r"},
    {"/opt/agent/bin/",                "r"},
    {"/etc/",                          "r"},
    {"/home/agentcli/",                "rwc"},
    {"/home/agentuser/",               "r"},
    {"/root/",                         "r"},
    {"/var/lib/",                      "r"},
    {"/var/lib/coding-agents/local.git/", "r"},
    {"/run/",                          "r"},
    {"/run/coding-agents/",            "r"},
    {"/run/agent-task-runner/",        "r"},
    {"/run/agent-data-export/",        "r"},
    {"/sys/",                          "r"},
    {"/workspace/",                    "rwc"},
    {"/tmp/",                          "rwc"},
    {"/dev/",                          "rw"},
    {"/dev/shm/",                      "rwc"},
    {"/proc/",                         "rw"},
    {PLACE_DIRECTORY "/",              "rwc"},
    {"/run/agent-data/",               "rwc"},
    {"/run/agent-secrets/",            "rwc"},
    {"/run/agent-shared/",             "rwc"},
};
/* clang-format on */

static bool confine_command(void)
{
    return files_confine(NULL) == 0;
}

static bool confine_agent(void)
{
    static const char *const programs[] = {AGENT_PROGRAM};
    const struct user user = {.name = "agentcli", .home = "/home/agentcli"};

    return trap_restrict_files(&user, programs, ARRAY_LENGTH(programs), NULL) == 0;
}

static void run(const struct file_probe *probes, size_t count, bool (*confine)(void))
{
    int wrong = file_probe_run(probes, count, confine);

    if (wrong == FILE_PROBE_CANNOT_TRY && geteuid() != 0)
        skip();
    assert_int_equal(wrong, 0);
}

static void test_a_command_changes_what_is_its_own(void **state)
{
    (void)state;
    run(of_command, ARRAY_LENGTH(of_command), confine_command);
}

static void test_the_agent_executes_what_is_listed(void **state)
{
    (void)state;
    run(of_agent, ARRAY_LENGTH(of_agent), confine_agent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_command_changes_what_is_its_own),
        cmocka_unit_test(test_the_agent_executes_what_is_listed),
    };

    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
