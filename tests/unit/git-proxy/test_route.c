/* Which requests are git's, for a remote of the session. */
#include <string.h>

#include "host-shim/git-proxy/route.h"
#include "lib/base/cleanup.h"
#include "tests/unit/wire/support.h"

#define UPLOAD "git-upload-pack"

static char origin[] = "origin.git";
static char more[] = "origin2.git";
static char origin_url[] = "https://host/project";
static char more_url[] = "https://host/other.git";
static struct git_access_remote remotes[] = {{origin, origin_url}, {more, more_url}};
static const struct git_access served = {.remotes = remotes, .remote_count = 2};

static struct route find(const char *method, const char *path, const char *service, size_t count)
{
    const struct route_request request = {
        .method = method, .path = path, .service = service, .argument_count = count};
    return route_find(&served, &request);
}

static void finds_what_git_asks(void **state)
{
    (void)state;
    struct route route = find("GET", "/origin.git/info/refs", UPLOAD, 1);
    assert_int_equal(route.kind, ROUTE_REFS);
    assert_int_equal(route.service, ROUTE_UPLOAD_PACK);
    assert_int_equal(route.remote, 0);
    route = find("POST", "/origin2.git/git-receive-pack", NULL, 0);
    assert_int_equal(route.kind, ROUTE_EXCHANGE);
    assert_int_equal(route.service, ROUTE_RECEIVE_PACK);
    assert_int_equal(route.remote, 1);
    assert_int_equal(find("POST", "/credential", NULL, 0).kind, ROUTE_CREDENTIAL);
}

static void refuses_everything_else(void **state)
{
    (void)state;
    static const struct route_request requests[] = {
        {"POST", "/origin.git/info/refs", UPLOAD, 1},
        {"HEAD", "/origin.git/info/refs", UPLOAD, 1},
        {"GET", "/origin.git/info/refs", NULL, 0},
        {"GET", "/origin.git/info/refs", "git-upload-archive", 1},
        {"GET", "/origin.git/info/refs", UPLOAD, 2},
        {"GET", "/origin.git/info/refs/", UPLOAD, 1},
        {"GET", "/origin.git//info/refs", UPLOAD, 1},
        {"GET", "//origin.git/info/refs", UPLOAD, 1},
        {"GET", "origin.git/info/refs", UPLOAD, 1},
        {"GET", "/origin.git/../x/info/refs", UPLOAD, 1},
        {"GET", "/origin.git/HEAD", NULL, 0},
        {"GET", "/origin/info/refs", UPLOAD, 1},
        {"GET", "/", NULL, 0},
        {"POST", "/origin.git/git-upload-pack", UPLOAD, 1},
        {"POST", "/origin.git/git-upload-archive", NULL, 0},
        {"POST", "/origin.gitx/git-upload-pack", NULL, 0},
        {"GET", "/credential", NULL, 0},
        {"POST", "/credential/", NULL, 0},
        {"GET", "/origin.git%0d%0aX:y/info/refs", UPLOAD, 1},
        {"GET", "/origin.git\r\nX: y/info/refs", UPLOAD, 1},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(requests); i++) {
        if (route_find(&served, &requests[i]).kind != ROUTE_REFUSED)
            fail_msg("%s %s", requests[i].method, requests[i].path);
    }
}

/* Whatever is asked, so that what asks can say why it gets nothing. */
static void knows_lfs_of_a_remote(void **state)
{
    static const char *const paths[] = {"/origin2.git/info/lfs", "/origin2.git/info/lfs/",
                                        "/origin2.git/info/lfs/objects/batch",
                                        "/origin2.git/info/lfs/locks/verify"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        struct route route = find("POST", paths[i], NULL, 0);
        assert_int_equal(route.kind, ROUTE_LFS);
        assert_int_equal(route.remote, 1);
    }
    assert_int_equal(find("GET", paths[0], "x", 3).kind, ROUTE_LFS);
    assert_int_equal(find("POST", "/origin2.git/info/lfsx", NULL, 0).kind, ROUTE_REFUSED);
    assert_int_equal(find("POST", "/other.git/info/lfs/objects/batch", NULL, 0).kind,
                     ROUTE_REFUSED);
}

/* https://host/projects is no remote, and git's insteadOf took it for one. */
static void sends_elsewhere_what_only_begins_like_a_remote(void **state)
{
    (void)state;
    struct route route = find("GET", "/origin.gits/info/refs", UPLOAD, 1);
    assert_int_equal(route.kind, ROUTE_ELSEWHERE);
    assert_int_equal(route.remote, 0);
    assert_string_equal(route.elsewhere, "s/info/refs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_git_asks),
        cmocka_unit_test(refuses_everything_else),
        cmocka_unit_test(knows_lfs_of_a_remote),
        cmocka_unit_test(sends_elsewhere_what_only_begins_like_a_remote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
