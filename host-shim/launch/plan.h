/* What options and facts decide: limits, and the manifest. Pure functions. */
#ifndef LAUNCH_PLAN_H
#define LAUNCH_PLAN_H

#include "host-shim/launch/options.h"
#include "lib/host/branch.h"
#include "lib/host/engine.h"
#include "lib/host/image.h"
#include "lib/host/repository.h"
#include "lib/host/repository_config.h"
#include "lib/host/run_plan.h"
#include "lib/wire/manifest.h"

#define PLAN_STOP_GRACE_MS 60000

/* What the plan and the manifest are made of, all borrowed. */
struct plan_input {
    const struct launch_options *options;
    const struct engine_facts *engine;
    const struct repository *repository;
    const struct branch *branch;
    const struct image *image;
    const struct repository_config *config;
    const char *session;
    bool is_interactive;
    bool asks; /* somebody is asked in its terminal: what ends without that is not begun again */
};

/*
 * Fills the limits of PLAN: as asked, else 4 processors, 8 GiB, 4096 processes, the first two at
 * most what the engine has. -EINVAL when more is asked than it has.
 */
int plan_limits(const struct launch_options *options, const struct engine_facts *engine,
                struct run_plan *plan, struct error *err);

/* What a manifest needs beyond its input. */
struct plan_storage {
    struct string_list command; /* owned; filled before */
    char *hook_arguments[2];    /* borrowed */
    struct manifest_setup_hook hook;
};

/* Fills MANIFEST, which borrows from INPUT and STORAGE, but for file_list_sha256. */
void plan_manifest(const struct plan_input *input, struct plan_storage *storage,
                   struct manifest *manifest);

/* The identity of host user UID as the container sees it; 65534 when it has none there. */
uid_t plan_container_id(const struct engine_facts *engine, uid_t uid);

#endif
