/* Fuzzes the file of secrets that have names: in what is taken for one each line has a name of its
 * own and a value, and what is said of any other never has what stands in it. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/host/named_secrets.h"
#include "tests/fuzz/fuzz.h"

static int check(const struct variable *variable, void *context, struct error *err)
{
    const char *text = context;
    (void)err;
    fuzz_require(variable->name >= text && variable->name[variable->name_size] == '=');
    fuzz_require(variable->value == variable->name + variable->name_size + 1);
    fuzz_require(variable->value_size > 0 && variable->line > 0);
    fuzz_require(memchr(variable->value, '\n', variable->value_size) == NULL);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = ERROR_INITIALIZER;
    cleanup_free char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (named_secrets_check(text, size, &err) < 0) {
        fuzz_require(err.message[0] != '\0');
        return 0;
    }
    fuzz_require(variables_each(text, size, check, text, &err) == 0);
    return 0;
}
