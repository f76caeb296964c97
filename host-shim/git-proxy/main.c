/* coding-agents-git-proxy: takes one session's git to its https remotes. coding-agents-git-proxy(8)
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host-shim/git-proxy/confine.h"
#include "host-shim/git-proxy/git_proxy.h"
#include "lib/base/diagnostic.h"
#include "lib/base/exit_codes.h"
#include "lib/host/install_paths.h"
#include "lib/host/keeper_tell.h"
#include "lib/wire/session.h"

/* clang-format off */
static const struct argp_option options[] = {
    {"check",              'c', NULL,  0, "Try whether a proxy can be confined here, say so, and end", 0},
    {0},
};
/* clang-format on */

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    (void)argument;
    struct proxy *proxy = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &proxy->child;
        return 0;
    case 'c':
        proxy->is_check = true;
        return 0;
    case ARGP_KEY_END:
        if (!proxy->is_check && !keeper_child_is_told(&proxy->child))
            argp_error(state, "--session and --keeper-fd are needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int find_stub(struct proxy *proxy, struct error *err)
{
    struct user user;
    int result = install_user_find(GIT_ACCESS_IDENTITY, &user, err);
    if (result == 0)
        proxy->stub_uid = user.uid;
    return result == -ENOENT ? -EIO : result;
}

static int settle(struct proxy *proxy, struct error *err)
{
    int result = keeper_child_settle(&proxy->child, err);
    if (result < 0)
        return result;
    return session_runtime_directory(proxy->child.session, proxy->runtime_directory, err);
}

static int start_libraries(struct error *err)
{
    if (sodium_init() < 0)
        return error_set(err, EIO, "start libsodium");
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0
                                                             : error_set(err, EIO, "start curl");
}

/* A session goes on without its remotes where a credential could end up in swap. */
static int lock_memory(struct error *err)
{
    int result = confine_memory(err);
    if (result < 0)
        diagnostic_print("coding-agents-git-proxy: %s\n", error_text(err));
    return result < 0 ? -ENOENT : 0;
}

static int prepare(struct proxy *proxy, struct error *err)
{
    int result = settle(proxy, err);
    tell_open(proxy);
    if (result == 0)
        result = start_libraries(err);
    if (result == 0)
        result = find_stub(proxy, err);
    if (result == 0)
        result = remotes_load(proxy, err);
    if (result == 0)
        result = lock_memory(err);
    if (result == 0)
        result = outside_start(proxy, err);
    if (result == 0)
        result = serve_open(proxy, err);
    if (result == 0)
        result = remotes_stage(proxy, err);
    return result < 0 ? result : confine_self(err);
}

/* For coding-agents doctor: what makes a proxy fail to start on a machine, tried on one that serves
 * nobody. */
static int check(void)
{
    struct error err = ERROR_INITIALIZER;
    int result = start_libraries(&err);
    if (result == 0)
        result = confine_memory(&err);
    if (result == 0)
        result = confine_self(&err);
    if (result < 0)
        diagnostic_print("coding-agents-git-proxy: %s\n", error_text(&err));
    return result < 0 ? EXIT_AUDIT : 0;
}

int main(int argc, char **argv)
{
    static struct exchange exchanges[PROXY_EXCHANGES];
    static struct proxy proxy;
    static const struct argp_child children[] = {{&keeper_child_argp, 0, NULL, 0}, {0}};
    static const struct argp parser = {
        .options = options,
        .parser = parse_option,
        .children = children,
        .doc =
            "Takes the git of one session to its https remotes. Started by coding-agents-keeper.",
    };
    struct error err = ERROR_INITIALIZER;
    proxy.child.keeper = proxy.outside = proxy.listener = -1;
    proxy.exchanges = exchanges;
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &proxy);
    if (proxy.is_check)
        return check();
    int result = prepare(&proxy, &err);
    keeper_tell_outcome(proxy.child.keeper, result, &err);
    if (result == 0)
        result = serve_run(&proxy);
    serve_close(&proxy);
    remotes_free(&proxy);
    return result == 0 || result == -ENOENT ? 0 : EXIT_AUDIT;
}
