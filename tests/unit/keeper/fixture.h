/* A real keeper for tests: started as the launcher starts it, visited by peers of other uids,
 * ended, its log proven. */
#ifndef TESTS_KEEPER_FIXTURE_H
#define TESTS_KEEPER_FIXTURE_H

#include <jansson.h>
#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/wire/audit.h"
#include "lib/wire/channel.h"
#include "lib/wire/manifest.h"
#include "tests/unit/wire/support.h"

/* Root in the container as the host counts uids, and a stranger. */
#define CONTAINER_ROOT 100000
#define STRANGER 12345

struct fixture {
    char directory[PATH_MAX];
    char session[MANIFEST_SESSION_SIZE];
    char socket[PATH_MAX];
    char log[PATH_MAX];
    int control; /* the launcher's end */
};

/* A test with a session of its own, without a keeper yet and without docker. */
#define FIXTURE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_prepare, fixture_dispose)
int fixture_prepare(void **state);
int fixture_dispose(void **state);

/* Skips the test without root: peers of other uids can only be made by root. */
void fixture_needs_root(void);

/* The program under test. Borrowed. */
const char *fixture_keeper_program(void);
void fixture_start_keeper(struct fixture *fixture, uid_t container_root);
/* The keeper's pid, as the kernel says. */
pid_t fixture_keeper_pid(const struct fixture *fixture);
/* Lets every uid reach the socket, as the mount into a container does. */
void fixture_open_to_all(const struct fixture *fixture);

/* Lines to and from the keeper. "" at its end. */
void fixture_say(const struct fixture *fixture, const char *line);
void fixture_hear(const struct fixture *fixture, char line[512]);

/* Lets the keeper end and proves the log. The text is owned by the caller. */
char *fixture_finish(struct fixture *fixture);
size_t fixture_count(const char *text, const char *needle);

/* Runs WORK in a child of another uid; its return value is the child's. */
int fixture_run_as(uid_t uid, const struct fixture *fixture,
                   int (*work)(const struct fixture *fixture));
/* Connects and says hello. The fd, or -errno. */
int fixture_greet(const struct fixture *fixture, enum channel_role role);
json_t *fixture_step_fields(void);
/* Work for fixture_run_as: 0 when the keeper took it. */
int fixture_greets_as_boot(const struct fixture *fixture);
int fixture_greets_as_launcher(const struct fixture *fixture);
int fixture_boot_sends_a_step(const struct fixture *fixture);

#endif
