/* Takes the digests that an image recorded of its programs. */
#include "sandbox/agent-task-sandbox/recorded.h"

#include <fcntl.h>

#include "lib/base/cleanup.h"
#include "lib/wire/recorded_program.h"
#include "lib/wire/task_file.h"
#include "sandbox/agent-task-sandbox/fixed.h"

static int take(const struct recorded_program *program, void *context, struct error *err)
{
    struct task_file file;
    cleanup_fd int fd = open(program->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    (void)err;
    if (fd >= 0 && fixed_is_file(fd) && task_file_identify(fd, &file) == 0 &&
        recorded_program_fits(program, &file))
        digests_keep(context, &file, program->digest);
    return 0;
}

int recorded_load(const char *path, struct digests *digests, struct error *err)
{
    return recorded_programs_read(path, take, digests, err);
}
