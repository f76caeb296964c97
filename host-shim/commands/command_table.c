/* The commands of coding-agents: name, arguments, options, and what each is for. */
#include "host-shim/commands/command_table.h"

#include <stdint.h>
#include <string.h>

#include "lib/base/cleanup.h"

#define FLAG(name, summary)                     \
    {                                           \
        name, NULL, COMMAND_VALUE_NONE, summary \
    }
#define HELP FLAG("help", "show this help")
#define JSON FLAG("json", "print one JSON document")
#define END                                  \
    {                                        \
        NULL, NULL, COMMAND_VALUE_NONE, NULL \
    }

/* clang-format off */
static const struct command_option start_options[] = {
    {"branch",           "NAME",     COMMAND_VALUE_TEXT,    "work on branch NAME, on the host too, instead of AGENT/NAME"},
    FLAG("use-current-branch", "work on the branch that is checked out; it comes back as AGENT/BRANCH"),
    {"name",             "NAME",     COMMAND_VALUE_TEXT,    "name the session (session-1, session-2, ...)"},
    {"prompt",           "TEXT",     COMMAND_VALUE_TEXT,    "what the agent is to do; for shell, a command line for sh"},
    {"env-file",         "FILE",     COMMAND_VALUE_PATH,    "give the agent's own process the variables in FILE, NAME=VALUE a line"},
    FLAG("interactive", "run what follows -- in a terminal too"),
    FLAG("no-data", "nothing of earlier sessions for the agent, and nothing for later ones"),
    FLAG("no-push", "commit at the end, but bring nothing back"),
    {"commit-message",   "TEXT",     COMMAND_VALUE_TEXT,    "message of the automatic commit"},
    FLAG("commit-secrets", "commit files that look like credentials too"),
    FLAG("include-ignored", "copy ignored files into the session too"),
    {"network",          "MODE",     COMMAND_VALUE_NETWORK, "allow-all (default) or restricted (no network)"},
    {"broker",           "MODE",     COMMAND_VALUE_BROKER,  "socket (default), or sidecar where the engine can mount no socket of this machine"},
    {"cpus",             "N",        COMMAND_VALUE_TEXT,    "processors at most (4)"},
    {"memory",           "SIZE",     COMMAND_VALUE_TEXT,    "memory at most (8g)"},
    {"pids",             "N",        COMMAND_VALUE_NUMBER,  "processes at most (4096)"},
    {"device-read-bps",  "DEV:RATE", COMMAND_VALUE_PATH,    "limit reading from a block device"},
    {"device-write-bps", "DEV:RATE", COMMAND_VALUE_PATH,    "limit writing to a block device"},
    {"gpu",              "SPEC",     COMMAND_VALUE_TEXT,    "give GPUs: all, a number, or device=ID,..."},
    {"image",            "REF",      COMMAND_VALUE_TEXT,    "use this image: a local one, or NAME@sha256:DIGEST"},
    FLAG("from-source", "build the image from the installed source"),
    {"dotnet-preview",   "CHANNEL",  COMMAND_VALUE_TEXT,    "install a preview of .NET before the agent starts"},
    {"engine-arg",       "ARG",      COMMAND_VALUE_TEXT,    "pass --NAME=VALUE to docker run, if policies/engine-args.tab has it"},
    FLAG("yes", "answer yes to questions"),
    FLAG("dry-run", "print the docker run command and start nothing"),
    FLAG("json", "print --dry-run as JSON"),
    HELP, END,
};

static const struct command_option list_options[] = {
    JSON,
    FLAG("quiet", "print the session ids only"),
    HELP, END,
};

static const struct command_option json_options[] = {JSON, HELP, END};
static const struct command_option help_options[] = {HELP, END};
static const struct command_option data_options[] = {
    {"session", "ID", COMMAND_VALUE_SESSION, "what that session is given, or gave back, alone"},
    JSON, HELP, END,
};

static const struct command_option logs_options[] = {
    FLAG("follow", "go on as long as the session prints"),
    {"tail", "N", COMMAND_VALUE_NUMBER, "only the last N lines"},
    FLAG("raw", "pass control characters on to a terminal too"),
    HELP, END,
};

static const struct command_option record_options[] = {
    FLAG("follow", "go on as long as the session runs"),
    FLAG("json", "print one JSON object a line for each command"),
    FLAG("all", "every command, as it was executed: what an agent runs for itself, and its shells"),
    FLAG("denied", "only commands that were denied, or something inside them"),
    FLAG("failed", "only commands that did not end with 0"),
    {"tier",  "NAME", COMMAND_VALUE_TIER, "only commands of this tier and higher ones"},
    {"program", "GLOB", COMMAND_VALUE_TEXT, "only commands of this program, or with it inside: git, 'python*', '/usr/bin/*'"},
    {"since", "TIME", COMMAND_VALUE_TEXT, "only commands started since then: 10m, 2h, or RFC 3339 in UTC"},
    HELP, END,
};

static const struct command_option approvals_options[] = {
    FLAG("follow", "go on with what asks, and what comes of it"),
    FLAG("json", "print one JSON object a line"),
    FLAG("brief", "print one line for each, with the commands that answer"),
    FLAG("quiet", "print the ids only"),
    HELP, END,
};

static const struct command_option approve_options[] = {
    {"always", "WHAT", COMMAND_VALUE_SCOPE,  "and what asks by the same rule later on: prefix or program"},
    {"words",  "N",    COMMAND_VALUE_NUMBER, "with --always=prefix, compare the first N words (all)"},
    HELP, END,
};

static const struct command_option tasks_options[] = {
    {"kill",   "ID",     COMMAND_VALUE_TEXT, "end the task, and all that is in its sandbox"},
    {"signal", "SIGNAL", COMMAND_VALUE_TEXT, "with --kill, send its command this signal instead"},
    {"logs",   "ID",     COMMAND_VALUE_TEXT, "print what a task wrote that nobody waits for"},
    JSON, HELP, END,
};

static const struct command_option deny_options[] = {
    {"message", "TEXT", COMMAND_VALUE_TEXT, "tell whoever waits for the command why"},
    HELP, END,
};

static const struct command_option sync_options[] = {
    {"as",        "BRANCH", COMMAND_VALUE_TEXT,   "fetch into this branch instead of the session's"},
    {"max-bytes", "N",      COMMAND_VALUE_NUMBER, "most bytes that the session may send (2 GiB)"},
    FLAG("recover", "commit first what an ended session left uncommitted"),
    JSON, HELP, END,
};

static const struct command_option stop_options[] = {
    FLAG("all", "stop every running session"),
    FLAG("no-push", "leave the work in the volume"),
    HELP, END,
};

static const struct command_option remove_options[] = {
    FLAG("all", "remove every session that has a record"),
    FLAG("no-push", "do not collect the work first"),
    FLAG("keep-branch", "keep the host branch even when it has no commits of its own"),
    FLAG("yes", "remove what is nowhere else too, unasked"),
    HELP, END,
};

static const struct command_option doctor_options[] = {
    {"image", "REF", COMMAND_VALUE_TEXT, "check inside this image instead of the shell agent's"},
    JSON, HELP, END,
};

static const struct command_option policy_options[] = {
    {"agent",  "AGENT", COMMAND_VALUE_AGENT, "leave out what is for other agents"},
    {"policy", "PATHS", COMMAND_VALUE_PATH,  "files and directories, with ':' between, before what is shipped"},
    FLAG("alone", "leave out what is shipped"),
    {"cwd",    "DIR",   COMMAND_VALUE_PATH,  "judge a command in this directory (/workspace)"},
    JSON, HELP, END,
};

static const struct command_option audit_options[] = {
    {"key",    "HEX",   COMMAND_VALUE_TEXT,   "verify: the public key that must have closed the log, if not the one on record"},
    {"event",  "NAMES", COMMAND_VALUE_TEXT,   "show, tail: only these events, with ',' between"},
    {"source", "NAMES", COMMAND_VALUE_TEXT,   "show, tail: only what these programs said: keeper,boot"},
    {"since",  "TIME",  COMMAND_VALUE_TEXT,   "show, tail: only from then on: 10m, 2h, or RFC 3339 in UTC"},
    {"lines",  "N",     COMMAND_VALUE_NUMBER, "show, tail: only the last N of what is there (tail: 10)"},
    FLAG("follow", "show, tail: go on as long as the session writes"),
    FLAG("json", "print JSON: verify one document, show and tail one object a line"),
    HELP, END,
};

static const struct command_option trust_config_options[] = {
    FLAG("show", "only show what there is, and what changed"),
    FLAG("revoke", "take back what was accepted"),
    FLAG("include-ignored", "with the ignored files, for sessions that get them"),
    FLAG("yes", "accept without asking"),
    JSON, HELP, END,
};

static const struct command_option secrets_options[] = {
    {"file", "FILE", COMMAND_VALUE_PATH, "with set: sessions take what this file has when they start"},
    FLAG("none", "with set: sessions get none, whatever there is"),
    FLAG("quiet", "with list: print the names only"),
    JSON, HELP, END,
};

const struct command commands[] = {
    {
        .name = "run",
        .summary = "run an agent on a repository and bring its work back as a branch",
        .synopsis = "AGENT [SOURCE] [-- COMMAND [ARGUMENT...]]",
        .details = "SOURCE is a directory or a URL; without it, the current directory. Without a command the "
                   "session is interactive.",
        .argument = COMMAND_VALUE_AGENT,
        .arguments_minimum = 1, .arguments_maximum = SIZE_MAX,
        .is_launchers = true,
        .options = start_options,
    },
    {
        .name = "launch",
        .summary = "start a session that stays, for an editor or for connect",
        .synopsis = "AGENT [SOURCE] [-- COMMAND [ARGUMENT...]]",
        .details = "Like run, but detached: the session lives until it is stopped.",
        .argument = COMMAND_VALUE_AGENT,
        .arguments_minimum = 1, .arguments_maximum = SIZE_MAX,
        .is_launchers = true,
        .options = start_options,
    },
    {
        .name = "list",
        .summary = "show the sessions and how to get work that was not collected",
        .synopsis = "",
        .options = list_options,
    },
    {
        .name = "status",
        .summary = "show everything known about one session",
        .synopsis = "SESSION",
        .argument = COMMAND_VALUE_SESSION,
        .arguments_minimum = 1, .arguments_maximum = 1,
        .options = json_options,
    },
    {
        .name = "connect",
        .summary = "connect this terminal to an interactive session",
        .synopsis = "SESSION",
        .argument = COMMAND_VALUE_SESSION,
        .arguments_minimum = 1, .arguments_maximum = 1,
        .options = help_options,
    },
    {
        .name = "logs",
        .summary = "show what the program of a session printed",
        .synopsis = "SESSION",
        .argument = COMMAND_VALUE_SESSION,
        .arguments_minimum = 1, .arguments_maximum = 1,
        .options = logs_options,
    },
    {
        .name = "tasks",
        .summary = "show the commands of a session that run now, and end them",
        .synopsis = "SESSION",
        .details = "Those of its agent, and what they left in the background. agent-task-runnerctl does the same inside.",
        .argument = COMMAND_VALUE_SESSION,
        .arguments_minimum = 1, .arguments_maximum = 1,
        .options = tasks_options,
    },
    {
        .name = "record",
        .summary = "show the commands that ran in a session, and those that were denied",
        .synopsis = "SESSION",
        .details = "Reads the audit log of the session and proves it on the way. What ran inside a command stands "
                   "below it.",
        .argument = COMMAND_VALUE_SESSION,
        .arguments_minimum = 1, .arguments_maximum = 1,
        .options = record_options,
    },
    {
        .name = "audit",
        .summary = "prove the audit log of a session, or show its events",
        .synopsis = "verify SESSION | show SESSION | tail SESSION",
        .details = "verify checks every line, the signature at the end, and the copies in security-events.log (0: "
                   "whole and closed, 1: whole, but not closed or not signed, 209: damaged). show prints the events, "
                   "tail the last of them.",
        .argument = COMMAND_VALUE_AUDIT,
        .further = COMMAND_VALUE_SESSION,
        .arguments_minimum = 2, .arguments_maximum = 2,
        .options = audit_options,
    },
    {
        .name = "approvals",
        .summary = "show the commands that wait for an answer",
        .synopsis = "[SESSION]",
        .details = "Of all sessions that run, or of one. approve and deny answer; what nobody answers in time is "
                   "denied.",
        .argument = COMMAND_VALUE_SESSION,
        .arguments_maximum = 1,
        .options = approvals_options,
    },
    {
        .name = "approve",
        .summary = "let a command run that waits for an answer",
        .synopsis = "ID",
        .details = "--always=prefix also approves what begins with the same words, --always=program all of the same "
                   "program file, as long as the session runs.",
        .argument = COMMAND_VALUE_ASK,
        .arguments_minimum = 1, .arguments_maximum = 1,
        .options = approve_options,
    },
    {
        .name = "deny",
        .summary = "refuse a command that waits for an answer",
        .synopsis = "ID",
        .argument = COMMAND_VALUE_ASK,
        .arguments_minimum = 1, .arguments_maximum = 1,
        .options = deny_options,
    },
    {
        .name = "sync",
        .summary = "fetch the work of a session into the repository",
        .synopsis = "SESSION",
        .details = "Fetches the commits that the session pushed into its branch of the repository it was "
                   "started on, and shows which changed files would run code on the host. A session that was "
                   "killed has its last changes committed first.",
        .argument = COMMAND_VALUE_SESSION,
        .arguments_minimum = 1, .arguments_maximum = 1,
        .options = sync_options,
    },
    {
        .name = "stop",
        .summary = "end a session in order and collect its work",
        .synopsis = "[SESSION...]",
        .argument = COMMAND_VALUE_SESSION,
        .arguments_maximum = SIZE_MAX,
        .options = stop_options,
    },
    {
        .name = "kill",
        .summary = "end a session at once",
        .synopsis = "SESSION...",
        .details = "Nothing is committed or collected; the workspace stays in the volume, and sync gets it from "
                   "there.",
        .argument = COMMAND_VALUE_SESSION,
        .arguments_minimum = 1, .arguments_maximum = SIZE_MAX,
        .options = help_options,
    },
    {
        .name = "remove",
        .summary = "remove sessions with container, volume, network and record",
        .synopsis = "[SESSION...]",
        .details = "A running session is stopped and its work collected first. What would be lost is named, "
                   "and only removed with --yes or when a terminal agrees. The host branch goes when it has no "
                   "commits beyond its base.",
        .argument = COMMAND_VALUE_SESSION,
        .arguments_maximum = SIZE_MAX,
        .options = remove_options,
    },
    {
        .name = "doctor",
        .summary = "check whether this machine can run sessions, by trying",
        .synopsis = "",
        .options = doctor_options,
    },
    {
        .name = "policy",
        .summary = "check, show and try the rules about commands",
        .synopsis = "check [FILE...] | show | test -- COMMAND [ARGUMENT...] | replay SESSION | suggest SESSION",
        .details = "check reads policy files, show prints the policy they make, test says what becomes of a command "
                   "(0: it runs, 1: it is denied, 2: it asks), replay which commands of a session would come out differently "
                   "now (0: none, 1: some), suggest prints rules that fit what ran in a session and nothing else. Nothing is "
                   "run.",
        .argument = COMMAND_VALUE_POLICY,
        .further = COMMAND_VALUE_OPERAND,
        .arguments_minimum = 1, .arguments_maximum = SIZE_MAX,
        .options = policy_options,
    },
    {
        .name = "data",
        .summary = "give away, bring in or check what an agent keeps on this machine",
        .synopsis = "export AGENT FILE | import AGENT FILE | verify AGENT FILE",
        .details = "An archive is whole or refused: its files, their order and sizes are under a key of yours. import "
                   "merges: files with an id in their path replace, others get the lines they lack, and doing it "
                   "twice changes nothing.",
        .argument = COMMAND_VALUE_DATA,
        .further = COMMAND_VALUE_OPERAND,
        .arguments_minimum = 3, .arguments_maximum = 3,
        .options = data_options,
    },
    {
        .name = "trust-config",
        .summary = "read and accept what a repository has to configure an agent",
        .synopsis = "AGENT [SOURCE]",
        .details = "Settings, hooks, servers and skills of a repository do nothing until they are accepted here, "
                   "and nothing again once they change. Shows the files, and what is not as it was accepted. With "
                   "--show the exit code is 0 when they are accepted and 1 when they are not.",
        .argument = COMMAND_VALUE_AGENT,
        .further = COMMAND_VALUE_PATH,
        .arguments_minimum = 1, .arguments_maximum = 2,
        .options = trust_config_options,
    },
    {
        .name = "secrets",
        .summary = "show, set and take back the logins and secrets that sessions use",
        .synopsis = "list | test NAME | set NAME [-- COMMAND [ARGUMENT...]] | unset NAME | revoke NAME",
        .details = "NAME is that of an agent, or of a secret for servers, in capitals. No form prints one or takes one as an argument: set reads standard input.",
        .argument = COMMAND_VALUE_SECRETS,
        .further = COMMAND_VALUE_SECRET,
        .arguments_minimum = 1, .arguments_maximum = SIZE_MAX,
        .options = secrets_options,
    },
    {
        .name = "version",
        .summary = "show the versions of coding-agents, engine, kernel and git",
        .synopsis = "",
        .options = json_options,
    },
    {
        .name = "completion",
        .summary = "print the completion script of a shell",
        .synopsis = "bash|zsh|fish",
        .details = "For bash: source <(coding-agents completion bash)",
        .argument = COMMAND_VALUE_SHELL,
        .arguments_minimum = 1, .arguments_maximum = 1,
        .options = help_options,
    },
    {
        .name = "help",
        .summary = "show the commands, or one of them",
        .synopsis = "[COMMAND]",
        .argument = COMMAND_VALUE_COMMAND,
        .arguments_maximum = 1,
        .options = help_options,
    },
};
/* clang-format on */

const size_t command_count = ARRAY_LENGTH(commands);
