/* coding-agents trust-config: accepts what a repository has to configure an agent. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host-shim/commands/command.h"
#include "host-shim/commands/trust_config_show.h"
#include "lib/host/agent_command.h"
#include "lib/host/agent_config_table.h"
#include "lib/host/grammar.h"
#include "lib/host/install_paths.h"
#include "lib/host/printable.h"
#include "lib/host/repository_config.h"

enum {
    EXIT_ACCEPTED = 0,
    EXIT_NOT_ACCEPTED = 1,
};

/* What one call is about. */
struct trust {
    const struct command_line *line;
    const char *agent;
    struct repository repository;
    struct agent_config_table table;
    struct repository_config config;
};

static int read_table(struct trust *trust, struct error *err)
{
    static char *const no_arguments[] = {NULL};
    char path[PATH_MAX];
    struct string_list command = {.items = NULL};
    const struct agent_request request = {.agent = trust->agent, .arguments = no_arguments};
    int status = install_path_share("policies/agents.tab", path, err);
    if (status == 0)
        status = agent_command_make(path, &request, &command, err);
    string_list_free(&command);
    if (status == 0)
        status = install_path_share("policies/agent-config.tab", path, err);
    if (status == 0)
        status = agent_config_table_read(path, trust->agent, &trust->table, err);
    if (status == 0 && trust->table.files.count == 0)
        status = error_set(err, EINVAL, "nothing in a repository configures '%s'", trust->agent);
    return status;
}

static int inspect(struct trust *trust, struct error *err)
{
    const struct command_line *line = trust->line;
    const char *source = line->argument_count > 1 ? line->arguments[1] : ".";
    if (grammar_is_url(source))
        return error_set(err, EINVAL, "clone '%s' and name the path: what was read is accepted",
                         source);
    return repository_inspect(source, command_has(line, "include-ignored"), &trust->repository,
                              err);
}

static int take_back(const struct trust *trust, struct error *err)
{
    bool was_accepted = trust->config.accepted != NULL;
    if (repository_config_revoke(&trust->config, err) < 0)
        return command_fail(trust->line, err, EXIT_HOST_INTERNAL);
    puts(was_accepted ? "revoked: nothing of it is trusted any more" : "nothing had been accepted");
    return EXIT_ACCEPTED;
}

/* Whoever sits there has read what was shown above. */
static int agree(const struct trust *trust, struct error *err)
{
    char answer[16] = "";
    if (command_has(trust->line, "yes"))
        return 0;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        error_set(err, EINVAL, "there is no terminal to ask in: read it, and say --yes");
        return command_fail(trust->line, err, EXIT_USAGE);
    }
    printf("\nMay %s heed these files, and run what they name? [y/N] ", trust->agent);
    fflush(stdout);
    if (fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y'))
        return 0;
    puts("not accepted");
    return EXIT_NOT_ACCEPTED;
}

static int keep_accepted(struct trust *trust, struct error *err)
{
    if (repository_config_accept(&trust->config, trust->repository.top, err) < 0)
        return command_fail(trust->line, err, EXIT_HOST_INTERNAL);
    return EXIT_ACCEPTED;
}

static int show_json(struct trust *trust, struct error *err)
{
    enum repository_config_trust state = trust->config.trust;
    bool accepts = command_has(trust->line, "yes") && !command_has(trust->line, "show");
    if (accepts && state != REPOSITORY_CONFIG_NONE) {
        int code = keep_accepted(trust, err);
        if (code != 0)
            return code;
        trust->config.trust = state = REPOSITORY_CONFIG_TRUSTED;
    }
    if (trust_config_show_json(&trust->config, trust->agent, trust->repository.top, err) < 0)
        return command_fail(trust->line, err, EXIT_HOST_INTERNAL);
    return state == REPOSITORY_CONFIG_TRUSTED || state == REPOSITORY_CONFIG_NONE
               ? EXIT_ACCEPTED
               : EXIT_NOT_ACCEPTED;
}

static int show(struct trust *trust, struct error *err)
{
    enum repository_config_trust state = trust->config.trust;
    if (state == REPOSITORY_CONFIG_NONE) {
        printf("nothing in the repository configures %s\n", trust->agent);
        return EXIT_ACCEPTED;
    }
    if (trust_config_show(&trust->config, err) < 0)
        return command_fail(trust->line, err, EXIT_HOST_INTERNAL);
    if (state == REPOSITORY_CONFIG_TRUSTED) {
        puts("accepted: sessions trust it until it changes");
        return EXIT_ACCEPTED;
    }
    if (command_has(trust->line, "show"))
        return EXIT_NOT_ACCEPTED;
    fflush(stdout);
    int code = agree(trust, err);
    if (code == 0)
        code = keep_accepted(trust, err);
    if (code == 0)
        puts("accepted: sessions trust it until it changes");
    return code;
}

static int run(struct trust *trust)
{
    struct error err = ERROR_INITIALIZER;
    const struct command_line *line = trust->line;
    int status = read_table(trust, &err);
    if (status < 0)
        return command_fail(line, &err, EXIT_USAGE);
    if (inspect(trust, &err) < 0)
        return command_fail(line, &err, EXIT_REPOSITORY);
    status = repository_config_find(&trust->repository, trust->agent,
                                    command_has(line, "include-ignored"), &trust->table,
                                    &trust->config, &err);
    /* What was accepted can be taken back whatever is there now. */
    if (command_has(line, "revoke") && trust->config.directory[0] != '\0')
        return take_back(trust, &err);
    if (status < 0) {
        error_prefix(&err, "the files that configure %s cannot be accepted", trust->agent);
        return command_fail(line, &err, EXIT_REPOSITORY);
    }
    return command_has(line, "json") ? show_json(trust, &err) : show(trust, &err);
}

int main(int argc, char **argv)
{
    struct command_line line;
    struct error err = ERROR_INITIALIZER;
    command_begin("trust-config", argc, argv, &line);
    if (command_has(&line, "revoke") && (command_has(&line, "yes") || command_has(&line, "show"))) {
        error_set(&err, EINVAL, "--revoke takes back what --yes accepts: give one of them");
        return command_fail(&line, &err, EXIT_USAGE);
    }
    struct trust trust = {.line = &line, .agent = line.arguments[0]};
    int code = run(&trust);
    repository_config_free(&trust.config);
    agent_config_table_free(&trust.table);
    repository_free(&trust.repository);
    return code;
}
