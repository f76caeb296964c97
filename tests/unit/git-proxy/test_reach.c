/* How the host's git reaches a remote, as a real git says it of a real configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "host-shim/git-proxy/git_proxy.h"
#include "lib/base/cleanup.h"
#include "lib/base/process.h"

static char directory[] = "/tmp/test-reach-XXXXXX";
static char here[] = "https://host.invalid/x.git";
static char there[] = "https://other.invalid:8443/y.git";

static void run(const char *const *argv)
{
    const struct process_spec spec = {
        .argv = argv, .standard_input = -1, .standard_output = -1, .standard_error = -1};
    struct process_result result = {.output = NULL};
    struct error err = ERROR_INITIALIZER;
    assert_int_equal(process_run(&spec, &result, &err), 0);
    assert_true(process_is_success(result.wait_status));
    process_result_free(&result);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* A repository in the working directory; what the user has is in `global`, and who vouches in
 * `authorities`. */
static int set_up_all(void **state)
{
    static const char *const variables[] = {"GIT_SSL_CAINFO",    "GIT_SSL_CERT", "GIT_SSL_KEY",
                                            "GIT_SSL_NO_VERIFY", "https_proxy",  "HTTPS_PROXY",
                                            "all_proxy",         "ALL_PROXY"};
    static const char *const init[] = {"git", "init", "-q", ".", NULL};
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(variables); i++)
        unsetenv(variables[i]);
    assert_true(sodium_init() >= 0);
    assert_non_null(mkdtemp(directory));
    assert_int_equal(chdir(directory), 0);
    setenv("HOME", directory, 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    setenv("GIT_CONFIG_GLOBAL", "global", 1);
    write_text("global", "");
    write_text("authorities", "who vouches");
    run(init);
    return 0;
}

static int tear_down_all(void **state)
{
    static const char *const remove[] = {"rm", "-rf", directory, NULL};
    (void)state;
    assert_int_equal(chdir("/"), 0);
    run(remove);
    return 0;
}

/* Two remotes, of a user whose configuration is TEXT and names the authorities. */
static struct proxy *find_both(const char *text)
{
    struct proxy *proxy = calloc(1, sizeof(*proxy));
    struct error err = ERROR_INITIALIZER;
    char all[2048];
    assert_non_null(proxy);
    snprintf(all, sizeof(all), "[http]\nsslCAInfo = ~/authorities\n%s", text);
    write_text("global", all);
    proxy->repository = strdup(directory);
    assert_int_equal(git_identity_of(directory, &proxy->identity, &err), 0);
    proxy->upstream_count = 2;
    proxy->upstreams[0] = (struct upstream){.url = here, .host = "host.invalid"};
    proxy->upstreams[1] = (struct upstream){.url = there, .host = "other.invalid"};
    reach_ask(proxy);
    for (size_t i = 0; i < proxy->upstream_count; i++) {
        reach_find(proxy, &proxy->upstreams[i]);
        assert_string_equal(proxy->upstreams[i].authorities, "who vouches");
    }
    return proxy;
}

static void let_go(struct proxy *proxy)
{
    remotes_free(proxy);
    free(proxy);
}

static void takes_what_is_for_all_from_one_question(void **state)
{
    (void)state;
    struct proxy *proxy = find_both("proxy = first:1\nproxy = http://second.invalid\n");
    assert_true(proxy->settings.is_for_all);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(proxy->upstreams[i].proxy, "http://second.invalid");
        assert_string_equal(proxy->upstreams[i].proxy_host, "second.invalid");
        assert_string_equal(proxy->upstreams[i].proxy_port, "1080");
        assert_false(proxy->upstreams[i].is_unverified);
        assert_string_equal(proxy->upstreams[i].trouble, "");
        assert_null(proxy->upstreams[i].certificate.data);
    }
    let_go(proxy);
}

static void asks_for_each_where_something_is_for_one(void **state)
{
    (void)state;
    struct proxy *proxy = find_both("proxy = http://all.invalid:3128\n"
                                    "[http \"https://other.invalid:8443\"]\nproxy =\n"
                                    "[http \"https://host.invalid/\"]\nsslVerify = NO\n");
    assert_false(proxy->settings.is_for_all);
    assert_string_equal(proxy->upstreams[0].proxy, "http://all.invalid:3128");
    assert_string_equal(proxy->upstreams[0].proxy_port, "3128");
    assert_true(proxy->upstreams[0].is_unverified);
    /* None at all, which is not the same as none that is configured. */
    assert_string_equal(proxy->upstreams[1].proxy, "");
    assert_string_equal(proxy->upstreams[1].proxy_host, "");
    assert_false(proxy->upstreams[1].is_unverified);
    let_go(proxy);
}

static void knows_what_git_takes_for_no(void **state)
{
    static const struct {
        const char *text;
        bool is_unverified;
    } tries[] = {
        {"sslVerify = false\n", true}, {"sslVerify = 0\n", true}, {"sslVerify = off\n", true},
        {"sslVerify = true\n", false}, {"sslVerify\n", false},    {"sslVerify = 1\n", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(tries); i++) {
        struct proxy *proxy = find_both(tries[i].text);
        assert_int_equal(proxy->upstreams[0].is_unverified, tries[i].is_unverified);
        let_go(proxy);
    }
    setenv("GIT_SSL_NO_VERIFY", "1", 1);
    struct proxy *proxy = find_both("sslVerify = true\n");
    assert_true(proxy->upstreams[0].is_unverified);
    let_go(proxy);
    unsetenv("GIT_SSL_NO_VERIFY");
}

static void reads_a_certificate_and_its_key(void **state)
{
    (void)state;
    write_text("both", "certificate and key");
    write_text("key", "key alone");
    write_text("locked", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n");
    struct proxy *proxy = find_both("sslCert = ~/both\n");
    assert_memory_equal(proxy->upstreams[1].certificate.data, "certificate and key", 19);
    assert_memory_equal(proxy->upstreams[1].key.data, "certificate and key", 19);
    assert_string_equal(proxy->upstreams[1].trouble, "");
    let_go(proxy);

    proxy = find_both("sslCert = ~/both\nsslKey = ~/key\n");
    assert_int_equal(proxy->upstreams[0].key.size, 9);
    assert_memory_equal(proxy->upstreams[0].key.data, "key alone", 9);
    let_go(proxy);

    /* The variable stands before the setting, as in git. */
    setenv("GIT_SSL_KEY", "locked", 1);
    proxy = find_both("sslCert = ~/both\nsslKey = ~/key\n");
    assert_non_null(strstr(proxy->upstreams[0].trouble, "'locked' wants a passphrase"));
    let_go(proxy);
    unsetenv("GIT_SSL_KEY");
}

static void says_why_a_certificate_cannot_be_used(void **state)
{
    (void)state;
    write_text("empty", "");
    write_text("large", "");
    assert_int_equal(truncate("large", 32 * 1024 + 1), 0);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    static const char *const names[] = {"gone", "empty", "large", "pipe"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        char text[128];
        snprintf(text, sizeof(text), "sslCert = ~/%s\n", names[i]);
        struct proxy *proxy = find_both(text);
        assert_non_null(strstr(proxy->upstreams[0].trouble, "the client certificate that git"));
        assert_non_null(strstr(proxy->upstreams[0].trouble, names[i]));
        let_go(proxy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_is_for_all_from_one_question),
        cmocka_unit_test(asks_for_each_where_something_is_for_one),
        cmocka_unit_test(knows_what_git_takes_for_no),
        cmocka_unit_test(reads_a_certificate_and_its_key),
        cmocka_unit_test(says_why_a_certificate_cannot_be_used),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
