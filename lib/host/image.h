/* The image a session runs: always by id, so that nothing can change between the decision and the
 * start. */
#ifndef HOST_IMAGE_H
#define HOST_IMAGE_H

#include <stdbool.h>

#include "lib/base/error.h"

/* Which image is wanted. Strings are borrowed. */
struct image_request {
    const char *agent;
    const char *image; /* --image; NULL: the one for the agent */
    bool from_source;  /* build it, whatever there is */
    bool is_agreed;    /* a build is not asked about */
    bool is_dry_run;   /* nothing is fetched or built */
};

struct image {
    const char *agent;   /* borrowed; whose session it is for */
    char id[512];        /* "sha256:..."; of a dry run without the image: its reference */
    char reference[512]; /* what was asked for, for people */
    char digest[80];     /* the registry's "sha256:...", "" for a local image */
};

/*
 * Finds the image for REQUEST: --image, images.lock, a local build of this version for the agent or
 * for all agents, or a build from the installed source, which is announced. Pulls by digest only. A
 * digest that is not there, or a label that says another wire version, is refused. 0 or -errno.
 */
int image_resolve(const struct image_request *request, struct image *image, struct error *err);

#endif
