#!/usr/bin/env bats
# What cannot be trapped does not start: each thing that the exec trap needs is taken away, and named with its remedy.
# shellcheck disable=SC2154 # bats sets output, stderr and status

load common
load session

LIBEXEC=/usr/libexec/coding-agents

setup_file() {
    bats_require_minimum_version 1.5.0
    export CONTAINER=coding-agents-trap-refused-$$
    "$DOCKER" run --detach --init --name "$CONTAINER" --read-only --cap-drop ALL --cap-add SYS_ADMIN --cap-add SETUID \
        --cap-add SETGID --cap-add SETPCAP --cap-add CHOWN --cap-add KILL --cap-add SYS_PTRACE \
        --security-opt no-new-privileges:true --security-opt "seccomp=$ROOT/policies/seccomp/agent.json" \
        --security-opt apparmor=coding-agents \
        --tmpfs /run:rw,mode=755 --tmpfs /home:rw,mode=755 --tmpfs /var/lib/coding-agents:rw,mode=755 \
        --volume "$BUILD/tests/helpers/without:/without:ro" --volume /workspace --volume /tmp \
        --entrypoint sleep "$SHELL_IMAGE" infinity >/dev/null
    as_root sh -c 'mkdir -p /run/coding-agents /run/agent-task-runner /home/agentuser /home/agentcli
        chown 10000:10000 /workspace /tmp /home/agentuser && chown 10001:10001 /home/agentcli
        echo idmapped >/run/coding-agents/views'
    start_services
}

teardown_file() {
    "$DOCKER" rm --force --volumes "$CONTAINER" >/dev/null 2>&1 || true
}

setup() {
    bats_require_minimum_version 1.5.0
}

as_root() { "$DOCKER" exec "$CONTAINER" "$@"; }

# As PID 1 starts them, but for who restarts them.
start_services() {
    "$DOCKER" exec --detach "$CONTAINER" sh -c "exec $LIBEXEC/agent-task-sandbox --serve shell 2>>/run/log"
    wait_for 20 as_root test -S /run/coding-agents/sandbox.sock
    start_runner
}

# start_runner [WITHOUT THING]
start_runner() {
    "$DOCKER" exec --detach "$CONTAINER" sh -c "exec $* $LIBEXEC/agent-task-runnerd 2>>/run/log"
    wait_for 20 as_root test -S /run/agent-task-runner/runner.sock
}

stop_runner() {
    as_root pkill -x agent-task-runn
    wait_for 20 as_root sh -c '! pgrep -x agent-task-runn'
    as_root rm -f /run/agent-task-runner/runner.sock
}

# trapped THING COMMAND...: agentcli in an empty environment, where THING is missing.
trapped() {
    as_root env -i PATH=/usr/bin:/bin /without "$1" "$LIBEXEC/agentcli-exec" --agent shell --identity agentcli -- "${@:2}"
}

# refused WORDS THING: nothing ran, and one line says why.
refused() {
    run -219 --separate-stderr trapped "$2" echo ran
    echo "$stderr"
    [ -z "$output" ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    # shellcheck disable=SC2053 # a pattern
    [[ $stderr == *$1* ]]
}

@test "with everything there, a command runs below a relay as agentuser" {
    run trapped nothing bash -c 'id -u; exit 7'
    echo "$output"
    as_root cat /run/log
    [ "$status" -eq 7 ]
    [ "$output" = 10000 ]
}

@test "somebody above listens to its system calls" {
    refused 'listens to its system calls already'*'start the session without it' listener
}

@test "no Landlock" {
    refused 'Landlock version 2 is needed'*'lsm=' landlock
}

@test "a trapped call cannot wait for good" {
    refused 'WAIT_KILLABLE_RECV'*'run on Linux 6.1' killable
}

@test "a runner that may not trace" {
    stop_runner
    start_runner /without ptrace
    refused 'the task runner refused the listener: it may not trace'*'--cap-add SYS_PTRACE' nothing
    # Not one call came: nothing is below a trap that cannot work.
    run ! as_root grep -q 'exec refused' /run/log
    stop_runner
    start_runner
    run trapped nothing echo ran
    [ "$output" = ran ]
}

@test "no runner" {
    stop_runner
    refused 'the task runner does not answer'*'agent-initctl status' nothing
    start_services
    run trapped nothing true
    [ "$status" -eq 0 ]
}
