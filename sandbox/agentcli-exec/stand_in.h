/* The command behind a relay, as other processes of the container see it. */
#ifndef AGENTCLI_EXEC_STAND_IN_H
#define AGENTCLI_EXEC_STAND_IN_H

#include <sys/types.h>

/* The process that the relay PID stands in for; PID itself when that is no relay, or its command
 * cannot be found. */
pid_t stand_in_find(pid_t pid);

#endif
