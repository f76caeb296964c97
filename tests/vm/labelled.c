/*
 * Executes a program as an engine's runtime does: no_new_privs set, and an AppArmor profile that
 * comes with the exec. labelled exec|stack PROFILE COMMAND... `exec`: the profile takes the place
 * of the label; `stack`: it is added to it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

int main(int argc, char **argv)
{
    char order[256];

    if (argc < 4)
        return 2;
    int length = snprintf(order, sizeof(order), "%s %s", argv[1], argv[2]);
    int fd = open("/proc/self/attr/apparmor/exec", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, order, (size_t)length) != length)
        perror(order); /* and go on, as one does who does not look */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return 2;
    execvp(argv[3], argv + 3);
    perror(argv[3]);
    return 127;
}
