/* What goes between the store and one session: both ends of it, without a container. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/host/data_key.h"
#include "tests/unit/pack/world.h"

static void goes_in_and_out(void **state)
{
    struct world world;
    struct data_report report;
    world_begin(&world, *state, SESSION);
    tree_put(world.store, HISTORY, "one\n");
    tree_put(world.store, TALK, "talk\n");
    tree_put(world.store, ".claude/settings.json", "{}");
    world_bring_well(&world, 2);
    world_is_text(world.home, HISTORY, "one\n");
    cleanup_free char *settings = tree_get(world.home, ".claude/settings.json");
    assert_null(settings);
    /* Nothing new, so nothing goes back. */
    assert_int_equal(world_pack_well(&world).files, 0);
    tree_put(world.home, HISTORY, "one\ntwo\n");
    tree_put(world.home, ".claude/.credentials.json", "login");
    struct agent_data_report packed = world_pack_well(&world);
    assert_int_equal(packed.files, 1);
    assert_int_equal(world_merge(&world, NULL, &report, NULL), 0);
    assert_int_equal(report.extended, 1);
    world_is_text(world.store, HISTORY, "one\ntwo\n");
    /* Twice is once. */
    assert_int_equal(world_merge(&world, NULL, &report, NULL), 0);
    assert_int_equal(report.unchanged, 1);
    world_end(&world);
}

/* What one session left as it was does not replace what another one made of it meanwhile. */
static void takes_nothing_back_that_others_wrote(void **state)
{
    struct world first, second;
    struct data_report report;
    world_begin(&first, *state, SESSION);
    tree_put(first.store, TALK, "an older state\n");
    world_bring_well(&first, 1);
    world_begin(&second, *state, "bcdefg2a");
    world_bring_well(&second, 1);
    tree_put(second.home, TALK, "written anew\n");
    assert_int_equal(world_pack_well(&second).files, 1);
    assert_int_equal(world_merge(&second, NULL, &report, NULL), 0);
    tree_put(first.home, HISTORY, "mine\n");
    assert_int_equal(world_pack_well(&first).files, 1);
    assert_int_equal(world_merge(&first, NULL, &report, NULL), 0);
    world_is_text(first.store, TALK, "an older state\nwritten anew\n");
    world_is_text(first.store, HISTORY, "mine\n");
    world_end(&first);
    world_end(&second);
}

static void refuses_what_is_not_for_the_session(void **state)
{
    struct tree_fixture *fixture = *state;
    struct world world, other;
    struct agent_data_report report;
    struct error err = ERROR_INITIALIZER;
    world_begin(&world, fixture, SESSION);
    world_begin(&other, fixture, "bcdefg2a");
    tree_put(world.store, HISTORY, "one\n");
    world_bring_well(&other, 1);
    /* The archive of the other one, with this one's key; then with the right key, one byte of it
     * changed. */
    cleanup_fd int fd = open(fixture->archive, O_RDONLY | O_CLOEXEC);
    world_key(&world.agent, PACK_IMPORT);
    assert_int_equal(agent_data_lay(&world.agent, fd, &report, &err), -EBADMSG);
    assert_non_null(strstr(error_text(&err), "it is not for session " SESSION));
    world_bring_well(&world, 1);
    assert_int_equal(unlinkat(world.agent.home, HISTORY, 0), 0);
    size_t size = 0;
    cleanup_free char *archive = support_read(fixture->archive, &size);
    *(char *)memmem(archive, size, "one\n", 4) = 'O';
    support_write(fixture->archive, archive, size);
    cleanup_fd int damaged = open(fixture->archive, O_RDONLY | O_CLOEXEC);
    world_key(&world.agent, PACK_IMPORT);
    assert_int_equal(agent_data_lay(&world.agent, damaged, &report, &err), -EBADMSG);
    assert_non_null(strstr(error_text(&err), "has another digest"));
    cleanup_free char *dump = tree_dump(world.home);
    assert_string_equal(dump, "");
    world_end(&world);
    world_end(&other);
}

/* A file that is there already is not touched, and what was laid before it is taken back. */
static void lays_all_or_nothing(void **state)
{
    struct world world;
    struct agent_data_report report;
    struct error err = ERROR_INITIALIZER;
    world_begin(&world, *state, SESSION);
    tree_put(world.store, HISTORY, "one\n");
    tree_put(world.store, TALK, "talk\n");
    tree_put(world.home, TALK, "mine\n");
    assert_int_equal(world_bring(&world, &report, &err), -EEXIST);
    cleanup_free char *dump = tree_dump(world.home);
    assert_string_equal(dump, TALK ": mine\n|\n");
    world_end(&world);
}

/* Nor is anything laid whose list cannot be kept. */
static void lays_nothing_without_a_list(void **state)
{
    struct world world;
    struct agent_data_report report;
    struct error err = ERROR_INITIALIZER;
    world_begin(&world, *state, SESSION);
    tree_put(world.store, HISTORY, "one\n");
    assert_int_equal(mkdirat(world.agent.data, SESSION ".json", 0700), 0);
    assert_int_not_equal(world_bring(&world, &report, &err), 0);
    cleanup_free char *dump = tree_dump(world.home);
    assert_string_equal(dump, "");
    assert_int_equal(unlinkat(world.agent.data, SESSION ".json", AT_REMOVEDIR), 0);
    world_bring_well(&world, 1);
    world_end(&world);
}

/* A login under a name of history is one file with two names; beside it, what only looks odd. */
static void leaves_out_what_has_two_names_or_is_closed(void **state)
{
    struct world world;
    char path[PATH_MAX];
    world_begin(&world, *state, SESSION);
    tree_put(world.home, ".claude/.credentials.json", "login");
    tree_put(world.home, HISTORY, "one\n");
    tree_put(world.home, TALK, "talk\n");
    assert_int_equal(linkat(world.agent.home, ".claude/.credentials.json", world.agent.home,
                            ".claude/projects/-workspace/1" UUID ".jsonl", 0),
                     0);
    /* Readable, and not to be searched. */
    assert_int_equal(path_format(path, "%s/.claude/projects/-workspace", world.home), 0);
    assert_int_equal(chmod(path, 0400), 0);
    struct agent_data_report closed = world_pack_well(&world);
    assert_int_equal(chmod(path, 0700), 0);
    if (getuid() != 0) {
        assert_int_equal(closed.files, 1);
        assert_int_equal(closed.left_out, 2);
    }
    /* What lies beside the archive takes no room of it. */
    tree_put(world.exported, "junk/deep", "x");
    struct agent_data_report packed = world_pack_well(&world);
    assert_int_equal(packed.files, 2);
    assert_int_equal(packed.left_out, 1);
    cleanup_free char *junk = tree_get(world.exported, "junk/deep");
    assert_null(junk);
    world_end(&world);
}

/* What comes out of a session is made with its key, is of it, and lies where the agent's data does.
 */
static void merges_only_what_a_session_may_leave(void **state)
{
    struct tree_fixture *fixture = *state;
    struct world world;
    struct data_report report;
    struct error err = ERROR_INITIALIZER;
    struct pack_label label = {
        .direction = PACK_EXPORT, .agent = "claude", .session = SESSION, .counter = 1};
    unsigned char key[PACK_KEY_BYTES];
    world_begin(&world, fixture, SESSION);
    tree_put(world.store, HISTORY, "one\n");
    tree_put(fixture->tree, HISTORY, "one\ntwo\n");
    tree_put(fixture->tree, ".claude/settings.json", "{\"hooks\": {}}");
    assert_int_equal(data_key_of(&label, key, NULL), 0);
    tree_pack(fixture->tree, fixture->archive, &label, key);
    assert_int_equal(world_merge(&world, fixture->archive, &report, &err), -EBADMSG);
    assert_non_null(strstr(error_text(&err), "'.claude/settings.json' is no place of what"));
    world_is_text(world.store, HISTORY, "one\n");
    /* Of another session, and this account's own: both are fine for a person, not here. */
    memcpy(label.session, "bcdefg2a", sizeof(label.session));
    assert_int_equal(data_key_of(&label, key, NULL), 0);
    tree_pack(fixture->tree, fixture->archive, &label, key);
    assert_int_equal(world_merge(&world, fixture->archive, &report, &err), -EBADMSG);
    label = (struct pack_label){.direction = PACK_IMPORT, .agent = "claude"};
    assert_int_equal(data_key_of(&label, key, NULL), 0);
    tree_pack(fixture->tree, fixture->archive, &label, key);
    assert_int_equal(world_merge(&world, fixture->archive, &report, &err), -EBADMSG);
    /* The key of what goes in makes nothing that comes out. */
    memcpy(label.session, SESSION, sizeof(label.session));
    assert_int_equal(data_key_of(&label, key, NULL), 0);
    label.direction = PACK_EXPORT;
    tree_pack(fixture->tree, fixture->archive, &label, key);
    assert_int_equal(world_merge(&world, fixture->archive, &report, &err), -EBADMSG);
    world_is_text(world.store, HISTORY, "one\n");
    world_end(&world);
}

static void refuses_what_is_too_large_by_name(void **state)
{
    struct world world;
    struct agent_data_report report;
    struct error err = ERROR_INITIALIZER;
    char path[PATH_MAX];
    world_begin(&world, *state, SESSION);
    tree_put(world.home, TALK, "x");
    assert_int_equal(path_format(path, "%s/" TALK, world.home), 0);
    assert_int_equal(truncate(path, 300 * 1024 * 1024), 0);
    world_key(&world.agent, PACK_EXPORT);
    assert_int_equal(agent_data_pack(&world.agent, &report, &err), -E2BIG);
    assert_non_null(strstr(error_text(&err), "'" TALK "' is larger than a file may be"));
    assert_int_equal(truncate(path, 2 * 1024 * 1024), 0);
    assert_int_equal(agent_data_pack(&world.agent, &report, &err), -E2BIG);
    assert_int_equal(truncate(path, 1024), 0);
    assert_int_equal(agent_data_pack(&world.agent, &report, &err), 0);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TREE_TEST(goes_in_and_out),
        TREE_TEST(takes_nothing_back_that_others_wrote),
        TREE_TEST(refuses_what_is_not_for_the_session),
        TREE_TEST(lays_all_or_nothing),
        TREE_TEST(lays_nothing_without_a_list),
        TREE_TEST(leaves_out_what_has_two_names_or_is_closed),
        TREE_TEST(merges_only_what_a_session_may_leave),
        TREE_TEST(refuses_what_is_too_large_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
