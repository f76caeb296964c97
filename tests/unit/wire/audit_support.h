/* What the tests of the audit log share: a log in a private directory, and who writes to it. */
#ifndef TESTS_WIRE_AUDIT_SUPPORT_H
#define TESTS_WIRE_AUDIT_SUPPORT_H

#include "lib/wire/audit.h"
#include "tests/unit/wire/support.h"

#define OTHER_SESSION "zzzzzzz7"

/* Where SUPPORT_SESSION's log lies, and the file that gets a copy of each line. */
extern char audit_support_log[PATH_MAX];
extern char audit_support_copies[PATH_MAX];
extern const struct audit_source audit_support_keeper;
extern const struct audit_source audit_support_collect;

/* A test's setup and teardown: a fresh directory for both. */
int audit_support_make(void **state);
int audit_support_remove(void **state);

/* Opens the log, owned by the caller. Fails the test when it cannot. */
struct audit_log *audit_support_open(void);
/* Appends an event; takes FIELDS. Fails the test when it cannot. */
void audit_support_append(struct audit_log *log, enum audit_event event,
                          const struct audit_source *source, json_t *fields);

#endif
