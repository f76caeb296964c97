/* Follows the grammar of ECMA-48 byte by byte and passes on what is on its lists. */
#include "lib/host/screen_filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/host/printable.h"

#define BELL 0x07
#define CANCEL 0x18
#define SUBSTITUTE 0x1a
#define ESCAPE 0x1b

/* Modes that drawing needs, of the terminal's own (CSI ? N h) and of the standard (CSI N h). */
static const long private_modes[] = {1,    7,    12,   25,   47,   1000, 1002, 1003,
                                     1004, 1005, 1006, 1047, 1048, 1049, 2004, 2026};
static const long standard_modes[] = {4, 34};
static const long alternate_modes[] = {47, 1047, 1049};

struct control {
    const char *before; /* the private marker */
    const char *after;  /* the intermediate byte */
    const char *finals;
};

/* Cursor, erasing, inserting, scrolling, tabs, colours, region; soft reset, shape of the cursor. */
static const struct control controls[] = {
    {"", "", "@ABCDEFGHIJKLMPSTXZ`adefgmrsu"},
    {"?", "", "JK"},
    {">", "", "m"},
    {"", " ", "q"},
    {"", "!", "p"},
};

/* Keypad, cursor saved and restored, index, next line, tab; what selects a character set. */
static const char plain_escapes[] = "78=>DEHM";
static const char set_selectors[] = "()*+";
static const char sets[] = "0AB";

static bool has_byte(const char *list, unsigned char byte)
{
    return byte != '\0' && strchr(list, byte) != NULL;
}

static bool has_mode(const long *modes, size_t count, long mode)
{
    for (size_t i = 0; i < count; i++) {
        if (modes[i] == mode)
            return true;
    }
    return false;
}

/* True when every mode of TEXT, "N;N;...", is one of MODES. */
static bool are_modes(const char *text, const long *modes, size_t count)
{
    for (;;) {
        char *end = NULL;
        long mode = strtol(text, &end, 10);
        if (!has_byte("0123456789", (unsigned char)*text) || !has_mode(modes, count, mode))
            return false;
        if (*end == '\0')
            return true;
        if (*end != ';')
            return false;
        text = end + 1;
    }
}

/* CSI ... h and l. */
static bool passes_modes(struct screen_filter *filter, const char *parameters, bool is_set)
{
    if (parameters[0] != '?')
        return are_modes(parameters, standard_modes, ARRAY_LENGTH(standard_modes));
    if (!are_modes(parameters + 1, private_modes, ARRAY_LENGTH(private_modes)))
        return false;
    for (const char *text = parameters; text != NULL; text = strchr(text + 1, ';')) {
        if (has_mode(alternate_modes, ARRAY_LENGTH(alternate_modes), strtol(text + 1, NULL, 10)))
            filter->is_alternate = is_set;
    }
    return true;
}

/* A whole control sequence: ESC [ marker, parameters, intermediate, final. */
static bool passes_control(struct screen_filter *filter)
{
    char text[SCREEN_FILTER_SEQUENCE];
    size_t length = filter->size - 3;
    unsigned char final = filter->sequence[filter->size - 1];
    memcpy(text, filter->sequence + 2, length);
    text[length] = '\0';
    if (final == 'h' || final == 'l')
        return passes_modes(filter, text, final == 'h');
    size_t before = length > 0 && has_byte("<=>?", (unsigned char)text[0]) ? 1 : 0;
    size_t after = before + strspn(text + before, "0123456789;:");
    for (size_t i = 0; i < ARRAY_LENGTH(controls); i++) {
        if (strlen(controls[i].before) == before &&
            strncmp(controls[i].before, text, before) == 0 &&
            strcmp(controls[i].after, text + after) == 0 && has_byte(controls[i].finals, final))
            return true;
    }
    return false;
}

static bool passes_escape(const struct screen_filter *filter)
{
    const unsigned char *bytes = filter->sequence;
    if (filter->size == 2)
        return has_byte(plain_escapes, bytes[1]);
    return filter->size == 3 && has_byte(set_selectors, bytes[1]) && has_byte(sets, bytes[2]);
}

static void append(struct screen_filter *filter, unsigned char byte)
{
    if (filter->size < SCREEN_FILTER_SEQUENCE)
        filter->sequence[filter->size] = byte;
    if (filter->size <= SCREEN_FILTER_SEQUENCE)
        filter->size++;
}

static void begin(struct screen_filter *filter, enum screen_filter_state state, unsigned char byte)
{
    filter->state = state;
    filter->sequence[0] = byte;
    filter->size = 1;
}

/* The sequence is whole. Returns the bytes written. */
static size_t finish_sequence(struct screen_filter *filter, bool passes, char *output)
{
    filter->state = SCREEN_FILTER_GROUND;
    if (!passes)
        return 0;
    memcpy(output, filter->sequence, filter->size);
    return filter->size;
}

static size_t take_ground(struct screen_filter *filter, unsigned char byte, char *output)
{
    filter->state = SCREEN_FILTER_GROUND;
    output[0] = (char)byte;
    if (byte == ESCAPE) {
        begin(filter, SCREEN_FILTER_ESCAPE, byte);
        return 0;
    }
    if (byte >= 0xc2 && byte <= 0xf4) {
        begin(filter, SCREEN_FILTER_CHARACTER, byte);
        return 0;
    }
    if (byte >= 0x80)
        output[0] = '?';
    return byte >= ' ' ? byte != 0x7f : has_byte("\a\b\t\n\v\f\r\x0e\x0f", byte);
}

static size_t take_character(struct screen_filter *filter, unsigned char byte, char *output)
{
    unsigned int point = 0;
    unsigned char first = filter->sequence[0];
    size_t wanted = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if ((byte & 0xc0) != 0x80) {
        output[0] = '?';
        return 1 + take_ground(filter, byte, output + 1);
    }
    append(filter, byte);
    if (filter->size < wanted)
        return 0;
    bool is_text = printable_decode(filter->sequence, filter->size, &point) > 0 && point >= 0xa0;
    return finish_sequence(filter, is_text, output);
}

static size_t take_escape(struct screen_filter *filter, unsigned char byte, char *output)
{
    if (byte < ' ' || byte >= 0x7f)
        return take_ground(filter, byte, output);
    bool is_first = filter->size == 1;
    append(filter, byte);
    if (byte < '0')
        return 0;
    if (is_first && byte == '[') {
        filter->state = SCREEN_FILTER_CONTROL;
        return 0;
    }
    /* OSC, DCS, SOS, PM, APC, and the title of screen(1). */
    if (is_first && has_byte("]PX^_k", byte)) {
        filter->state = SCREEN_FILTER_STRING;
        return 0;
    }
    return finish_sequence(filter, passes_escape(filter), output);
}

static size_t take_control(struct screen_filter *filter, unsigned char byte, char *output)
{
    if (byte < ' ' || byte >= 0x7f)
        return take_ground(filter, byte, output);
    append(filter, byte);
    if (byte < '@')
        return 0;
    bool passes = filter->size <= SCREEN_FILTER_SEQUENCE && passes_control(filter);
    return finish_sequence(filter, passes, output);
}

/* Ends where any terminal ends one: what comes behind is looked at again. */
static size_t take_string(struct screen_filter *filter, unsigned char byte, char *output)
{
    if (byte == ESCAPE)
        return take_ground(filter, byte, output);
    if (byte == BELL || byte == CANCEL || byte == SUBSTITUTE)
        filter->state = SCREEN_FILTER_GROUND;
    return 0;
}

size_t screen_filter_run(struct screen_filter *filter, const void *input, size_t size, char *output)
{
    static size_t (*const takers[])(struct screen_filter *, unsigned char, char *) = {
        [SCREEN_FILTER_GROUND] = take_ground, [SCREEN_FILTER_CHARACTER] = take_character,
        [SCREEN_FILTER_ESCAPE] = take_escape, [SCREEN_FILTER_CONTROL] = take_control,
        [SCREEN_FILTER_STRING] = take_string,
    };
    const unsigned char *bytes = input;
    size_t total = 0;
    for (size_t i = 0; i < size; i++)
        total += takers[filter->state](filter, bytes[i], output + total);
    return total;
}

size_t screen_filter_finish(struct screen_filter *filter, char output[SCREEN_FILTER_RESET_SIZE])
{
    /* The region goes home with the cursor, which is saved and restored around it. */
    int length =
        snprintf(output, SCREEN_FILTER_RESET_SIZE,
                 "%s\x1b[m\x1b(B\x0f\x1b"
                 "7\x1b[r\x1b"
                 "8\x1b[4l\x1b[?7h\x1b[?25h\x1b[?1l\x1b>\x1b[>4m\x1b[?1000l\x1b[?1002l\x1b[?1003l"
                 "\x1b[?1004l\x1b[?1005l\x1b[?1006l\x1b[?2004l\x1b[?2026l",
                 filter->is_alternate ? "\x1b[?1049l" : "");
    *filter = (struct screen_filter){.state = SCREEN_FILTER_GROUND};
    return (size_t)length;
}
