/* Finds what configures an agent in a repository, and keeps what the user accepted of it. */
#include "lib/host/repository_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/wire/agent_config.h"
#include "lib/wire/limits.h"
#include "lib/wire/session.h"

static int name_place(const struct repository *repository, const char *agent, bool with_ignored,
                      struct repository_config *config, struct error *err)
{
    char root[PATH_MAX];
    char real[PATH_MAX];
    char key[MANIFEST_DIGEST_SIZE];
    int status = session_state_root(root, err);
    if (status < 0)
        return status;
    if (realpath(repository->top, real) == NULL)
        return error_set(err, errno, "find '%s'", repository->top);
    manifest_digest(real, strlen(real), key);
    snprintf(config->name, sizeof(config->name), "%.32s%s", agent, with_ignored ? "+ignored" : "");
    status = path_format(config->directory, "%s/trust/%s", root, key);
    return status < 0 ? error_set(err, -status, "name the place of what is accepted") : 0;
}

/* A submodule stands on the list as a directory, and its files behind it. */
static int take_path(int top, const char *path, const struct agent_config_table *table,
                     struct string_list *paths, struct error *err)
{
    struct stat info;
    bool is_config = agent_config_table_has(table, path);
    if (!is_config && !agent_config_table_leads(table, path))
        return 0;
    if (fstatat(top, path, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : error_set(err, errno, "look at '%.400s'", path);
    if (S_ISLNK(info.st_mode))
        return error_set(err, EINVAL,
                         "'%.400s' is a symbolic link, and only plain files can be accepted", path);
    if (!is_config || S_ISDIR(info.st_mode))
        return 0;
    return string_list_add(paths, path) == NULL ? error_set(err, ENOMEM, "keep '%.400s'", path) : 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int find_files(int top, const struct repository *repository,
                      const struct agent_config_table *table, struct repository_config *config,
                      struct error *err)
{
    const struct source_files *files = &repository->files;
    int status = 0;
    for (size_t at = 0; status == 0 && at < files->size; at += strlen(files->data + at) + 1)
        status = take_path(top, files->data + at, table, &config->paths, err);
    if (config->paths.count > 1)
        qsort(config->paths.items, config->paths.count, sizeof(char *), compare);
    return status;
}

static int read_files(const struct repository *repository, const struct agent_config_table *table,
                      struct repository_config *config, struct error *err)
{
    cleanup_fd int top = open(repository->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return error_set(err, errno, "open '%s'", repository->top);
    int status = find_files(top, repository, table, config, err);
    if (status < 0 || config->paths.count == 0)
        return status;
    status = agent_config_read(top, config->paths.items, config->paths.count, &config->text,
                               &config->size, err);
    if (status == 0)
        manifest_digest(config->text, config->size, config->digest);
    return status;
}

static int read_accepted(struct repository_config *config, struct error *err)
{
    cleanup_fd int directory = open(config->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return errno == ENOENT ? 0 : error_set(err, errno, "open '%s'", config->directory);
    int status = fd_read_file(directory, config->name, LIMIT_AGENT_CONFIG_BYTES, &config->accepted,
                              &config->accepted_size, err);
    return status == -ENOENT ? 0 : status;
}

static enum repository_config_trust judge(const struct repository_config *config)
{
    if (config->paths.count == 0)
        return REPOSITORY_CONFIG_NONE;
    if (config->accepted == NULL)
        return REPOSITORY_CONFIG_UNTRUSTED;
    bool is_same = config->size == config->accepted_size &&
                   memcmp(config->text, config->accepted, config->size) == 0;
    return is_same ? REPOSITORY_CONFIG_TRUSTED : REPOSITORY_CONFIG_CHANGED;
}

int repository_config_find(const struct repository *repository, const char *agent,
                           bool with_ignored, const struct agent_config_table *table,
                           struct repository_config *config, struct error *err)
{
    *config = (struct repository_config){.trust = REPOSITORY_CONFIG_UNTRUSTED};
    int status = name_place(repository, agent, with_ignored, config, err);
    if (status == 0)
        status = read_accepted(config, err);
    if (status == 0)
        status = read_files(repository, table, config, err);
    if (status == 0)
        config->trust = judge(config);
    return status;
}

int repository_config_accept(const struct repository_config *config, const char *top,
                             struct error *err)
{
    char real[PATH_MAX];
    if (realpath(top, real) == NULL)
        return error_set(err, errno, "find '%s'", top);
    int status = path_make_directories(config->directory, 0700, err);
    if (status < 0)
        return status;
    cleanup_fd int directory = open(config->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return error_set(err, errno, "open '%s'", config->directory);
    /* For people: the directory's name tells nobody whose it is. */
    status = fd_write_file(directory, "repository", real, strlen(real), 0600, err);
    if (status == 0)
        status = fd_write_file(directory, config->name, config->text, config->size, 0600, err);
    return status;
}

int repository_config_revoke(const struct repository_config *config, struct error *err)
{
    char path[PATH_MAX];
    int status = path_format(path, "%s/%s", config->directory, config->name);
    if (status < 0)
        return error_set(err, -status, "name what was accepted");
    if (unlink(path) < 0 && errno != ENOENT)
        return error_set(err, errno, "remove '%s'", path);
    return 0;
}

const char *repository_config_trust_name(enum repository_config_trust trust)
{
    static const char *const names[] = {"none", "untrusted", "changed", "trusted"};
    return names[trust];
}

void repository_config_free(struct repository_config *config)
{
    string_list_free(&config->paths);
    free(config->text);
    free(config->accepted);
    *config = (struct repository_config){.trust = REPOSITORY_CONFIG_NONE};
}
