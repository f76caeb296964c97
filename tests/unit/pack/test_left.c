/* What a session leaves, when the store, its room or its keeper were not as they should be. */
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

/* A file where the store has a directory and the reverse are left; in the way of a file that all
 * sessions share is somebody of the host. */
static void goes_round_what_is_in_the_way(void **state)
{
    struct world world;
    struct data_report report;
    struct error err = ERROR_INITIALIZER;
    char path[PATH_MAX];
    world_begin(&world, *state, SESSION);
    tree_put(world.store, ".claude/file-history/" UUID "/a/b", "x");
    tree_put(world.store, ".claude/file-history/" UUID "/c", "x");
    tree_put(world.home, ".claude/file-history/" UUID "/a", "file");
    tree_put(world.home, ".claude/file-history/" UUID "/c/d", "file");
    tree_put(world.home, TALK, "talk\n");
    (void)world_pack_well(&world);
    assert_int_equal(world_merge(&world, NULL, &report, NULL), 0);
    assert_int_equal(report.left, 2);
    assert_int_equal(report.added, 1);
    world_is_text(world.store, TALK, "talk\n");
    assert_int_equal(path_format(path, "%s/" HISTORY, world.store), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    tree_put(world.home, HISTORY, "one\n");
    (void)world_pack_well(&world);
    assert_int_equal(world_merge(&world, NULL, &report, &err), -EINVAL);
    world_end(&world);
}

/* What two sessions leave together may be above what one file may have. */
static void grows_no_file_above_its_cap(void **state)
{
    struct world world;
    struct data_report report;
    char path[PATH_MAX];
    world_begin(&world, *state, SESSION);
    tree_put(world.store, HISTORY, "mine\n");
    tree_put(world.home, HISTORY, "theirs\n");
    assert_int_equal(path_format(path, "%s/" HISTORY, world.store), 0);
    assert_int_equal(truncate(path, 257 * 1024 * 1024), 0);
    (void)world_pack_well(&world);
    assert_int_equal(world_merge(&world, NULL, &report, NULL), 0);
    assert_int_equal(report.left, 1);
    world_end(&world);
}

/* What is above what sessions may fill is not merged, and says what to do; no growth always is. */
static void fills_no_more_than_its_quota(void **state)
{
    struct world world;
    struct data_store store;
    struct data_report report;
    struct error err = ERROR_INITIALIZER;
    char file[PATH_MAX];
    world_begin(&world, *state, SESSION);
    tree_put(world.store, TALK, "talk\n");
    tree_put(world.home, HISTORY, "one\n");
    (void)world_pack_well(&world);
    assert_int_equal(path_format(file, "%s/%s.tar", world.exported, world.session.id), 0);
    assert_int_equal(data_store_open(&store, "claude", NULL), 0);
    store.session = &world.session;
    const uint64_t quotas[] = {4096, store.quota, 4096};
    static const int results[] = {-EDQUOT, 0, 0};
    for (size_t i = 0; i < ARRAY_LENGTH(quotas); i++) {
        cleanup_fd int fd = open(file, O_RDONLY | O_CLOEXEC);
        store.quota = quotas[i];
        assert_int_equal(data_store_merge(&store, fd, &report, &err), results[i]);
        cleanup_free char *history = tree_get(world.store, HISTORY);
        assert_true((history != NULL) == (i > 0));
    }
    assert_non_null(strstr(error_text(&err), "remove what is old below"));
    data_store_close(&store);
    world_end(&world);
}

/* Puts what the session packed where its keeper would have, and looks what becomes of it. */
static struct data_left merge_left(struct world *world, bool is_whole)
{
    struct data_store store;
    struct data_left left;
    struct error err = ERROR_INITIALIZER;
    char name[DATA_SPOOL_SIZE], from[PATH_MAX], to[PATH_MAX];
    size_t size = 0;
    data_spool_name(name, "claude", world->session.id, is_whole);
    assert_int_equal(path_format(from, "%s/%s.tar", world->exported, world->session.id), 0);
    assert_int_equal(path_format(to, "%.4000s/../%s", world->store, name), 0);
    if (access(to, F_OK) < 0) {
        cleanup_free char *archive = support_read(from, &size);
        support_write(to, archive, size);
    }
    assert_int_equal(data_store_open(&store, "claude", NULL), 0);
    if (data_spool_merge_left(&store, &world->session.places, &left, &err) != 0)
        fail_msg("%s", error_text(&err));
    assert_int_equal(json_array_size(left.list), left.merged + left.refused + left.kept);
    json_decref(left.list);
    data_store_close(&store);
    return left;
}

static void merges_what_a_keeper_left(void **state)
{
    struct world world;
    char path[PATH_MAX];
    world_begin(&world, *state, SESSION);
    tree_put(world.store, HISTORY, "one\n");
    world_bring_well(&world, 1);
    tree_put(world.home, HISTORY, "one\ntwo\n");
    (void)world_pack_well(&world);
    /* Half of one is none, and that it was there is told. */
    assert_int_equal(merge_left(&world, false).refused, 1);
    world_is_text(world.store, HISTORY, "one\n");
    /* Somebody holds it: a keeper that lives. */
    assert_int_equal(path_format(path, "%.4000s/../.claude." SESSION ".tar", world.store), 0);
    support_write(path, "", 0);
    cleanup_fd int held = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(held, LOCK_EX), 0);
    assert_int_equal(merge_left(&world, true).merged, 0);
    assert_int_equal(access(path, F_OK), 0);
    cleanup_close(&held);
    /* What is no archive is thrown away. */
    assert_int_equal(merge_left(&world, true).refused, 1);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(merge_left(&world, true).merged, 1);
    assert_int_equal(access(path, F_OK), -1);
    world_is_text(world.store, HISTORY, "one\ntwo\n");
    world_end(&world);
}

/* One that the store is in the way of keeps no other one from its merge, and no session from its
 * history. */
static void goes_on_past_one_that_fails(void **state)
{
    static const char *const sessions[] = {"abcdefga", "abcdefgb", "abcdefgc"};
    struct world worlds[ARRAY_LENGTH(sessions)];
    struct data_left left = {.merged = 0};
    char path[PATH_MAX];
    for (size_t i = 0; i < ARRAY_LENGTH(sessions); i++) {
        char talk[] = ".claude/projects/-workspace/?" UUID ".jsonl";
        *strchr(talk, '?') = (char)('a' + i);
        world_begin(&worlds[i], *state, sessions[i]);
        tree_put(worlds[i].home, i == 1 ? HISTORY : talk, "one\n");
        (void)world_pack_well(&worlds[i]);
    }
    tree_put(worlds[0].store, HISTORY "/in/the/way", "x");
    for (size_t i = 0; i < ARRAY_LENGTH(sessions); i++) {
        left = merge_left(&worlds[i], true);
        assert_int_equal(left.merged, i == 1 ? 0 : 1);
        assert_int_equal(left.kept, i == 0 ? 0 : 1);
    }
    world_is_text(worlds[0].store, ".claude/projects/-workspace/c" UUID ".jsonl", "one\n");
    assert_int_equal(path_format(path, "%s/" HISTORY, worlds[0].store), 0);
    assert_int_equal(path_remove_contents(path, NULL), 0);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(merge_left(&worlds[1], true).merged, 1);
    world_is_text(worlds[0].store, HISTORY, "one\n");
    for (size_t i = 0; i < ARRAY_LENGTH(sessions); i++)
        world_end(&worlds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TREE_TEST(goes_round_what_is_in_the_way), TREE_TEST(fills_no_more_than_its_quota),
        TREE_TEST(grows_no_file_above_its_cap),   TREE_TEST(merges_what_a_keeper_left),
        TREE_TEST(goes_on_past_one_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
