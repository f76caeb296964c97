# A container with the shipped flags in which nothing runs but the sandbox service and the task runner, for tests of what
# they do without a session around them. $CONTAINER names it.
# shellcheck shell=bash

LIBEXEC=/usr/libexec/coding-agents

# services_container [OPTION...]: the container, before its services are started. OPTIONs are the engine's.
services_container() {
    "$DOCKER" run --detach --init --name "$CONTAINER" --read-only --cap-drop ALL \
        --cap-add SYS_ADMIN --cap-add SETUID --cap-add SETGID --cap-add SETPCAP --cap-add CHOWN --cap-add KILL \
        --cap-add SYS_PTRACE \
        --security-opt no-new-privileges:true --security-opt "seccomp=$ROOT/policies/seccomp/agent.json" \
        --security-opt apparmor=coding-agents \
        --tmpfs /run:rw,mode=755 --volume "$CONTAINER-workspace:/workspace" --volume "$CONTAINER-tmp:/tmp" \
        --volume "$CONTAINER-home:/home/agentuser" "$@" --entrypoint sleep "$SHELL_IMAGE" infinity >/dev/null
    as_root mkdir -p /run/coding-agents/exec.d
    as_root chown 10000:10000 /workspace /tmp /home/agentuser
}

services_remove() {
    "$DOCKER" rm --force --volumes "$CONTAINER" >/dev/null 2>&1 || true
    "$DOCKER" volume rm --force "$CONTAINER-workspace" "$CONTAINER-tmp" "$CONTAINER-home" >/dev/null 2>&1 || true
}

as_root() { "$DOCKER" exec --interactive "$CONTAINER" "$@"; }
# As a command would be without a sandbox.
as_user() { "$DOCKER" exec --user 10000:10000 "$CONTAINER" "$@"; }
sandboxed() { as_user agent-task-runnerctl exec -- "$@" </dev/null; }

# services_policy NAME: standard input becomes a file of the session's own rules, for the next start or reload.
services_policy() {
    as_root sh -c "cat >/run/coding-agents/exec.d/$1.json"
}

start_services() {
    "$DOCKER" exec --detach "$CONTAINER" sh -c \
        "echo \$\$ >/run/sandbox.pid; exec $LIBEXEC/agent-task-sandbox --serve shell >/run/sandbox.log 2>&1"
    eventually as_root test -S /run/coding-agents/sandbox.sock
    "$DOCKER" exec --detach "$CONTAINER" sh -c "exec $LIBEXEC/agent-task-runnerd >/run/runner.log 2>&1"
    eventually as_user agent-task-runnerctl exec -- true
}

generation_is() { as_user agent-task-runnerctl status --json | grep -q "\"policy_generation\": *$1"; }

eventually() {
    wait_for 20 "$@" || {
        as_root sh -c 'cat /run/*.log' >&2
        return 1
    }
}
