/* Where a session's things lie inside the container; the mounts step makes them so. */
#ifndef BOOT_PLACES_H
#define BOOT_PLACES_H

#include "init/agent-boot/boot.h"
#include "lib/wire/redeem.h"

/* Root's alone (0700): nobody else needs to reach what lies below. */
#define PLACE_PRIVATE BOOT_RUN_DIRECTORY "/private"
#define PLACE_MANIFEST PLACE_PRIVATE "/manifest.json"
#define PLACE_SOCKETS PLACE_PRIVATE "/sockets"
/* The keeper's socket, once the host's mounts are out of sight. */
#define PLACE_CHANNEL PLACE_SOCKETS "/root.sock"
#define PLACE_SOURCE PLACE_PRIVATE "/source"
#define PLACE_SOURCE_REPOSITORY PLACE_SOURCE "/repository"
#define PLACE_SOURCE_GIT PLACE_SOURCE "/git"
#define PLACE_SOURCE_ALTERNATES PLACE_SOURCE "/alternates"

/* The broker's, likewise. */
#define PLACE_BROKER PLACE_SOCKETS "/" REDEEM_SOCKET

/* Subtrees of the volume, and where they are bound. */
#define PLACE_VOLUME_WORKSPACE MANIFEST_VOLUME "/workspace"
#define PLACE_VOLUME_REPOSITORY MANIFEST_VOLUME "/local.git"
#define PLACE_WORKSPACE "/workspace"

/* Tells that the copy in the volume is whole: a container that starts again keeps the work. */
#define PLACE_COPIED_MARK MANIFEST_VOLUME "/copied"
/* The object ids of the copy's refs as they were then, one a line; root's, like the mark. */
#define PLACE_COPIED_REFS MANIFEST_VOLUME "/copied-refs"

#endif
