/* Takes the command list of a push apart. */
#include "host-shim/git-proxy/push_list.h"

#include <errno.h>
#include <string.h>

#include "host-shim/git-proxy/pkt_line.h"
#include "lib/wire/manifest.h"

static const char prefix[] = "refs/";

bool push_is_nothing(const char *id)
{
    return id[strspn(id, "0")] == '\0';
}

/* The length of the object id that TEXT of SIZE bytes begins with, which a blank ends; 0: none. */
static size_t id_length(const char *text, size_t size)
{
    size_t length = 0;
    while (length < size && length < PUSH_OBJECT_SIZE &&
           strchr("0123456789abcdef", text[length]) != NULL && text[length] != '\0')
        length++;
    return (length == 40 || length == 64) && length < size && text[length] == ' ' ? length : 0;
}

/* What stands behind the first NUL is capabilities, in any line: so the other end reads it. */
static int take_ref(struct push_command *command, const char *text, size_t size, struct error *err)
{
    size_t length = strnlen(text, size);
    if (length == size && length > 0 && text[length - 1] == '\n')
        length--;
    if (length >= sizeof(command->ref) || length <= strlen(prefix) ||
        memcmp(text, prefix, strlen(prefix)) != 0)
        return error_set(err, EPROTO, "a ref of the push is no name below refs/");
    memcpy(command->ref, text, length);
    command->ref[length] = '\0';
    if (!manifest_is_branch(command->ref + strlen(prefix)))
        return error_set(err, EPROTO, "a ref of the push is no name that git would take");
    return 0;
}

static bool has_word(const char *text, size_t size, const char *word)
{
    size_t length = strlen(word);
    for (size_t at = 0; at + length <= size; at++) {
        bool begins = at == 0 || text[at - 1] == ' ' || text[at - 1] == '\0';
        bool ends = at + length == size || strchr(" \n", text[at + length]) != NULL;
        if (begins && ends && memcmp(text + at, word, length) == 0)
            return true;
    }
    return false;
}

static void take_capabilities(struct push_list *list, const char *text, size_t size)
{
    list->wants_report |=
        has_word(text, size, "report-status") || has_word(text, size, "report-status-v2");
    list->has_side_band |= has_word(text, size, "side-band-64k");
    list->has_options |= has_word(text, size, "push-options");
}

static int take_command(struct push_list *list, const struct pkt_line *line, struct error *err)
{
    struct push_command *command = &list->commands[list->count];
    size_t length = id_length(line->data, line->size);
    const char *second = line->data + length + 1;
    if (length == 0 || line->size < 2 * (length + 1) ||
        id_length(second, line->size - length - 1) != length)
        return error_set(err, EPROTO, "a line of the push is no command");
    memcpy(command->old_id, line->data, length);
    memcpy(command->new_id, second, length);
    command->old_id[length] = command->new_id[length] = '\0';
    const char *ref = second + length + 1;
    size_t rest = line->size - 2 * (length + 1);
    int result = take_ref(command, ref, rest, err);
    size_t used = strnlen(ref, rest);
    if (result == 0 && used < rest)
        take_capabilities(list, ref + used + 1, rest - used - 1);
    list->count += result == 0 ? 1 : 0;
    return result;
}

static bool begins_with(const struct pkt_line *line, const char *word)
{
    return line->size >= strlen(word) && memcmp(line->data, word, strlen(word)) == 0;
}

static int take_line(struct push_list *list, const struct pkt_line *line, struct error *err)
{
    if (begins_with(line, "shallow "))
        return 0;
    if (begins_with(line, "push-cert"))
        return error_set(err, EPROTO, "a signed push is not passed on: push without --signed");
    if (list->count == PUSH_COMMANDS_MAX)
        return error_set(err, EPROTO, "a push of more than %d refs is not passed on",
                         PUSH_COMMANDS_MAX);
    return take_command(list, line, err);
}

ssize_t push_list_parse(const char *data, size_t size, struct push_list *list, struct error *err)
{
    size_t used = 0;
    *list = (struct push_list){.count = 0};
    for (;;) {
        struct pkt_line line;
        ssize_t taken = pkt_line_read(data + used, size - used, &line);
        if (taken == -EAGAIN)
            return 0;
        if (taken < 0)
            return error_set(err, EPROTO, "the push does not begin as one");
        used += (size_t)taken;
        if (line.data == NULL)
            return (ssize_t)used;
        int result = take_line(list, &line, err);
        if (result < 0)
            return result;
    }
}
