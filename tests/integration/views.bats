#!/usr/bin/env bats
# Two identities, one workspace: through idmapped mounts, and through a shared group where there are none.
# runs as: user, root in soak
# shellcheck disable=SC2016 # what stands in single quotes is for the shell inside

load common
load session

setup_file() {
    session_setup_file
}

teardown_file() {
    session_teardown_file
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    NAME=views-$BATS_TEST_NUMBER-$$
    new_repository "$REPO"
    mkdir "$REPO/directory"
    echo deep >"$REPO/directory/deep"
    printf '#!/bin/sh\necho ran\n' >"$REPO/script"
    chmod 0700 "$REPO/script"
    git -C "$REPO" add .
    git -C "$REPO" commit -q -m 'More files'
}

teardown() {
    "$CA" remove "$NAME" --yes --no-push >/dev/null 2>&1 || true
}

# What agentuser does in the session itself; agentcli, whom an operator lets in, takes turns with it.
users_turns='
    await() { until test -e "/tmp/$1"; do sleep 0.05; done; }
    echo user >own
    echo shared >/tmp/shared
    id >/tmp/id
    grep -E " /(workspace|tmp) " /proc/self/mountinfo >/tmp/mounts
    ./script >/tmp/ran
    touch /tmp/user-began
    await cli-done
    echo user >>made
    chmod 0750 made 2>/tmp/user-chmod
    mv made-directory/file made-directory/moved
    mv directory/renamed-by-cli directory/renamed-by-both
    touch /tmp/user-done
    exec sleep 600'

clis_turn='
    cd /workspace
    echo cli >made
    mkdir made-directory
    echo file >made-directory/file
    echo cli >>file
    echo cli >>directory/deep
    mv directory/deep directory/renamed-by-cli
    mv own own-renamed
    echo cli >>own-renamed
    chmod 0640 own-renamed 2>/tmp/cli-chmod
    chmod 0770 made-directory
    cat /tmp/shared
    touch /tmp/cli-done'

# take_turns: a launched session in which both identities have changed each other's files.
take_turns() {
    "$CA" launch shell "$REPO" --name "$NAME" -- sh -c "$users_turns"
    CONTAINER=$(container_of "$NAME")
    wait_for 20 operator test -e /tmp/user-began
    run cli sh -c "$clis_turn"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = shared ]
    wait_for 20 operator test -e /tmp/user-done
}

operator() {
    "$DOCKER" exec "$CONTAINER" "$@"
}

# Not root, who has no capability to read what is somebody's own.
user() {
    "$DOCKER" exec --user 10000:10000 "$CONTAINER" "$@"
}

# What a vendor's program would do, which nothing but a test can start without the exec trap.
cli() {
    if ! operator test -e /tmp/untrapped; then
        "$DOCKER" exec --interactive --user 10000:10000 "$CONTAINER" \
            sh -c 'cat >/tmp/untrapped && chmod 0755 /tmp/untrapped' <"$BUILD/tests/agentcli-untrapped"
    fi
    operator /tmp/untrapped "$@"
}

# Everybody's edits arrived, whoever owned the file.
edits_are_there() {
    [ "$(user cat /workspace/made)" = $'cli\nuser' ]
    [ "$(user cat /workspace/own-renamed)" = $'user\ncli' ]
    [ "$(user cat /workspace/file)" = $'hello\ncli' ]
    [ "$(user cat /workspace/directory/renamed-by-both)" = $'deep\ncli' ]
    [ "$(user cat /workspace/made-directory/moved)" = file ]
}

# The work of both, collected by an ordinary stop.
work_comes_back() {
    run "$CA" stop "$NAME"
    echo "$output"
    [ "$status" -eq 0 ]
    local branch=shell/$NAME
    [ "$(git -C "$REPO" show "$branch:made")" = $'cli\nuser' ]
    [ "$(git -C "$REPO" show "$branch:own-renamed")" = $'user\ncli' ]
    [ "$(git -C "$REPO" show "$branch:directory/renamed-by-both")" = $'deep\ncli' ]
}

@test "agentuser and agentcli each own every file of the workspace, through idmapped mounts" {
    take_turns
    edits_are_there
    # Both could change the other's modes, and on the disk everything is agentuser's.
    [ -z "$(operator cat /tmp/user-chmod /tmp/cli-chmod)" ]
    [ "$(operator stat -c '%a %u:%g' /workspace/made)" = '750 10000:10000' ]
    [ "$(operator stat -c '%a %u:%g' /workspace/own-renamed)" = '640 10000:10000' ]
    [ "$(operator stat -c '%a %u:%g' /workspace/made-directory)" = '770 10000:10000' ]
    [ "$(cli stat -c %u:%g /workspace/made /workspace/file /tmp/shared | sort -u)" = 10001:10001 ]
    # The path taken is the idmapped one, for both directories and for agentcli alone.
    local mounts
    mounts=$(cli grep -E ' /(workspace|tmp) ' /proc/self/mountinfo)
    [ "$(grep -cE ' /workspace rw,nosuid,nodev,noexec,[^-]*idmapped' <<<"$mounts")" -eq 1 ]
    [ "$(grep -cE ' /tmp rw,nosuid,nodev,noexec,[^-]*idmapped' <<<"$mounts")" -eq 1 ]
    mounts=$(operator cat /tmp/mounts)
    [ "$(grep -cE ' /(workspace|tmp) rw,nosuid,nodev,' <<<"$mounts")" -eq 2 ]
    [[ $mounts != *idmapped* && $mounts != *noexec* ]]
    [[ "$("$DOCKER" logs "$CONTAINER" 2>&1)" != *weaker:* ]]
    [ "$(events_of "$NAME" | jq -c 'select(.event == "boot-report").fields.weaker')" = '[]' ]
    work_comes_back
}

@test "in agentcli's view nothing can be executed, neither in the workspace nor in /tmp" {
    "$CA" launch shell "$REPO" --name "$NAME" -- sh -c 'cp script /tmp/script; touch /tmp/user-began; exec sleep 600'
    CONTAINER=$(container_of "$NAME")
    wait_for 20 operator test -e /tmp/user-began
    local script
    for script in /workspace/script /tmp/script; do
        run cli "$script"
        [ "$status" -eq 126 ]
        # The positive control: the same file as the other identity.
        run user "$script"
        [ "$status" -eq 0 ]
        [ "$output" = ran ]
    done
    run cli sh -c 'test ! -e /run/agent-tmux/tmux.sock && ls /home/agentuser'
    [ "$status" -ne 0 ]
}

@test "where mounts cannot be idmapped a group shares the workspace, and the report says so" {
    staged_installation "$BATS_TEST_TMPDIR/installed"
    # What an engine does whose libseccomp does not know the call: it is left out of the profile.
    edit_json "$POLICIES/seccomp/agent.json" 'del(.syscalls[].names[] | select(. == "open_tree"))'
    take_turns
    edits_are_there
    [[ "$("$DOCKER" logs "$CONTAINER" 2>&1)" == *'weaker: no idmapped view, so the workspace is shared by group'* ]]
    [[ "$(events_of "$NAME" | jq -r 'select(.event == "boot-report").fields.weaker[]')" == 'no idmapped view'* ]]
    [ "$(operator cat /run/coding-agents/views)" = 'shared-group 10000' ]
    [[ "$(cli cat /proc/self/mountinfo)" != *idmapped* ]]
    # The stated limit: a mode can be changed by who made the file, and by nobody else.
    [[ "$(operator cat /tmp/cli-chmod)" == *'Operation not permitted'* ]]
    [[ "$(operator cat /tmp/user-chmod)" == *'Operation not permitted'* ]]
    [ "$(operator stat -c '%a %u:%g' /workspace/made-directory)" = '2770 10001:10000' ]
    [ "$(cli sh -c 'id -G; umask')" = $'10001 10000\n0002' ]
    [[ "$(operator cat /tmp/id)" == *'groups=10000'* ]]
    # A file that only its owner could read at home is the group's as well.
    [ "$(operator stat -c '%a %u:%g' /workspace/file)" = '660 10000:10000' ]
    # The identities are as confined as ever.
    run cli sh -c 'grep -E "^(CapPrm|CapBnd|NoNewPrivs):" /proc/self/status | tr -d "\t"'
    [ "$output" = $'CapPrm:0000000000000000\nCapBnd:0000000000000000\nNoNewPrivs:1' ]
    work_comes_back
}
