/*
 * Stacks an AppArmor profile with the function that ships, and executes a program only when that
 * went well. stacked PROFILE COMMAND...
 */
#include <stdio.h>
#include <unistd.h>

#include "sandbox/confine/apparmor.h"

int main(int argc, char **argv)
{
    struct error err = ERROR_INITIALIZER;

    if (argc < 3)
        return 2;
    if (apparmor_stack(argv[1], &err) < 0) {
        fprintf(stderr, "stacked: %s\n", error_text(&err));
        return 1;
    }
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 127;
}
