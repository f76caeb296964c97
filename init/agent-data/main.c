/*
 * agent-data: lays what an agent left in earlier sessions into its home, and packs what it leaves.
 * Started by agent-boot as the agent's identity, with the archive's key and then the archive on
 * standard input. agent-data(8)
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/agent-data/agent_data.h"
#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"
#include "lib/base/path.h"
#include "lib/base/users.h"

#define TABLE "/etc/coding-agents/agent-data.tab"
#define DATA_ROOT "/run/agent-data"
#define EXPORT_ROOT "/run/agent-data-export"
#define ARGUMENTS_MAX 5

const char *argp_program_version = "agent-data " CODING_AGENTS_VERSION;

struct arguments {
    const char *values[ARGUMENTS_MAX];
    unsigned int count;
    bool is_export;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (arguments->count == ARGUMENTS_MAX)
            argp_usage(state);
        arguments->values[arguments->count++] = argument;
        return 0;
    case ARGP_KEY_END:
        if (arguments->count == 0)
            argp_usage(state);
        arguments->is_export = strcmp(arguments->values[0], "export") == 0;
        if (arguments->count != (arguments->is_export ? 5 : 3) ||
            (!arguments->is_export && strcmp(arguments->values[0], "import") != 0))
            argp_usage(state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The key is here for a moment: nobody with the same uid looks into this process. */
static void harden(void)
{
    const struct rlimit none = {0, 0};
    umask(0077);
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &none);
}

static int read_key(unsigned char key[PACK_KEY_BYTES], struct error *err)
{
    for (size_t used = 0; used < PACK_KEY_BYTES;) {
        ssize_t count = read(STDIN_FILENO, key + used, PACK_KEY_BYTES - used);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return error_set(err, EINVAL, "no key was handed over: agent-boot starts this program");
        used += (size_t)count;
    }
    return 0;
}

static int open_directory(const char *root, const char *agent, int *fd, struct error *err)
{
    char path[PATH_MAX];
    if (path_format(path, "%s/%s", root, agent) < 0)
        return error_set(err, ENAMETOOLONG, "'%s'", root);
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *fd < 0 ? error_set(err, errno, "open '%s'", path) : 0;
}

static int fill(const struct arguments *arguments, struct agent_data *data, struct error *err)
{
    struct user user;
    const char *agent = arguments->values[1];
    snprintf(data->label.agent, sizeof(data->label.agent), "%s", agent);
    snprintf(data->label.session, sizeof(data->label.session), "%s", arguments->values[2]);
    if (arguments->is_export) {
        data->label.counter = strtoull(arguments->values[3], NULL, 10);
        data->most = strtoull(arguments->values[4], NULL, 10);
    }
    int result = users_find(USERS_FILE, "agentcli", &user, err);
    if (result == 0)
        result = pack_places_load(TABLE, agent, &data->places, err);
    if (result == 0)
        result = open_directory(DATA_ROOT, agent, &data->data, err);
    if (result == 0)
        result = open_directory(EXPORT_ROOT, agent, &data->exports, err);
    if (result < 0)
        return result;
    data->home = open(user.home, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return data->home < 0 ? error_set(err, errno, "open '%s'", user.home)
                          : read_key(data->key, err);
}

int main(int argc, char **argv)
{
    static const struct argp parser = {
        .parser = parse_option,
        .args_doc = "import AGENT SESSION\nexport AGENT SESSION COUNTER BYTES",
        .doc = "Brings in what an agent left in earlier sessions, or packs what it leaves. Started "
               "by agent-boot.",
    };
    struct arguments arguments = {.count = 0};
    struct agent_data data = {.home = -1, .data = -1, .exports = -1};
    struct agent_data_report report = {.files = 0};
    struct error err = ERROR_INITIALIZER;
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);
    harden();
    int result = fill(&arguments, &data, &err);
    if (result == 0)
        result = arguments.is_export ? agent_data_pack(&data, &report, &err)
                                     : agent_data_lay(&data, STDIN_FILENO, &report, &err);
    sodium_memzero(data.key, sizeof(data.key));
    if (result < 0) {
        printf("%s\n", error_text(&err));
        return EXIT_BOOT_DATA;
    }
    printf("files %zu\nbytes %" PRIu64 "\nleft %zu\nmanifest %s\n", report.files, report.bytes,
           report.left_out, report.manifest);
    return fflush(stdout) == EOF ? EXIT_BOOT_DATA : EXIT_SUCCESS;
}
