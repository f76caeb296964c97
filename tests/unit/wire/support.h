/* What the tests of lib/wire share: a valid manifest, a private directory. */
#ifndef TESTS_WIRE_SUPPORT_H
#define TESTS_WIRE_SUPPORT_H

#include <limits.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* After the three above, as cmocka asks. */
#include <cmocka.h>

#include "lib/wire/manifest.h"

#define SUPPORT_SESSION "abcdefg2"

/* A manifest that uses every key. Its strings are literals: not for manifest_free. */
void support_manifest(struct manifest *manifest);

/* A fresh directory, HOME, XDG_STATE_HOME and XDG_RUNTIME_DIR pointing into it. */
void support_directory_make(char path[PATH_MAX]);
void support_directory_remove(const char *path);

/* Reads the file at PATH; the text is owned by the caller. Fails the test when it cannot. */
char *support_read(const char *path, size_t *size);
void support_write(const char *path, const void *data, size_t size);

#endif
