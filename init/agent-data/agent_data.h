/*
 * An agent's data on the container's side: laid into its home from an archive, and packed from
 * there again. Everything is done as the agent's own identity.
 */
#ifndef AGENT_DATA_AGENT_DATA_H
#define AGENT_DATA_AGENT_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/pack/pack.h"

/* One session's. Descriptors are owned by whoever fills it. */
struct agent_data {
    struct pack_label label; /* agent and session; counter of an export */
    unsigned char key[PACK_KEY_BYTES];
    struct pack_places places; /* what of the home it is */
    int home;
    int data; /* /run/agent-data/AGENT: SESSION while it is brought in, SESSION.json afterwards */
    int exports;   /* /run/agent-data-export/AGENT: SESSION.tar */
    uint64_t most; /* bytes of what is packed */
};

struct agent_data_report {
    size_t files;
    uint64_t bytes;
    size_t left_out;
    char manifest[PACK_DIGEST_SIZE]; /* of what was brought in */
};

/*
 * Reads the archive on FD and lays its files into the home: all of them, or none. What the archive
 * has beyond the places of the agent is left out. 0, or -errno: -EBADMSG says what is wrong with
 * it.
 */
int agent_data_lay(const struct agent_data *data, int fd, struct agent_data_report *report,
                   struct error *err);

/*
 * Packs what is in the agent's places and was not brought in as it is: SESSION.tar, whatever lay
 * there before; none when there is nothing. 0 or -errno; -E2BIG names what is too large.
 */
int agent_data_pack(const struct agent_data *data, struct agent_data_report *report,
                    struct error *err);

#endif
