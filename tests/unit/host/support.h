/* Real temporary repositories for the tests of lib/host and of the launcher. */
#ifndef TESTS_HOST_SUPPORT_H
#define TESTS_HOST_SUPPORT_H

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the above first. */
#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/host/repository.h"

/* A fresh directory, also HOME and XDG_STATE_HOME of the test, removed by support_leave. cmocka
 * fixtures. */
int support_enter(void **state);
int support_leave(void **state);

/* The directory of this test, with links resolved. */
extern char support_directory[PATH_MAX];

/* Runs SCRIPT with sh -e in the test's directory; fails the test when it fails. */
void support_shell(const char *script);

/* True when PATH is in the list of files. */
bool support_lists(const struct source_files *files, const char *path);

#endif
