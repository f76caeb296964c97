/* The table of programs that run other commands, and how their options are told from commands. */
#include "lib/policy/wrappers.h"

#include <stdint.h>
#include <string.h>

#include "lib/base/cleanup.h"

/* Nothing behind the options is a command. */
#define ANY_NUMBER SIZE_MAX

#define RUNUSER_OPTIONS                                                            \
    "u: c! g: G: s: w: user: command! session-command! group: supp-group: shell: " \
    "whitelist-environment:"
#define PARALLEL_OPTIONS \
    "a: d: E: I: j: L: n: N: P: S: s: arg-file: delimiter: jobs: max-args: sshlogin: joblog:"

#define COMPOSE_OPTIONS \
    "f: p: file: project-name: profile: env-file: project-directory: ansi: parallel: progress:"
#define UV_OPTIONS                                                                              \
    "p: w: f: i: from: with: python: index: index-url: default-index: extra: group: env-file: " \
    "project: directory: with-editable: with-requirements: package:"

/* clang-format off */
static const struct wrapper wrappers[] = {
    /* Words of the shell itself. */
    {.name = "!",       .takes_assignments = true},
    {.name = "builtin"},
    {.name = "command"},
    {.name = "eval",    .kind = WRAPPER_STRINGS},
    {.name = "exec",    .options = "a:"},
    {.name = "nocorrect"},
    {.name = "noglob"},
    {.name = "time",    .options = "f: o: format: output:", .takes_assignments = true},
    {.name = "trap",    .kind = WRAPPER_STRINGS},

    {.name = "ash",     .kind = WRAPPER_SHELL, .options = "o:"},
    {.name = "bash",    .kind = WRAPPER_SHELL, .options = "o: O: rcfile: init-file:"},
    {.name = "dash",    .kind = WRAPPER_SHELL, .options = "o:"},
    {.name = "fish",    .kind = WRAPPER_SHELL, .options = "d: o: f: C! command! init-command!"},
    {.name = "ksh",     .kind = WRAPPER_SHELL, .options = "o:"},
    {.name = "mksh",    .kind = WRAPPER_SHELL, .options = "o:"},
    {.name = "rbash",   .kind = WRAPPER_SHELL, .options = "o: O: rcfile: init-file:"},
    {.name = "sh",      .kind = WRAPPER_SHELL, .options = "o:"},
    {.name = "zsh",     .kind = WRAPPER_SHELL, .options = "o:"},

    {.name = "busybox", .kind = WRAPPER_APPLETS},
    {.name = "toybox",  .kind = WRAPPER_APPLETS},

    /* How a process is started. */
    {.name = "chroot",   .options = "groups: userspec:", .operands = 1},
    {.name = "chrt",     .options = "T: P: D:", .operands = 1},
    {.name = "env",      .options = "u: C: S! unset: chdir: split-string!", .takes_assignments = true},
    {.name = "flock",    .options = "w: E: c! timeout: conflict-exit-code: command!", .operands = 1},
    {.name = "ionice",   .options = "c: n: p: P: u: class: classdata: pid: pgid: uid:"},
    {.name = "nice",     .options = "n: adjustment:"},
    {.name = "nohup"},
    {.name = "nsenter",  .options = "t: S: G: target: setuid: setgid: m? u? i? n? p? U? C? T? r? w?"},
    {.name = "prlimit",  .options = "p: o: pid: output:"},
    {.name = "setarch",  .operands = 1},
    {.name = "setpriv",  .options = "ambient-caps: inh-caps: bounding-set: ruid: euid: rgid: egid: reuid: regid: "
                                 "groups: securebits: pdeathsig: selinux-label: apparmor-profile:"},
    {.name = "setsid"},
    {.name = "stdbuf",   .options = "i: o: e: input: output: error:"},
    {.name = "taskset",  .operands = 1},
    {.name = "timeout",  .options = "k: s: kill-after: signal:", .operands = 1},
    {.name = "unshare",  .options = "R: w: S: G: root: wd: setuid: setgid: propagation: setgroups: map-user: "
                                     "map-group:"},
    {.name = "ld-linux-aarch64.so.1", .options = "library-path: inhibit-rpath: audit: preload: argv0:"},
    {.name = "ld-linux-x86-64.so.2",  .options = "library-path: inhibit-rpath: audit: preload: argv0:"},

    /* As somebody else. */
    {.name = "doas",     .options = "a: C: u:", .takes_assignments = true},
    {.name = "gosu",     .operands = 1},
    {.name = "pkexec",   .options = "user:"},
    {.name = "runuser",  .options = RUNUSER_OPTIONS},
    {.name = "runuser",  .kind = WRAPPER_STRINGS, .options = RUNUSER_OPTIONS, .operands = ANY_NUMBER},
    {.name = "su",       .kind = WRAPPER_STRINGS, .options = "c! g: G: s: w: command! session-command! group: supp-group: shell: whitelist-environment:",
     .operands = ANY_NUMBER},
    {.name = "sudo",     .options = "C: D: g: h: p: R: r: t: T: U: u: close-from: chdir: group: host: prompt: chroot: role: "
                                 "type: command-timeout: other-user: user:", .takes_assignments = true},

    /* For many, again, or watched. */
    {.name = "dbus-run-session", .options = "dbus-daemon: config-file:"},
    {.name = "entr"},
    {.name = "faketime",  .options = "m: p:", .operands = 1},
    {.name = "fakeroot",  .options = "l: s: i: b: lib: faked:"},
    {.name = "fd",        .kind = WRAPPER_MARKED, .options = "-x --exec -X --exec-batch"},
    {.name = "fdfind",    .kind = WRAPPER_MARKED, .options = "-x --exec -X --exec-batch"},
    {.name = "find",      .kind = WRAPPER_MARKED, .options = "-exec -execdir -ok -okdir"},
    {.name = "ltrace",    .options = "a: A: D: e: F: l: n: o: p: s: u: w: x: X:"},
    {.name = "parallel",  .options = PARALLEL_OPTIONS},
    {.name = "parallel",  .kind = WRAPPER_STRINGS, .options = PARALLEL_OPTIONS},
    {.name = "script",    .kind = WRAPPER_STRINGS, .options = "c! E: m: o: I: O: B: T: command! echo: log-in: log-out: log-io: log-timing: "
                                   "logging-format: output-limit:", .operands = ANY_NUMBER},
    {.name = "ssh-agent", .options = "a: E: O: P: t:"},
    {.name = "strace",    .options = "a: b: e: E: I: o: O: p: P: s: S: u: U: X: attach: columns: env: inject: interruptible: "
                                  "output: string-limit: trace: user:"},
    {.name = "systemd-run", .options = "E: p: u: H: M: property: unit: description: slice: uid: gid: nice: "
                                       "working-directory: setenv:"},
    {.name = "tini",      .options = "e: p:"},
    {.name = "dumb-init", .options = "r: rewrite:"},
    {.name = "watch",     .kind = WRAPPER_STRINGS, .options = "n: q: interval: equexit:"},
    {.name = "xargs",     .options = "a: d: E: I: L: n: P: s: e? i? l? arg-file: delimiter: max-lines? max-args: max-procs: "
                                  "max-chars: process-slot-var:"},

    /* What git runs for who says so. It is called by other names too: git-push. */
    {.name = "git",       .kind = WRAPPER_CALLED},
    {.name = "git",       .subcommand = "bisect",        .action = "run"},
    {.name = "git",       .subcommand = "clone",         .kind = WRAPPER_STRINGS, .options = "u! upload-pack!", .operands = ANY_NUMBER},
    {.name = "git",       .subcommand = "difftool",      .kind = WRAPPER_STRINGS, .options = "x! extcmd!", .operands = ANY_NUMBER},
    {.name = "git",       .subcommand = "fetch",         .kind = WRAPPER_STRINGS, .options = "upload-pack!", .operands = ANY_NUMBER},
    {.name = "git",       .subcommand = "filter-branch", .kind = WRAPPER_STRINGS, .options = "env-filter! tree-filter! index-filter! "
                               "parent-filter! msg-filter! commit-filter! tag-name-filter! setup!", .operands = ANY_NUMBER},
    {.name = "git",       .subcommand = "ls-remote",     .kind = WRAPPER_STRINGS, .options = "upload-pack! exec!", .operands = ANY_NUMBER},
    {.name = "git",       .subcommand = "pull",          .kind = WRAPPER_STRINGS, .options = "upload-pack!", .operands = ANY_NUMBER},
    {.name = "git",       .subcommand = "push",          .kind = WRAPPER_STRINGS, .options = "receive-pack! exec!", .operands = ANY_NUMBER},
    {.name = "git",       .subcommand = "rebase",        .kind = WRAPPER_STRINGS, .options = "x! exec!", .operands = ANY_NUMBER},
    {.name = "git",       .subcommand = "submodule",     .action = "foreach", .kind = WRAPPER_STRINGS},

    /* Tools that bring other tools. */
    {.name = "bundle",    .subcommand = "exec"},
    {.name = "bunx",      .options = "p: package:"},
    {.name = "npm",       .subcommand = "exec",  .options = "c! p: w: call! package: workspace:"},
    {.name = "npm",       .subcommand = "x",     .options = "c! p: w: call! package: workspace:"},
    {.name = "npx",       .options = "c! p: w: call! package: workspace:"},
    {.name = "pdm",       .subcommand = "run",   .options = "p: project:"},
    {.name = "pipenv",    .subcommand = "run"},
    {.name = "pipx",      .subcommand = "run",   .options = "spec: python: pip-args: index-url:"},
    {.name = "pnpm",      .subcommand = "dlx",   .options = "package:"},
    {.name = "pnpm",      .subcommand = "exec",  .options = "C: F: dir: filter:"},
    {.name = "pnpx",      .options = "package:"},
    {.name = "poetry",    .subcommand = "run"},
    {.name = "uv",        .subcommand = "run",   .options = UV_OPTIONS},
    {.name = "uv",        .subcommand = "tool",  .action = "run", .options = UV_OPTIONS},
    {.name = "uvx",       .options = UV_OPTIONS},
    {.name = "yarn",      .subcommand = "dlx",   .options = "p: package:"},
    {.name = "yarn",      .subcommand = "exec"},

    /* Options before the word that says what is done. */
    {.name = "docker",    .kind = WRAPPER_SUBCOMMANDS, .options = "c: H: l: config: context: host: log-level: tlscacert: tlscert: tlskey:"},
    {.name = "buildah",   .kind = WRAPPER_SUBCOMMANDS, .options = "log-level: registries-conf: root: runroot: storage-driver:"},
    {.name = "docker",    .subcommand = "compose", .kind = WRAPPER_SUBCOMMANDS, .options = COMPOSE_OPTIONS},
    {.name = "git",       .kind = WRAPPER_SUBCOMMANDS, .options = "C: c: git-dir: work-tree: namespace: super-prefix: config-env: attr-source:"},
    {.name = "nerdctl",   .kind = WRAPPER_SUBCOMMANDS, .options = "a: H: n: address: host: namespace: snapshotter: data-root:"},
    {.name = "nerdctl",   .subcommand = "compose", .kind = WRAPPER_SUBCOMMANDS, .options = COMPOSE_OPTIONS},
    {.name = "npm",       .kind = WRAPPER_SUBCOMMANDS, .options = "C: w: prefix: registry: workspace: loglevel: userconfig: cache:"},
    {.name = "podman",    .kind = WRAPPER_SUBCOMMANDS, .options = "c: H: connection: identity: log-level: root: runroot: url:"},
    {.name = "systemctl", .kind = WRAPPER_SUBCOMMANDS, .options = "H: M: n: o: p: P: s: t: host: machine: property: root: signal: state: type:"},
};
/* clang-format on */

const struct wrapper *wrapper_next(const char *name, const struct wrapper *last)
{
    const struct wrapper *row = last == NULL ? wrappers : last + 1;

    for (; row < wrappers + ARRAY_LENGTH(wrappers); row++)
        if (row->name[0] == name[0] && strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

bool wrapper_lists(const char *list, const char *word)
{
    size_t length = strlen(word);

    while (list != NULL && *list != '\0') {
        size_t width = strcspn(list, " ");

        if (width == length && memcmp(list, word, length) == 0)
            return true;
        list += width;
        list += strspn(list, " ");
    }
    return false;
}

/* What stands behind a letter, or behind the long name that the LENGTH bytes at NAME begin; '\0'
 * for an option that is not listed. GNU programs take a long name's beginning for the name. */
static char value_of(const char *options, const char *name, size_t length)
{
    while (options != NULL && *options != '\0' && length > 0) {
        size_t width = strcspn(options, " ");
        bool is_letter = width == 2;

        if (is_letter == (length == 1) && width > length && memcmp(options, name, length) == 0)
            return options[width - 1];
        options += width;
        options += strspn(options, " ");
    }
    return '\0';
}

static void read_long(const struct wrapper *wrapper, const char *const *arguments, size_t count,
                      struct wrapper_option *option)
{
    const char *name = arguments[0] + 2;
    size_t length = strcspn(name, "=");
    char kind = value_of(wrapper->options, name, length);
    bool is_attached = name[length] == '=';

    option->width = 1;
    if (kind != ':' && kind != '!')
        return;
    if (!is_attached && count > 1)
        option->width = 2;
    if (kind == '!')
        option->text = is_attached ? name + length + 1 : count > 1 ? arguments[1] : NULL;
}

static void read_letters(const struct wrapper *wrapper, const char *const *arguments, size_t count,
                         struct wrapper_option *option)
{
    option->width = 1;
    for (const char *letter = arguments[0] + 1; *letter != '\0'; letter++) {
        char kind = value_of(wrapper->options, letter, 1);

        option->has_c |= *letter == 'c';
        option->has_s |= *letter == 's';
        if (kind == '\0')
            continue;
        if (kind != '?' && letter[1] == '\0' && count > 1)
            option->width = 2;
        if (kind == '!')
            option->text = letter[1] != '\0' ? letter + 1 : count > 1 ? arguments[1] : NULL;
        return;
    }
}

void wrapper_read_option(const struct wrapper *wrapper, const char *const *arguments, size_t count,
                         struct wrapper_option *option)
{
    const char *word = arguments[0];
    bool is_plus = word[0] == '+' && wrapper->kind == WRAPPER_SHELL;

    *option = (struct wrapper_option){0};
    if (word[0] != '-' && !is_plus)
        return;
    if (word[0] == '-' && word[1] == '-') {
        option->ends_options = word[2] == '\0';
        read_long(wrapper, arguments, count, option);
    } else {
        read_letters(wrapper, arguments, count, option);
    }
}

size_t wrapper_name_length(const char *word)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

    return word[0] >= '0' && word[0] <= '9' ? 0 : strspn(word, letters);
}

bool wrapper_is_assignment(const char *word)
{
    size_t length = wrapper_name_length(word);

    if (length == 0)
        return false;
    if (word[length] == '[')
        length += strcspn(word + length, "]") + 1;
    if (length >= strlen(word))
        return false;
    return word[length] == '=' || (word[length] == '+' && word[length + 1] == '=');
}
