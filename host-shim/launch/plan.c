/* Decides limits and manifest from options and facts, without looking at anything else. */
#include "host-shim/launch/plan.h"

#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"

#define DEFAULT_MILLI_CPUS 4000
#define DEFAULT_MEMORY_BYTES (8ull << 30)
#define DEFAULT_PIDS 4096
/* How many identities an engine with userns-remap maps: subuid(5), as useradd(8) gives them. */
#define REMAP_COUNT 65536

int plan_limits(const struct launch_options *options, const struct engine_facts *engine,
                struct run_plan *plan, struct error *err)
{
    unsigned int most_cpus = engine->cpus * 1000;
    unsigned long long most_memory = engine->memory_bytes;
    if (options->milli_cpus > most_cpus)
        return error_set(err, EINVAL,
                         "--cpus asks for %u.%03u processors, and the engine has %u: ask for less",
                         options->milli_cpus / 1000, options->milli_cpus % 1000, engine->cpus);
    if (options->memory_bytes > most_memory)
        return error_set(err, EINVAL,
                         "--memory asks for %llu bytes, and the engine has %llu: ask for less",
                         options->memory_bytes, most_memory);
    plan->milli_cpus = most_cpus < DEFAULT_MILLI_CPUS ? most_cpus : DEFAULT_MILLI_CPUS;
    plan->memory_bytes = most_memory < DEFAULT_MEMORY_BYTES ? most_memory : DEFAULT_MEMORY_BYTES;
    plan->pids = options->pids != 0 ? options->pids : DEFAULT_PIDS;
    if (options->milli_cpus != 0)
        plan->milli_cpus = options->milli_cpus;
    if (options->memory_bytes != 0)
        plan->memory_bytes = options->memory_bytes;
    return 0;
}

uid_t plan_container_id(const struct engine_facts *engine, uid_t uid)
{
    uid_t root = engine->container_root_uid;
    if (engine->is_rootless)
        return uid == root ? 0 : MANIFEST_OVERFLOW_ID;
    if (!engine->has_userns_remap)
        return uid;
    return uid >= root && uid - root < REMAP_COUNT ? uid - root : MANIFEST_OVERFLOW_ID;
}

/* Whose eyes read the source. Groups that the container does not know are left out. */
static void fill_reader(const struct plan_input *input, struct manifest *manifest)
{
    const struct git_identity *identity = &input->repository->identity;
    const struct engine_facts *engine = input->engine;
    manifest->read_uid = plan_container_id(engine, identity->uid);
    /* A rootless engine maps the user's own group like the user. */
    manifest->read_gid =
        engine->is_rootless ? manifest->read_uid : plan_container_id(engine, identity->gid);
    for (size_t i = 0; i < identity->group_count && !engine->is_rootless; i++) {
        gid_t group = plan_container_id(engine, identity->groups[i]);
        if (group != MANIFEST_OVERFLOW_ID)
            manifest->read_groups[manifest->read_group_count++] = group;
    }
}

static char *borrow(const char *text)
{
    return (char *)(uintptr_t)(text == NULL ? "" : text);
}

void plan_manifest(const struct plan_input *input, struct plan_storage *storage,
                   struct manifest *manifest)
{
    static char *no_command[] = {NULL};
    static char hook_name[] = "dotnet-preview";
    const struct launch_options *options = input->options;
    const struct repository *repository = input->repository;
    storage->hook_arguments[0] = borrow(options->dotnet_preview);
    storage->hook =
        (struct manifest_setup_hook){.name = hook_name, .arguments = storage->hook_arguments};
    *manifest = (struct manifest){
        .agent = borrow(options->agent),
        .name = borrow(input->branch->name),
        .repository_label = borrow(repository->label),
        .mode = input->is_interactive ? MANIFEST_MODE_INTERACTIVE : MANIFEST_MODE_HEADLESS,
        .is_persistent = options->is_persistent && input->asks,
        .command = storage->command.count > 0 ? storage->command.items : no_command,
        .image = borrow(input->image->id),
        .launcher_version = borrow(CODING_AGENTS_VERSION),
        .stop_grace_ms = PLAN_STOP_GRACE_MS,
        .source_kind = MANIFEST_SOURCE_REPOSITORY,
        .git_directories = repository->directories,
        .git_directory_count = repository->directory_count,
        .branch = borrow(input->branch->inside),
        .base_commit = borrow(repository->base_commit),
        .object_format = borrow(repository->object_format),
        .user_name = borrow(repository->user_name),
        .user_email = borrow(repository->user_email),
        .commit_enabled = true,
        .push_enabled = !options->no_push,
        .commit_secrets = options->commit_secrets,
        .commit_message = borrow(options->commit_message),
        .setup_hooks = &storage->hook,
        .setup_hook_count = options->dotnet_preview != NULL,
    };
    signing_config_fill(&input->repository->signing, manifest);
    memcpy(manifest->session, input->session, sizeof(manifest->session));
    if (input->config->trust == REPOSITORY_CONFIG_TRUSTED) {
        manifest->trusted_files = input->config->paths.items;
        memcpy(manifest->trusted_sha256, input->config->digest, sizeof(manifest->trusted_sha256));
    }
    fill_reader(input, manifest);
}
