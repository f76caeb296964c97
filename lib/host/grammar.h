/* The exact grammar of option values that have one beyond a name. Each: 0, or -EINVAL with what to
 * write instead. */
#ifndef HOST_GRAMMAR_H
#define HOST_GRAMMAR_H

#include <stdbool.h>

#include "lib/base/error.h"

/* "2", "0.5", "1.25": thousandths of a processor, 10 to 9999999. */
int grammar_cpus(const char *text, unsigned int *milli_cpus, struct error *err);
/* "8g", "512m", "67108864": bytes, at least what a session needs to boot. */
int grammar_memory(const char *text, unsigned long long *bytes, struct error *err);
/* A whole number of processes, 32 to 4194304. */
int grammar_pids(const char *text, unsigned int *pids, struct error *err);
/* "/dev/sda:10mb": a device file and bytes per second. */
int grammar_device_rate(const char *text, struct error *err);
/* "all", a count, or "device=ID[,ID]...". */
int grammar_gpu(const char *text, struct error *err);
/* A channel of .NET: "10.0", "8.0-preview". */
int grammar_channel(const char *text, struct error *err);
/* A local tag or image id, or NAME@sha256:DIGEST. */
int grammar_image(const char *text, struct error *err);
/* Whether TEXT is a URL that git clones, and not a path. */
bool grammar_is_url(const char *text);
/* NAME@sha256:DIGEST. */
bool grammar_has_digest(const char *image);

#endif
