/* One file of a program: what tells it from others, and the digest of its bytes. */
#ifndef WIRE_TASK_FILE_H
#define WIRE_TASK_FILE_H

#include <stdint.h>

#include "lib/wire/task_protocol.h"

/* What tells the file at FD (borrowed) from others, and from what it was before. 0 or -errno. */
int task_file_identify(int fd, struct task_file *file);

/* Opens what is open at FD (borrowed) as a path, for reading. The descriptor or -errno. */
int task_file_reopen(int fd);

/* The SHA-256 of the bytes of the file that is open at FD (borrowed) as a path. 0, or -errno when
 * they cannot be read; -EFBIG for more than LIMIT bytes. */
int task_file_digest(int fd, uint64_t limit, uint8_t digest[TASK_DIGEST_SIZE]);

#endif
