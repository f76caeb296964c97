#!/usr/bin/env bats
# What an editor, or whoever attaches with the engine, gets in a session of each vendor's agent: a command like any other.

load common
load session

setup_file() {
    bats_require_minimum_version 1.5.0
    session_setup_file
}

teardown_file() {
    session_teardown_file
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    new_repository "$REPO"
    # What a desktop has, and no session.
    export SSH_AUTH_SOCK=$BATS_TEST_TMPDIR/agent.sock GPG_AGENT_INFO=$BATS_TEST_TMPDIR/gpg.sock:1:1 \
        VSCODE_IPC_HOOK_CLI=$BATS_TEST_TMPDIR/code.sock DBUS_SESSION_BUS_ADDRESS=unix:path=$BATS_TEST_TMPDIR/bus \
        REMOTE_CONTAINERS_IPC=$BATS_TEST_TMPDIR/ipc.sock
}

# attached COMMAND...: as docs/sessions.md says, in the session NAME.
attached() {
    "$DOCKER" exec --user agentuser "$CONTAINER" agent-task-runnerctl exec -- "$@" </dev/null
}

# finds_socket PATH: a command sees it.
finds_socket() { attached find / -type s -not -path '/proc/*' 2>/dev/null | grep -qxF "$1"; }

# is_fenced AGENT: in a session of it.
is_fenced() {
    local said
    local names='SSH_AUTH_SOCK|GPG_AGENT_INFO|VSCODE_.*|DBUS_.*|REMOTE_CONTAINERS.*|DOCKER_.*|[A-Z_]*(KEY|TOKEN)'
    NAME=editor-$1
    echo 'ANTHROPIC_API_KEY=c4n4ry' >"$BATS_TEST_TMPDIR/key"
    "$CA" launch "$1" "$REPO" --name "$NAME" --network restricted --env-file "$BATS_TEST_TMPDIR/key" </dev/null
    CONTAINER=$(container_of "$NAME")
    wait_for 30 attached true
    [ "$(attached id -un)" = agentuser ]
    [ "$(attached pwd)" = /workspace ]
    # The fences of a command.
    [ "$(attached sh -c 'grep -E "^(NoNewPrivs|Seccomp|CapBnd|CapEff):" /proc/self/status' | awk '{ print $2 }' | xargs)" = \
        '0000000000000000 0000000000000000 1 2' ]
    # Nothing of the host's, nor of the agent's.
    said=$(attached env)
    grep -q '^PATH=' <<<"$said"
    run -1 grep -E "^($names)=" <<<"$said"
    [ "$(attached find / -type s -not -path '/proc/*' 2>/dev/null)" = /run/agent-task-runner/runner.sock ]
    run ! attached grep -E "$BATS_TEST_TMPDIR|docker.sock|/run/user" /proc/self/mountinfo
    # On the record, as any command.
    attached sh -c 'echo looked >seen'
    "$CA" record "$NAME" --json | holds --slurp 'any(.[]; .uid == 10000 and .verdict == "sandbox" and ((.argv // []) | any(. == "echo looked >seen")))'
    # The positive control: what the engine starts by itself has what it is given, and is on nobody's record.
    "$DOCKER" exec --user agentuser --env SSH_AUTH_SOCK=/tmp/agent.sock "$CONTAINER" sh -c 'env; echo apart' | grep '^SSH_AUTH_SOCK='
    lacks 'echo apart' 'echo looked' "$CA" record "$NAME" --json
    [ "$("$DOCKER" exec --user agentuser "$CONTAINER" awk '/^Seccomp:/ { print $2 }' /proc/self/status)" = 2 ]
    # So is what it listens on: the look that docs/sessions.md advises finds a socket like those that editors forward.
    "$DOCKER" exec --detach --user agentuser "$CONTAINER" python3 -c \
        'import socket, time; s = socket.socket(socket.AF_UNIX); s.bind("/tmp/vscode-ssh-auth-x.sock"); s.listen(); time.sleep(600)'
    wait_for 30 finds_socket /tmp/vscode-ssh-auth-x.sock
    "$CA" stop "$NAME"
    [ "$(git -C "$REPO" show "$1/$NAME:seen")" = looked ]
}

# bats test_tags=soak
@test "who attaches to a session of claude is agentuser behind a command's fences, on the record, without anything of the host's" {
    is_fenced claude
}

@test "who attaches to a session of codex is agentuser behind a command's fences, on the record, without anything of the host's" {
    is_fenced codex
}

# bats test_tags=soak
@test "who attaches to a session of copilot is agentuser behind a command's fences, on the record, without anything of the host's" {
    is_fenced copilot
}

@test "each image tells editors whom to attach as, and what to open for a terminal" {
    local agent
    for agent in shell claude codex copilot all; do
        run -0 "$DOCKER" image inspect --format '{{index .Config.Labels "devcontainer.metadata"}}' "coding-agents/$agent:$VERSION"
        holds '.[0].remoteUser == "agentuser" and .[0].remoteEnv.SSH_AUTH_SOCK == ""' <<<"$output"
        holds '.[0].customizations.vscode.settings | .["terminal.integrated.profiles.linux"][.["terminal.integrated.defaultProfile.linux"]]
            == {"path": "/usr/local/bin/agent-task-runnerctl", "args": ["shell"]}' <<<"$output"
    done
}
