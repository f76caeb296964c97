/* The image a session runs: always by id, so that nothing can change between the decision and the
 * start. */
#ifndef LAUNCH_IMAGE_H
#define LAUNCH_IMAGE_H

#include "host-shim/launch/options.h"

struct image {
    const char *agent;   /* borrowed; whose session it is for */
    char id[512];        /* "sha256:..."; of a dry run without the image: its reference */
    char reference[512]; /* what was asked for, for people */
    char digest[80];     /* the registry's "sha256:...", "" for a local image */
};

/*
 * Finds the image for the options: --image, images.lock, a local build of this version, or a build
 * from the installed source, which is announced. Pulls by digest only. A digest that is not there,
 * or a label that says another wire version, is refused. 0 or -errno.
 */
int image_resolve(const struct launch_options *options, struct image *image, struct error *err);

#endif
