/* Hard caps on archives of agent data, each with its reason. */
#ifndef PACK_LIMITS_H
#define PACK_LIMITS_H

/* Transcripts are files of a few megabytes; a year of them is some hundred. */
#define PACK_ENTRIES_MAX 16384
#define PACK_FILE_BYTES_MAX (256ull * 1024 * 1024)
/* What lies in memory in a container while it is brought in or out. */
#define PACK_TOTAL_BYTES_MAX (1024ull * 1024 * 1024)
/* A path and its digest, 16384 times. */
#define PACK_MANIFEST_BYTES_MAX (32u * 1024 * 1024)
/* Below the directory of an agent; the deepest that is known has 6 levels. */
#define PACK_PATH_BYTES_MAX 1024
#define PACK_DEPTH_MAX 32

#endif
