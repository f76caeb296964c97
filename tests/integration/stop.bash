# What tests of sessions that end before their time, or badly, share: a repository and a session each, and what is left.
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is for the tests

setup_file() {
    session_setup_file
}

teardown_file() {
    session_teardown_file
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    new_repository "$REPO"
    NAME=stop-$BATS_TEST_NUMBER-$$
    OUT=$BATS_TEST_TMPDIR/out
    LAUNCHER=
    terminal_setup
}

teardown() {
    terminal_show_all
    terminal_teardown
    [ -z "$LAUNCHER" ] || kill -KILL "$LAUNCHER" 2>/dev/null || true
    "$CA" remove "$NAME" --yes --no-push >/dev/null 2>&1 || true
    [ -z "${IMAGE:-}" ] || "$DOCKER" rmi -f "$IMAGE" >/dev/null 2>&1 || true
}

# background [OPTION...] -- COMMAND...: a headless session; what it and the launcher say is in $OUT.
background() {
    : >"$OUT" # before who waits for a word looks at it
    "$CA" run shell "$REPO" --name "$NAME" "$@" >"$OUT" 2>&1 </dev/null 3>&- &
    LAUNCHER=$!
}

# working COMMANDS [OPTION...]: a headless session that runs COMMANDS with bash and has said that it is up. That must
# be the last thing that COMMANDS need at the start.
working() {
    : >"$OUT"
    background "${@:2}" -- bash -c "$1"
    wait_for 60 said '^up$'
}

said() {
    grep -q -- "$1" "$OUT"
}

# ends_with CODE: the launcher.
ends_with() {
    local code=0
    wait "$LAUNCHER" || code=$?
    LAUNCHER=
    cat "$OUT"
    echo "ended with $code"
    [ "$code" -eq "$1" ]
}

status_of() {
    "$CA" status "$NAME" --json | jq -r ".$1"
}

phase_is() {
    [ "$(status_of phase)" = "$1" ]
}

inside() {
    "$DOCKER" exec "$(container_of "$NAME")" "$@"
}

in_branch() {
    git -C "$REPO" show "shell/$NAME:$1"
}

not_in_branch() {
    ! git -C "$REPO" cat-file -e "shell/$NAME:$1" 2>/dev/null
}

# detached COMMAND...: in a sandbox of its own, for which nobody waits.
detached() {
    inside agent-task-runnerctl run -- "$@"
}

# record_of FILTER: the commands of the session's record, as one list.
record_of() {
    "$CA" record "$NAME" --json | jq -rs "$1"
}

# The volume as the session left it, seen from outside.
in_volume() {
    hardened_run --user 10000:10004 --workdir / \
        --mount "type=volume,source=$(container_of "$NAME"),destination=/volume,readonly" \
        --entrypoint "$1" "$SHELL_IMAGE" "${@:2}"
}

keeper_of() {
    pgrep -o -f -- "coding-agents-keeper --session $(id_of "$NAME")"
}

# Nothing of the session runs, here or in the engine; its network is gone; nothing of it is mounted.
leaves_nothing() {
    local container
    container=$(container_of "$NAME")
    [ -z "$("$DOCKER" ps -q --filter "name=$container")" ]
    [ -z "$("$DOCKER" network ls -q --filter "name=$container")" ]
    wait_for 10 not_running "coding-agents-keeper --session ${container#coding-agents-}"
    [ "$(grep -c "$container" /proc/self/mountinfo)" -eq 0 ]
}

not_running() {
    ! pgrep -f -- "$1"
}
