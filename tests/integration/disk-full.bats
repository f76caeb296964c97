#!/usr/bin/env bats
# runs as: root
# A disk that is full when the repository is copied, when the work is committed, and when it is pushed.
# shellcheck disable=SC2016,SC2154 # what stands in single quotes is for the shell inside; bats sets stderr

load common
load session
load engine
load shutdown

setup_file() {
    session_setup_file
    engine_setup_file
    # What volumes lie on is a file system of their own, and small. An engine that starts takes such mounts away.
    mount -t tmpfs -o size=48m volumes "$ENGINE/data/volumes"
}

teardown_file() {
    engine_teardown_file
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    new_repository "$REPO"
    NAME=full-$BATS_TEST_NUMBER-$$
    mount -o remount,size=48m "$ENGINE/data/volumes"
}

teardown() {
    "$CA" remove "$NAME" --yes --no-push >/dev/null 2>&1 || true
}

# works MEGABYTES: an agent that leaves so much that cannot be made smaller.
works() {
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --network restricted -- \
        sh -ec "echo work >work; head -c ${1}000000 /dev/urandom >big"
    echo "$stderr"
    [ "$status" -eq 208 ]
    ID=$(id_of "$NAME")
    SUM=$(sha256sum <"$ENGINE/data/volumes/coding-agents-$ID/_data/workspace/big")
}

# is_kept: list says how to get it; that fails in a line as long as there is no room, and not when there is.
is_kept() {
    shows_steps "$NAME"
    is_mirror "$NAME"
    is_in_time "$NAME" "$("$DOCKER" inspect --format '{{.Config.StopTimeout}}' "coding-agents-$ID")"
    [ "$(shutdown_steps "$NAME" | jq -r 'select(.step == "git").outcome')" = failed ]
    [[ $("$CA" list) == *"coding-agents sync $ID"* ]]
    run --separate-stderr "$CA" sync "$ID"
    echo "$stderr"
    [ "$status" -eq 208 ]
    # Besides the progress of what takes longer than a second.
    [ "$(grep -vc '^saving the work of ' <<<"$stderr")" -eq 1 ]
    # In git's words, of which there are two.
    [[ $stderr == *'No space left on device'* || $stderr == *'Out of diskspace'* ]]
    mount -o remount,size=200m "$ENGINE/data/volumes"
    "$CA" sync "$ID"
    [ "$(git -C "$REPO" show "shell/$NAME:big" | sha256sum)" = "$SUM" ]
}

@test "full while the repository is copied: refused in one line, and nothing is left" {
    head -c 60000000 /dev/urandom >"$REPO/large"
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --network restricted -- true
    echo "$stderr"
    [ "$status" -eq 214 ]
    [ "$(grep -c 'No space left' <<<"$(grep '^coding-agents:' <<<"$stderr")")" -eq 1 ]
    [ -z "$("$DOCKER" volume ls -q)" ]
    run ! git -C "$REPO" rev-parse --verify -q "shell/$NAME"
}

@test "full when the work is committed: it stays in the volume, and comes when there is room" {
    works 30
    is_kept
}

@test "full when the commit is pushed: it stays in the volume, and comes when there is room" {
    works 18
    is_kept
}
