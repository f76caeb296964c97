/* Escapes what an agent named or wrote before a terminal or a JSON reader sees it. */
#include "lib/host/printable.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/cleanup.h"

struct point_range {
    unsigned int first;
    unsigned int last;
};

/* What a terminal obeys, and what makes text look like other text. */
static const struct point_range hazards[] = {
    {0x0000, 0x001f},   /* C0 */
    {0x007f, 0x009f},   /* DEL, C1 */
    {0x00ad, 0x00ad},   /* soft hyphen */
    {0x061c, 0x061c},   /* Arabic letter mark */
    {0x180e, 0x180e},   /* Mongolian vowel separator */
    {0x200b, 0x200f},   /* zero width, direction marks */
    {0x2028, 0x202e},   /* line and paragraph separators, embeddings and overrides */
    {0x2060, 0x206f},   /* invisible operators, isolates */
    {0xfeff, 0xfeff},   /* byte order mark */
    {0xfff9, 0xfffb},   /* annotations */
    {0xe0000, 0xe0fff}, /* tags, variation selectors */
};

bool printable_is_hazard(unsigned int point)
{
    for (size_t i = 0; i < ARRAY_LENGTH(hazards); i++) {
        if (point >= hazards[i].first && point <= hazards[i].last)
            return true;
    }
    return false;
}

size_t printable_decode(const unsigned char *bytes, size_t size, unsigned int *point)
{
    /* The smallest code point each length may carry: a smaller one is overlong. */
    static const unsigned int smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = bytes[0];
    if (first < 0x80) {
        *point = first;
        return 1;
    }
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || length > size)
        return 0;
    unsigned int value = first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (bytes[i] & 0x3fu);
    }
    if (value < smallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *point = value;
    return length;
}

static size_t escape_bytes(char *out, const unsigned char *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[i * 4] = '\\';
        out[i * 4 + 1] = 'x';
        out[i * 4 + 2] = digits[bytes[i] >> 4];
        out[i * 4 + 3] = digits[bytes[i] & 0xf];
    }
    return size * 4;
}

char *printable_text(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    char *text = size > (SIZE_MAX - 1) / 4 ? NULL : malloc(size * 4 + 1);
    if (text == NULL)
        return NULL;
    size_t used = 0;
    while (size > 0) {
        unsigned int point = 0;
        size_t length = printable_decode(at, size, &point);
        if (length == 0 || printable_is_hazard(point)) {
            length = length == 0 ? 1 : length;
            used += escape_bytes(text + used, at, length);
        } else {
            if (point == '\\')
                text[used++] = '\\';
            memcpy(text + used, at, length);
            used += length;
        }
        at += length;
        size -= length;
    }
    text[used] = '\0';
    return text;
}

void printable_print(FILE *file, const char *text)
{
    cleanup_free char *safe = printable_text(text, strlen(text));
    fputs(safe == NULL ? "?" : safe, file);
}

/* TEXT between OPEN and ', each ' in it as QUOTE. Owned by the caller. */
static char *quote(const char *text, const char *open, const char *quote)
{
    char *word = malloc(strlen(text) * strlen(quote) + strlen(open) + 2);
    if (word == NULL)
        return NULL;
    char *end = stpcpy(word, open);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\'')
            end = stpcpy(end, quote);
        else
            *end++ = *at;
    }
    memcpy(end, "'", 2);
    return word;
}

char *printable_word(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "%+,-./:@_";
    if (text[0] != '\0' && text[strspn(text, plain)] == '\0')
        return strdup(text);
    cleanup_free char *safe = printable_text(text, strlen(text));
    if (safe == NULL)
        return NULL;
    return strcmp(safe, text) == 0 ? quote(text, "'", "'\\''") : quote(safe, "$'", "\\'");
}

char *printable_last_line(const char *text)
{
    size_t end = text == NULL ? 0 : strlen(text);
    while (end > 0 && strchr("\r\n\t ", text[end - 1]) != NULL)
        end--;
    size_t start = end;
    while (start > 0 && strchr("\r\n", text[start - 1]) == NULL)
        start--;
    return end == start ? NULL : printable_text(text + start, end - start);
}

int printable_json_dump(const json_t *value, FILE *file)
{
    if (json_dumpf(value, file, JSON_SORT_KEYS | JSON_INDENT(2) | JSON_ENSURE_ASCII) < 0 ||
        fputc('\n', file) == EOF || fflush(file) == EOF)
        return -EIO;
    return 0;
}
