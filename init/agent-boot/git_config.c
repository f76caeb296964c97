/* Renders configuration lines with git's own quoting. */
#include "init/agent-boot/git_config.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int append(struct git_config *config, const char *text, size_t length)
{
    if (config->size + length + 1 > config->capacity) {
        size_t capacity = (config->size + length + 1) * 2 + 1024;
        char *larger = realloc(config->text, capacity);
        if (larger == NULL)
            return -ENOMEM;
        config->text = larger;
        config->capacity = capacity;
    }
    memcpy(config->text + config->size, text, length);
    config->size += length;
    config->text[config->size] = '\0';
    return 0;
}

static int append_text(struct git_config *config, const char *text)
{
    return append(config, text, strlen(text));
}

/* In quotes, '"' and '\' are escaped; in values newline, tab and backspace have names. */
static int append_quoted(struct git_config *config, const char *text, size_t length)
{
    int result = append_text(config, "\"");
    for (size_t i = 0; result == 0 && i < length; i++) {
        const char *escaped = text[i] == '"'    ? "\\\""
                              : text[i] == '\\' ? "\\\\"
                              : text[i] == '\n' ? "\\n"
                              : text[i] == '\t' ? "\\t"
                              : text[i] == '\b' ? "\\b"
                                                : NULL;
        result = escaped == NULL ? append(config, text + i, 1) : append_text(config, escaped);
    }
    return result < 0 ? result : append_text(config, "\"");
}

static bool is_name(const char *text, size_t length)
{
    if (length == 0 || !isalpha((unsigned char)text[0]))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)text[i]) && text[i] != '-')
            return false;
    }
    return true;
}

int git_config_add(struct git_config *config, const char *key, const char *value, struct error *err)
{
    const char *first = strchr(key, '.');
    const char *last = strrchr(key, '.');
    if (first == NULL || !is_name(key, (size_t)(first - key)) ||
        !is_name(last + 1, strlen(last + 1)))
        return error_set(err, EINVAL, "'%.200s' is not a git configuration key", key);
    bool has_subsection = first != last;
    if (has_subsection && memchr(first, '\n', (size_t)(last - first)) != NULL)
        return error_set(err, EINVAL, "'%.200s' is not a git configuration key", key);
    int result = append_text(config, "[");
    if (result == 0)
        result = append(config, key, (size_t)(first - key));
    if (result == 0 && has_subsection)
        result = append_text(config, " ");
    if (result == 0 && has_subsection)
        result = append_quoted(config, first + 1, (size_t)(last - first - 1));
    if (result == 0)
        result = append_text(config, "]\n\t");
    if (result == 0)
        result = append_text(config, last + 1);
    if (result == 0)
        result = append_text(config, " = ");
    if (result == 0)
        result = append_quoted(config, value, strlen(value));
    if (result == 0)
        result = append_text(config, "\n");
    return result < 0 ? error_set(err, -result, "render git configuration") : 0;
}
