/* agent-seccomp-compile: checks seccomp filters written as JSON and compiles them to BPF. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/base/exit_codes.h"
#include "sandbox/agent-seccomp-compile/filter.h"

static const char usage[] = "usage: agent-seccomp-compile [--early|--late] FILTER.json OUTPUT.bpf\n"
                            "       agent-seccomp-compile --check FILTER.json...\n";

static int check(const char *path, struct error *err)
{
    scmp_filter_ctx context = NULL;
    int result = filter_read(path, FILTER_WHOLE, &context, err);

    if (result == 0)
        seccomp_release(context);
    return result;
}

static int export(scmp_filter_ctx context, const char *path, struct error *err)
{
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int result;

    if (fd < 0)
        return error_set(err, errno, "create '%s'", path);
    result = seccomp_export_bpf(context, fd);
    if (result < 0) {
        unlink(path);
        return error_set(err, -result, "write '%s'", path);
    }
    return 0;
}

static int compile(enum filter_part part, const char *source, const char *output, struct error *err)
{
    scmp_filter_ctx context = NULL;
    int result = filter_read(source, part, &context, err);

    if (result < 0)
        return result;
    result = export(context, output, err);
    seccomp_release(context);
    return result;
}

static int check_all(char **paths)
{
    int status = 0;

    for (; *paths != NULL; paths++) {
        struct error err = ERROR_INITIALIZER;

        if (check(*paths, &err) < 0) {
            fprintf(stderr, "agent-seccomp-compile: %s\n", error_text(&err));
            status = EXIT_POLICY;
        }
    }
    return status;
}

static enum filter_part read_part(const char *option)
{
    if (strcmp(option, "--early") == 0)
        return FILTER_EARLY;
    return strcmp(option, "--late") == 0 ? FILTER_LATE : FILTER_WHOLE;
}

int main(int argc, char **argv)
{
    struct error err = ERROR_INITIALIZER;
    enum filter_part part = argc == 4 ? read_part(argv[1]) : FILTER_WHOLE;

    if (argc >= 3 && strcmp(argv[1], "--check") == 0)
        return check_all(argv + 2);
    if (part != FILTER_WHOLE)
        argv++;
    else if (argc != 3 || argv[1][0] == '-') {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (compile(part, argv[1], argv[2], &err) < 0) {
        fprintf(stderr, "agent-seccomp-compile: %s\n", error_text(&err));
        return EXIT_POLICY;
    }
    return 0;
}
