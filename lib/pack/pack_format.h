/* The format of archives, inside the library. */
#ifndef PACK_FORMAT_H
#define PACK_FORMAT_H

#include <archive.h>

#include "lib/pack/limits.h"
#include "lib/pack/pack.h"

#define PACK_MANIFEST_NAME "manifest.json"
#define PACK_MAC_NAME "manifest.mac"
#define PACK_DATA_PREFIX "data/"
#define PACK_BUFFER_BYTES (128 * 1024)

#endif
