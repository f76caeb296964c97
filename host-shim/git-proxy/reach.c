/* Finds how git on the host would reach a remote: through whom, whom it believes, and as whom. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-shim/git-proxy/git_proxy.h"
#include "lib/base/cleanup.h"
#include "lib/base/diagnostic.h"
#include "lib/base/fd.h"

#define AUTHORITIES_BYTES_MAX (1024 * 1024)
/* A certificate with its chain; a key. In locked memory, of which there is little. */
#define CERTIFICATE_BYTES_MAX (32 * 1024)
/* curl's, for a proxy whose URL names none. */
#define DEFAULT_PROXY_PORT "1080"
#define GIT_MS 10000

/* PART of URL into TEXT of SIZE bytes; WITHOUT it when it has none. True, or it is no such URL. */
static bool take_part(CURLU *url, CURLUPart part, const char *without, char *text, size_t size)
{
    char *value = NULL;
    CURLUcode code = curl_url_get(url, part, &value, 0);
    int length = snprintf(text, size, "%s", code == CURLUE_OK ? value : without);
    curl_free(value);
    return text[0] != '\0' && length > 0 && (size_t)length < size;
}

bool reach_split(const char *text, const char *port, char host[256], char number[8])
{
    CURLU *url = curl_url();
    bool is_split = url != NULL &&
                    curl_url_set(url, CURLUPART_URL, text,
                                 CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME) == CURLUE_OK &&
                    take_part(url, CURLUPART_HOST, "", host, 256) &&
                    take_part(url, CURLUPART_PORT, port, number, 8);
    curl_url_cleanup(url);
    return is_split;
}

/* What `git config` says with ARGUMENTS on the host; nothing, when it has nothing to say. */
static struct host_settings ask_git(const struct proxy *proxy, const char *const *arguments)
{
    const struct git_call call = {.directory = proxy->repository,
                                  .identity = &proxy->identity,
                                  .arguments = arguments,
                                  .input = -1,
                                  .timeout_ms = GIT_MS};
    struct host_settings settings = {.text = NULL};
    struct process_result result = {.output = NULL};
    struct error err = ERROR_INITIALIZER;
    if (git_run_call(&call, &result, &err) == 0 && process_is_success(result.wait_status)) {
        settings.text = steal_pointer(&result.output);
        settings.size = result.output_size;
    }
    process_result_free(&result);
    return settings;
}

/* The entry behind AT, the first one for NULL; NULL behind the last. */
static const char *next_entry(const struct host_settings *settings, const char *at)
{
    const char *next = at == NULL ? settings->text : at + strlen(at) + 1;
    return next != NULL && next < settings->text + settings->size ? next : NULL;
}

/* git config(1), --null: "KEY\nVALUE", or "KEY" for what is true by being there. The last one
 * counts. "": it has no value; NULL: it is not set. */
static const char *find(const struct host_settings *settings, const char *key)
{
    const char *found = NULL;
    size_t length = strlen(key);
    for (const char *at = next_entry(settings, NULL); at != NULL; at = next_entry(settings, at)) {
        if (strncmp(at, key, length) == 0 && (at[length] == '\n' || at[length] == '\0'))
            found = at + length + (at[length] == '\n' ? 1 : 0);
    }
    return found;
}

/* Of one remote. All borrowed. */
struct question {
    const struct proxy *proxy;
    const char *url;
    const struct host_settings *settings;
};

/* git config(1), --type=path, which fails for settings that have no value, as some others may. */
static char *expand(const struct question *question, const char *key)
{
    const char *const arguments[] = {"config", "--type=path", "--get-urlmatch",
                                     key,      question->url, NULL};
    struct host_settings answer = ask_git(question->proxy, arguments);
    if (answer.text != NULL)
        answer.text[strcspn(answer.text, "\n")] = '\0';
    return answer.text;
}

/* As git has it: the variable before the setting, and what is empty is not set. Owned. */
static char *find_path(const struct question *question, const char *key, const char *variable)
{
    const char *path = getenv(variable);
    bool is_setting = path == NULL;
    if (is_setting)
        path = find(question->settings, key);
    if (path == NULL || path[0] == '\0')
        return NULL;
    return is_setting && (path[0] == '~' || path[0] == '%') ? expand(question, key) : strdup(path);
}

void reach_ask(struct proxy *proxy)
{
    static const char *const arguments[] = {"config",       "--null",   "--no-type",
                                            "--get-regexp", "^http\\.", NULL};
    struct host_settings *settings = &proxy->settings;
    *settings = ask_git(proxy, arguments);
    settings->is_for_all = true;
    for (const char *at = next_entry(settings, NULL); at != NULL; at = next_entry(settings, at)) {
        size_t length = strcspn(at, "\n");
        if (memchr(at + strlen("http."), '.', length - strlen("http.")) != NULL)
            settings->is_for_all = false;
    }
}

/* Without any the session goes on, and each request says why it is not passed on. */
static void load_authorities(const struct question *question, struct upstream *upstream)
{
    struct error err = ERROR_INITIALIZER;
    const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);
    cleanup_free char *own = find_path(question, "http.sslcainfo", "GIT_SSL_CAINFO");
    const char *path = own != NULL ? own : version->cainfo;
    if (path == NULL)
        path = "/etc/ssl/certs/ca-certificates.crt";
    if (fd_read_file(AT_FDCWD, path, AUTHORITIES_BYTES_MAX, &upstream->authorities,
                     &upstream->authorities_size, &err) == 0)
        return;
    diagnostic_print("coding-agents-git-proxy: the certificates for %s: %s\n", upstream->host,
                     error_text(&err));
    snprintf(upstream->trouble, sizeof(upstream->trouble),
             "the host has no certificates to know it by (docs/git.md)");
}

/* A file that may have a private key, into memory that is never swapped out. 0 or -errno. */
static int read_locked(const char *path, struct secret *secret, struct error *err)
{
    struct stat info;
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) < 0)
        return error_set(err, errno, "open '%s'", path);
    if (!S_ISREG(info.st_mode) || info.st_size == 0 || info.st_size > CERTIFICATE_BYTES_MAX)
        return error_set(err, EINVAL, "'%s' is no file of at most 32 KiB", path);
    int result = secret_make(secret, (size_t)info.st_size, true, err);
    if (result == 0 && read(fd, secret->data, secret->size) != (ssize_t)secret->size)
        result = error_set(err, EIO, "read '%s'", path);
    return result;
}

/* The certificate by which the remote knows the user. OpenSSL would ask for a passphrase at a
 * terminal, which nobody has here. */
static void load_certificate(const struct question *question, struct upstream *upstream)
{
    struct error err = ERROR_INITIALIZER;
    cleanup_free char *certificate = find_path(question, "http.sslcert", "GIT_SSL_CERT");
    cleanup_free char *own_key = find_path(question, "http.sslkey", "GIT_SSL_KEY");
    const char *key = own_key != NULL ? own_key : certificate;
    if (certificate == NULL)
        return;
    if (read_locked(certificate, &upstream->certificate, &err) < 0 ||
        read_locked(key, &upstream->key, &err) < 0)
        snprintf(upstream->trouble, sizeof(upstream->trouble),
                 "the client certificate that git on the host has for it: %.300s",
                 error_text(&err));
    else if (memmem(upstream->key.data, upstream->key.size, "ENCRYPTED", 9) != NULL)
        snprintf(upstream->trouble, sizeof(upstream->trouble),
                 "the key in '%.200s' wants a passphrase, which nobody can be asked for: set "
                 "http.sslKey to one without",
                 key);
}

/* As git_parse_maybe_bool of git's, but for numbers: only 0 is one that says no. */
static bool is_no(const char *value)
{
    static const char *const words[] = {"false", "no", "off", "0"};
    bool is_found = false;
    for (size_t i = 0; value != NULL && i < ARRAY_LENGTH(words); i++)
        is_found |= strcasecmp(value, words[i]) == 0;
    return is_found;
}

/* As curl itself looks for one; whether no_proxy excepts a host it decides when it connects. */
static void find_proxy(const struct host_settings *settings, struct upstream *upstream)
{
    static const char *const variables[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    const char *found = find(settings, "http.proxy");
    upstream->proxy = found == NULL ? NULL : strdup(found);
    for (size_t i = 0; found == NULL && i < ARRAY_LENGTH(variables); i++)
        found = getenv(variables[i]);
    if (found != NULL && found[0] != '\0')
        (void)reach_split(found, DEFAULT_PROXY_PORT, upstream->proxy_host, upstream->proxy_port);
}

void reach_find(const struct proxy *proxy, struct upstream *upstream)
{
    const char *const arguments[] = {"config", "--null",      "--no-type", "--get-urlmatch",
                                     "http",   upstream->url, NULL};
    struct host_settings own = {.text = NULL};
    const struct host_settings *settings = &proxy->settings;
    if (!settings->is_for_all) {
        own = ask_git(proxy, arguments);
        settings = &own;
    }
    find_proxy(settings, upstream);
    const struct question question = {.proxy = proxy, .url = upstream->url, .settings = settings};
    load_authorities(&question, upstream);
    load_certificate(&question, upstream);
    upstream->is_unverified =
        getenv("GIT_SSL_NO_VERIFY") != NULL || is_no(find(settings, "http.sslverify"));
    free(own.text);
}
