/* Reads the report of a push as it passes. */
#include "host-shim/git-proxy/push_report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void push_report_begin(struct push_report *report, bool has_side_band,
                       void (*take)(void *context, const char *ref), void *context)
{
    *report = (struct push_report){
        .has_side_band = has_side_band, .band = -1, .take = take, .context = context};
}

static void end_line(struct push_report *report)
{
    static const char word[] = "ok ";
    size_t size = report->line_used;
    report->line_used = 0;
    if (size > 0 && size <= sizeof(report->line) && report->line[size - 1] == '\n')
        size--;
    if (size >= sizeof(report->line) || size <= strlen(word) ||
        memcmp(report->line, word, strlen(word)) != 0)
        return;
    report->line[size] = '\0';
    if (strlen(report->line) == size)
        report->take(report->context, report->line + strlen(word));
}

/* True when BYTE was of the head of a line, whose length is known once that is whole. */
static bool take_head(struct push_report *report, struct push_report_stream *stream, char byte)
{
    struct pkt_line line;
    if (stream->left > 0)
        return false;
    stream->head[stream->head_used++] = byte;
    if (stream->head_used < PKT_LINE_HEAD)
        return true;
    stream->head_used = 0;
    /* A flush is 0000; one that is not whole yet says how long it will be. */
    ssize_t length = pkt_line_read(stream->head, PKT_LINE_HEAD, &line);
    if (length == -EAGAIN) {
        char digits[PKT_LINE_HEAD + 1] = {0};
        memcpy(digits, stream->head, PKT_LINE_HEAD);
        stream->left = strtoul(digits, NULL, 16) - PKT_LINE_HEAD;
    }
    report->is_broken |= length == -EPROTO;
    return true;
}

static void take_inner(struct push_report *report, char byte)
{
    struct push_report_stream *stream = &report->inner;
    if (take_head(report, stream, byte))
        return;
    if (report->line_used < sizeof(report->line))
        report->line[report->line_used] = byte;
    report->line_used++;
    if (--stream->left == 0)
        end_line(report);
}

static void take_outer(struct push_report *report, char byte)
{
    struct push_report_stream *stream = &report->outer;
    if (take_head(report, stream, byte)) {
        report->band = -1;
        return;
    }
    stream->left--;
    if (report->band < 0)
        report->band = (unsigned char)byte;
    else if (report->band == 1)
        take_inner(report, byte);
}

void push_report_feed(struct push_report *report, const char *data, size_t size)
{
    for (size_t i = 0; i < size && !report->is_broken; i++) {
        if (report->has_side_band)
            take_outer(report, data[i]);
        else
            take_inner(report, data[i]);
    }
}
