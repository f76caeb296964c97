/*
 * What came of a push, as the other end says it (gitprotocol-pack(5), "Report Status"): pkt-lines,
 * in band 1 of a multiplexed answer or bare. Looked at as it passes; nothing of it is kept but the
 * refs that were taken.
 */
#ifndef GIT_PROXY_PUSH_REPORT_H
#define GIT_PROXY_PUSH_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "host-shim/git-proxy/pkt_line.h"
#include "host-shim/git-proxy/push_list.h"

/* One line of the report that matters: "ok REF". Longer ones say why a ref was not taken. */
#define PUSH_REPORT_LINE (PUSH_REF_SIZE + 16)

/* A stream of pkt-lines, byte by byte. */
struct push_report_stream {
    char head[PKT_LINE_HEAD];
    size_t head_used;
    size_t left; /* of the line that is being read */
};

struct push_report {
    bool has_side_band;
    bool is_broken; /* it is no such report: nothing more of it counts */
    struct push_report_stream outer;
    int band; /* of the outer line; -1: its byte has not come */
    struct push_report_stream inner;
    char line[PUSH_REPORT_LINE];
    size_t line_used; /* more than fits is counted, not kept */
    /* REF was taken; borrowed for the call. */
    void (*take)(void *context, const char *ref);
    void *context;
};

/* Makes REPORT one of an answer with or without bands. */
void push_report_begin(struct push_report *report, bool has_side_band,
                       void (*take)(void *context, const char *ref), void *context);
/* The next SIZE bytes of the answer. */
void push_report_feed(struct push_report *report, const char *data, size_t size);

#endif
