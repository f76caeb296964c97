/* The table of programs that run other commands, and how their options are told from commands. */
#include "lib/policy/wrappers.h"

#include <stdint.h>
#include <string.h>

#include "lib/base/cleanup.h"

/* Nothing behind the options is a command. */
#define ANY_NUMBER SIZE_MAX

/* clang-format off */
static const struct wrapper wrappers[] = {
    /* Words of the shell itself. */
    {.name = "builtin", .kind = WRAPPER_PREFIX},
    {.name = "command", .kind = WRAPPER_PREFIX},
    {.name = "eval",    .kind = WRAPPER_STRINGS},
    {.name = "exec",    .kind = WRAPPER_PREFIX, .options = "a:"},
    {.name = "time",    .kind = WRAPPER_PREFIX, .options = "f: o: format: output:"},
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
    {.name = "chroot",   .kind = WRAPPER_PREFIX, .options = "groups: userspec:", .operands = 1},
    {.name = "chrt",     .kind = WRAPPER_PREFIX, .options = "T: P: D:", .operands = 1},
    {.name = "env",      .kind = WRAPPER_PREFIX, .options = "u: C: S! unset: chdir: split-string!", .takes_assignments = true},
    {.name = "flock",    .kind = WRAPPER_PREFIX, .options = "w: E: c! timeout: conflict-exit-code: command!", .operands = 1},
    {.name = "ionice",   .kind = WRAPPER_PREFIX, .options = "c: n: p: P: u: class: classdata: pid: pgid: uid:"},
    {.name = "nice",     .kind = WRAPPER_PREFIX, .options = "n: adjustment:"},
    {.name = "nohup",    .kind = WRAPPER_PREFIX},
    {.name = "nsenter",  .kind = WRAPPER_PREFIX, .options = "t: S: G: target: setuid: setgid: m? u? i? n? p? U? C? T? r? w?"},
    {.name = "prlimit",  .kind = WRAPPER_PREFIX, .options = "p: o: pid: output:"},
    {.name = "setarch",  .kind = WRAPPER_PREFIX, .operands = 1},
    {.name = "setpriv",  .kind = WRAPPER_PREFIX, .options = "ambient-caps: inh-caps: bounding-set: ruid: euid: rgid: egid: reuid: regid: "
                                 "groups: securebits: pdeathsig: selinux-label: apparmor-profile:"},
    {.name = "setsid",   .kind = WRAPPER_PREFIX},
    {.name = "stdbuf",   .kind = WRAPPER_PREFIX, .options = "i: o: e: input: output: error:"},
    {.name = "taskset",  .kind = WRAPPER_PREFIX, .operands = 1},
    {.name = "timeout",  .kind = WRAPPER_PREFIX, .options = "k: s: kill-after: signal:", .operands = 1},
    {.name = "unshare",  .kind = WRAPPER_PREFIX, .options = "R: w: S: G: root: wd: setuid: setgid: propagation: setgroups: map-user: map-group:"},
    {.name = "ld-linux-aarch64.so.1", .kind = WRAPPER_PREFIX, .options = "library-path: inhibit-rpath: audit: preload: argv0:"},
    {.name = "ld-linux-x86-64.so.2",  .kind = WRAPPER_PREFIX, .options = "library-path: inhibit-rpath: audit: preload: argv0:"},

    /* As somebody else. */
    {.name = "doas",     .kind = WRAPPER_PREFIX, .options = "a: C: u:", .takes_assignments = true},
    {.name = "gosu",     .kind = WRAPPER_PREFIX, .operands = 1},
    {.name = "pkexec",   .kind = WRAPPER_PREFIX, .options = "user:"},
    {.name = "runuser",  .kind = WRAPPER_PREFIX, .options = "u: c! g: G: s: w: user: command! session-command! group: supp-group: shell: whitelist-environment:"},
    {.name = "runuser",  .kind = WRAPPER_STRINGS, .options = "u: c! g: G: s: w: user: command! session-command! group: supp-group: shell: whitelist-environment:",
     .operands = ANY_NUMBER},
    {.name = "su",       .kind = WRAPPER_STRINGS, .options = "c! g: G: s: w: command! session-command! group: supp-group: shell: whitelist-environment:",
     .operands = ANY_NUMBER},
    {.name = "sudo",     .kind = WRAPPER_PREFIX, .options = "C: D: g: h: p: R: r: t: T: U: u: close-from: chdir: group: host: prompt: chroot: role: "
                                 "type: command-timeout: other-user: user:", .takes_assignments = true},

    /* For many, again, or watched. */
    {.name = "dbus-run-session", .kind = WRAPPER_PREFIX, .options = "dbus-daemon: config-file:"},
    {.name = "entr",      .kind = WRAPPER_PREFIX},
    {.name = "faketime",  .kind = WRAPPER_PREFIX, .options = "m: p:", .operands = 1},
    {.name = "fakeroot",  .kind = WRAPPER_PREFIX, .options = "l: s: i: b: lib: faked:"},
    {.name = "fd",        .kind = WRAPPER_MARKED, .options = "-x --exec -X --exec-batch"},
    {.name = "fdfind",    .kind = WRAPPER_MARKED, .options = "-x --exec -X --exec-batch"},
    {.name = "find",      .kind = WRAPPER_MARKED, .options = "-exec -execdir -ok -okdir"},
    {.name = "ltrace",    .kind = WRAPPER_PREFIX, .options = "a: A: D: e: F: l: n: o: p: s: u: w: x: X:"},
    {.name = "parallel",  .kind = WRAPPER_PREFIX, .options = "a: d: E: I: j: L: n: N: P: S: s: arg-file: delimiter: jobs: max-args: sshlogin: joblog:"},
    {.name = "script",    .kind = WRAPPER_STRINGS, .options = "c! E: m: o: I: O: B: T: command! echo: log-in: log-out: log-io: log-timing: "
                                   "logging-format: output-limit:", .operands = ANY_NUMBER},
    {.name = "ssh-agent", .kind = WRAPPER_PREFIX, .options = "a: E: O: P: t:"},
    {.name = "strace",    .kind = WRAPPER_PREFIX, .options = "a: b: e: E: I: o: O: p: P: s: S: u: U: X: attach: columns: env: inject: interruptible: "
                                  "output: string-limit: trace: user:"},
    {.name = "systemd-run", .kind = WRAPPER_PREFIX, .options = "E: p: u: H: M: property: unit: description: slice: uid: gid: nice: working-directory: setenv:"},
    {.name = "tini",      .kind = WRAPPER_PREFIX, .options = "e: p:"},
    {.name = "dumb-init", .kind = WRAPPER_PREFIX, .options = "r: rewrite:"},
    {.name = "watch",     .kind = WRAPPER_STRINGS, .options = "n: q: interval: equexit:"},
    {.name = "xargs",     .kind = WRAPPER_PREFIX, .options = "a: d: E: I: L: n: P: s: e? i? l? arg-file: delimiter: max-lines? max-args: max-procs: "
                                  "max-chars: process-slot-var:"},

    /* Options before the word that says what is done. */
    {.name = "docker",    .kind = WRAPPER_SUBCOMMANDS, .options = "c: H: l: config: context: host: log-level: tlscacert: tlscert: tlskey:"},
    {.name = "git",       .kind = WRAPPER_SUBCOMMANDS, .options = "C: c: git-dir: work-tree: namespace: super-prefix: config-env: attr-source:"},
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
    while (options != NULL && *options != '\0') {
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

bool wrapper_is_assignment(const char *word)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    size_t length = strspn(word, letters);

    if (length == 0 || (word[0] >= '0' && word[0] <= '9'))
        return false;
    if (word[length] == '[')
        length += strcspn(word + length, "]") + 1;
    if (length >= strlen(word))
        return false;
    return word[length] == '=' || (word[length] == '+' && word[length + 1] == '=');
}
