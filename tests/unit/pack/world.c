/* The two ends of a session's data, for tests. */
#include "tests/unit/pack/world.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/host/data_key.h"

static int open_made(const char *parent, const char *name, char path[PATH_MAX])
{
    assert_int_equal(path_format(path, "%s/%s", parent, name), 0);
    assert_int_equal(path_make_directories(path, 0700, NULL), 0);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

void world_key(struct agent_data *agent, enum pack_direction direction)
{
    struct pack_label label = agent->label;
    label.direction = direction;
    assert_int_equal(data_key_of(&label, agent->key, NULL), 0);
}

void world_begin(struct world *world, struct tree_fixture *fixture, const char *session)
{
    char path[PATH_MAX];
    *world = (struct world){.fixture = fixture, .agent.most = 1024 * 1024};
    struct agent_data *agent = &world->agent;
    snprintf(world->session.id, sizeof(world->session.id), "%s", session);
    assert_int_equal(
        pack_places_load("policies/agent-data.tab", "claude", &world->session.places, NULL), 0);
    agent->places = world->session.places;
    snprintf(agent->label.agent, sizeof(agent->label.agent), "claude");
    snprintf(agent->label.session, sizeof(agent->label.session), "%s", session);
    agent->label.counter = 1;
    assert_int_equal(path_format(path, "%s/%s", fixture->directory, session), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    agent->home = open_made(path, "home", world->home);
    agent->data = open_made(path, "data", world->exported);
    agent->exports = open_made(path, "exports", world->exported);
    assert_int_equal(
        path_format(world->store, "%s/state/coding-agents/data/claude", fixture->directory), 0);
}

void world_end(struct world *world)
{
    cleanup_close(&world->agent.home);
    cleanup_close(&world->agent.data);
    cleanup_close(&world->agent.exports);
}

int world_bring(struct world *world, struct agent_data_report *report, struct error *err)
{
    struct data_store store;
    size_t files = 0, left_out = 0;
    cleanup_fd int fd = open(world->fixture->archive, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(data_store_open(&store, "claude", NULL), 0);
    store.session = &world->session;
    assert_int_equal(data_store_export(&store, fd, &files, &left_out, NULL), 0);
    data_store_close(&store);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    world_key(&world->agent, PACK_IMPORT);
    return agent_data_lay(&world->agent, fd, report, err);
}

void world_bring_well(struct world *world, size_t files)
{
    struct agent_data_report report;
    struct error err = ERROR_INITIALIZER;
    if (world_bring(world, &report, &err) != 0)
        fail_msg("%s", error_text(&err));
    assert_int_equal(report.files, files);
}

struct agent_data_report world_pack_well(struct world *world)
{
    struct agent_data_report report;
    struct error err = ERROR_INITIALIZER;
    world_key(&world->agent, PACK_EXPORT);
    if (agent_data_pack(&world->agent, &report, &err) != 0)
        fail_msg("%s", error_text(&err));
    return report;
}

int world_merge(struct world *world, const char *path, struct data_report *report,
                struct error *err)
{
    struct data_store store;
    char file[PATH_MAX];
    assert_int_equal(path_format(file, "%s/%s.tar", world->exported, world->session.id), 0);
    cleanup_fd int fd = open(path != NULL ? path : file, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(data_store_open(&store, "claude", NULL), 0);
    store.session = &world->session;
    int result = data_store_merge(&store, fd, report, err);
    data_store_close(&store);
    return result;
}

void world_is_text(const char *directory, const char *name, const char *text)
{
    cleanup_free char *found = tree_get(directory, name);
    assert_non_null(found);
    assert_string_equal(found, text);
}
