/* Fuzzes the environment that a caller brings: what a command gets of it passes the policy, is a
 * variable, and the first of its name. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "sandbox/agent-task-sandbox/variables.h"
#include "tests/fuzz/fuzz.h"

#define STRINGS_MAX 512

static const char policy_text[] = "{\"version\": 1, \"profiles\": {\"default\": {\"network\": "
                                  "\"inherit\", \"linger_seconds\": 0, "
                                  "\"warm\": 0}}, \"environment\": {\"keep\": [\"A_KEY\"], "
                                  "\"scrub\": [\"*_KEY\", \"LD_*\", \"B?\"], "
                                  "\"set\": {\"SET\": \"value\", \"HOME\": \"/elsewhere\"}}}";

static const struct policy *load(void)
{
    static struct policy *policy;
    char path[] = "/tmp/fuzz-variables-XXXXXX";
    const char *const files[] = {path, NULL};
    struct error err = ERROR_INITIALIZER;

    if (policy != NULL)
        return policy;
    cleanup_fd int fd = mkstemp(path);
    fuzz_require(write(fd, policy_text, strlen(policy_text)) == (ssize_t)strlen(policy_text));
    fuzz_require(policy_load(files, NULL, &policy, &err) == 0);
    unlink(path);
    return policy;
}

static bool has_name(const char *text, const char *name, size_t length)
{
    return strncmp(text, name, length) == 0 && text[length] == '=';
}

/* ITEM is the policy's or the user's, whatever was given. */
static bool is_own(const char *item)
{
    static const char *const own[] = {"HOME=/home/somebody", "USER=somebody", "LOGNAME=somebody",
                                      "SET=value", "SHELL=/bin/bash"};

    for (size_t i = 0; i < ARRAY_LENGTH(own); i++)
        if (strcmp(item, own[i]) == 0)
            return true;
    return false;
}

static void check_item(const struct policy *policy, char *const *given, size_t count,
                       const char *item)
{
    size_t length = strcspn(item, "=");

    fuzz_require(length > 0 && item[length] == '=');
    if (is_own(item))
        return;
    fuzz_require(policy_passes_variable(policy, item, length) || has_name(item, "SHELL", 5));
    for (size_t i = 0; i < count; i++) {
        if (!has_name(given[i], item, length))
            continue;
        fuzz_require(strcmp(given[i], item) == 0);
        return;
    }
    fuzz_require(false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct policy *policy = load();
    const struct user user = {.name = "somebody", .home = "/home/somebody"};
    struct variables variables;
    char *given[STRINGS_MAX];
    size_t count = 0;
    cleanup_free char *text = malloc(size + 1);

    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    for (char *at = text; at <= text + size && count < STRINGS_MAX; at += strlen(at) + 1)
        given[count++] = at;
    fuzz_require(variables_make(policy, &user, given, count, &variables) == 0);
    size_t found = 0;
    for (; variables.items[found] != NULL; found++) {
        check_item(policy, given, count, variables.items[found]);
        for (size_t i = 0; i < found; i++)
            fuzz_require(!has_name(variables.items[i], variables.items[found],
                                   strcspn(variables.items[found], "=")));
    }
    fuzz_require(found >= 5 && found <= count + 5);
    fuzz_require(strcmp(variables_get(&variables, "HOME"), "/home/somebody") == 0);
    variables_release(&variables);
    return 0;
}
