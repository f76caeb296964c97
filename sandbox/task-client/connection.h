/* A client's connection to the task runner: lib/wire/task_protocol.h. */
#ifndef TASK_CLIENT_CONNECTION_H
#define TASK_CLIENT_CONNECTION_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/wire/task_protocol.h"
#include "sandbox/task-client/block.h"
#include "sandbox/task-client/message.h"

/* PID 1 starts a runner that died again within this time, many times over. */
#define TASK_CLIENT_PATIENCE_MS 10000

/*
 * Connects to the runner at PATH, waiting at most PATIENCE_MS for one to listen. The socket (owned
 * by the caller) or -errno.
 */
int task_connect(const char *path, uint64_t patience_ms, struct error *err);

/*
 * Sends COMMAND with the caller's working directory, those of its streams that STREAM_MASK names,
 * its umask and its ignored signals. 0 or -errno.
 */
int task_send_command(int connection, const struct task_command *command, uint32_t stream_mask,
                      struct error *err);

/* Which of the descriptors 0 to 2 are open, as struct task_run says it. */
uint32_t task_open_streams(void);

/*
 * Waits for one message of the runner. 0 with MESSAGE whole, its strings ended, and *FD owned by
 * the caller (-1 without one); -ECONNRESET when the other side is gone, -EPROTO when it said
 * something else.
 */
int task_receive_any(int connection, union task_message_of_runner *message, int *fd);

/*
 * Reads row NUMBER of the list FD that came with TASK_END. 1 with ROW whole, its strings ended; 0
 * behind the last; -EPROTO for what is no row, or another -errno.
 */
int task_read_row(int fd, size_t number, union task_message_of_runner *row);

/*
 * Waits for one reply. 0 with REPLY whole, its strings ended, and *FD owned by the caller (-1
 * without one); -ECONNRESET when the other side is gone, -EPROTO when it said something else.
 */
int task_receive(int connection, struct task_reply *reply, int *fd);

#endif
