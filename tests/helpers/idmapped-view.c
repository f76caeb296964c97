/* Runs a program as agentcli with the view of the workspace and of /tmp that the vendor's program
 * has, and without anything else that confines that. Started by root. */
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lib/base/idmapped_view.h"

int main(int argc, char **argv)
{
    const struct idmapped_view_swap swap = {.first = 10000, .second = 10001};
    struct error err = ERROR_INITIALIZER;

    if (argc < 2 || unshare(CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        idmapped_view_make("/workspace", &swap, &err) < 0 ||
        idmapped_view_make("/tmp", &swap, &err) < 0 || setgroups(0, NULL) < 0 ||
        setgid(swap.second) < 0 || setuid(swap.second) < 0) {
        fprintf(stderr, "idmapped-view: %s\n", error_text(&err));
        return 1;
    }
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    return 1;
}
