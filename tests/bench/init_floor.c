/* What the kernel alone takes of an init: blocks its signals, runs one program, hands TERM on,
 * reaps, and ends when its program has. All that an init is for is missing: the others are measured
 * from here. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* True once PROGRAM is among the dead. */
static int reap(pid_t program)
{
    int is_over = 0;
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        is_over |= pid == program;
    return is_over;
}

int main(int argc, char **argv)
{
    sigset_t all;
    sigset_t none;
    int signal = 0;
    memset(&all, 0xff, sizeof(all));
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&none);
    pid_t program = argc > 1 ? vfork() : -1;
    if (program == 0) {
        sigprocmask(SIG_SETMASK, &none, NULL);
        execv(argv[1], argv + 1);
        _exit(errno == ENOENT ? 127 : 126);
    }
    while (program > 0 && (signal != SIGCHLD || !reap(program))) {
        signal = sigwaitinfo(&all, NULL);
        if (signal == SIGTERM)
            kill(program, SIGTERM);
    }
    _exit(program > 0 ? 0 : 126);
}
