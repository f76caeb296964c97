/*
 * git-credential-coding-agents: what git of a session asks for the credential of a URL whose
 * credential the user lets commands have. It asks the git proxy on the host, and keeps nothing.
 * git-credential-coding-agents(1)
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/diagnostic.h"
#include "lib/base/exit_codes.h"
#include "lib/base/fd.h"
#include "lib/wire/git_access.h"

/* As much as the proxy takes, and as a credential has. */
#define QUESTION_MAX 8192
#define ANSWER_MAX ((size_t)16 * 1024)
/* Somebody may be asked, on the host. */
#define ANSWER_SECONDS 70L

struct answer {
    char text[ANSWER_MAX + 1];
    size_t size;
};

static size_t take(char *data, size_t unit, size_t count, void *context)
{
    struct answer *answer = context;
    size_t size = unit * count;
    if (size > ANSWER_MAX - answer->size)
        return 0;
    memcpy(answer->text + answer->size, data, size);
    answer->size += size;
    return size;
}

/* The status of the answer to SIZE bytes at QUESTION, or -errno. */
static long ask(const char *question, size_t size, struct answer *answer, struct error *err)
{
    long status = 0;
    CURL *easy = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: text/plain");
    if (easy == NULL || headers == NULL)
        return error_set(err, ENOMEM, "ask the git proxy");
    curl_easy_setopt(easy, CURLOPT_URL, GIT_ACCESS_BASE GIT_ACCESS_CREDENTIAL);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, ANSWER_SECONDS);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, question);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)size);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
    CURLcode code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
    return code == CURLE_OK
               ? status
               : error_set(err, EIO, "ask the git proxy: %s", curl_easy_strerror(code));
}

static int get(struct error *err)
{
    static struct answer answer;
    cleanup_free char *question = NULL;
    size_t size = 0;
    int result = fd_read_all(STDIN_FILENO, QUESTION_MAX, &question, &size);
    if (result < 0)
        return error_set(err, -result, "read the question");
    long status = ask(question, size, &answer, err);
    if (status < 0)
        return (int)status;
    if (status != 200)
        return error_set(err, EACCES, "%.*s", (int)strcspn(answer.text, "\n"), answer.text);
    result = fd_write_all(STDOUT_FILENO, answer.text, answer.size);
    return result < 0 ? error_set(err, -result, "write the answer") : 0;
}

int main(int argc, char **argv)
{
    struct error err = ERROR_INITIALIZER;
    if (argc != 2) {
        diagnostic_print("usage: git-credential-coding-agents get\n");
        return EXIT_USAGE;
    }
    /* There is nothing to store or to erase: gitcredentials(7), what is not known is ignored. */
    if (strcmp(argv[1], "get") != 0)
        return 0;
    if (get(&err) == 0)
        return 0;
    diagnostic_say(error_text(&err), NULL);
    return 1;
}
