#!/usr/bin/env bats
# runs as: root
# Shutdowns that somebody makes long: each step ends by its deadline, all of them inside the grace of `docker stop`.
# shellcheck disable=SC2016 # what stands in single quotes is for the shell inside

load common
load session
load shutdown

FILES=2000
if [ "${SOAK:-0}" = 1 ]; then FILES=100000; fi

# What each session does before it says that it is up, by name. They are all stopped at the same time.
declare -gA SESSIONS=(
    [usual]=':'
    [many]="mkdir many; cd many; seq $FILES | split -l 1 -a 5 -; cd .."
    [hook]='mkdir -p .git/hooks; printf "#!/bin/sh\ntouch /tmp/hook-ran\nsleep 600\n" | tee .git/hooks/pre-commit .git/hooks/post-commit \
        .git/hooks/pre-push >/var/lib/coding-agents/local.git/pre-receive; cd /var/lib/coding-agents/local.git
        mkdir -p hooks; mv pre-receive hooks; cp hooks/pre-receive hooks/update; cp hooks/pre-receive hooks/post-receive
        chmod +x hooks/* /workspace/.git/hooks/*; cd /workspace'
    [push]='rm -f /var/lib/coding-agents/local.git/packed-refs; mkfifo /var/lib/coding-agents/local.git/packed-refs'
    [filter]='echo "work filter=slow" >.gitattributes; git config filter.slow.clean "sleep 600"'
    [stale]='touch .git/index.lock'
    [held]='(trap "" TERM HUP; while :; do : >>.git/index.lock; read -r -t 0.02 <> <(:); done) &'
)

setup_file() {
    session_setup_file
    REPO=$BATS_FILE_TMPDIR/repo
    export REPO SUFFIX=$$
    new_repository "$REPO"
    local name stops=() launchers=()
    for name in "${!SESSIONS[@]}"; do begin "$name" "${SESSIONS[$name]}"; done
    for name in "${!SESSIONS[@]}"; do
        wait_for 300 grep -qx up "$BATS_FILE_TMPDIR/$name.out" || {
            cat "$BATS_FILE_TMPDIR/$name.out"
            return 1
        }
    done
    # Nobody waits for the sessions: what is judged is theirs alone.
    kill -KILL "${launchers[@]}"
    for name in "${!SESSIONS[@]}"; do
        "$DOCKER" stop "$(container_of "$name-$SUFFIX")" >/dev/null &
        stops+=("$!")
    done
    wait "${stops[@]}"
    for name in "${!SESSIONS[@]}"; do wait_for 60 is_over "$name-$SUFFIX"; done
}

teardown_file() {
    session_teardown_file
}

# begin NAME COMMANDS: a session; its launcher joins `launchers`.
begin() {
    local out=$BATS_FILE_TMPDIR/$1.out
    : >"$out"
    "$CA" run shell "$REPO" --name "$1-$SUFFIX" --network restricted -- \
        bash -ec "$2"$'\necho work >work; echo up; exec sleep 600' >"$out" 2>&1 </dev/null 3>&- &
    launchers+=("$!")
    wait_for 60 grep -q ' works on branch ' "$out"
}

is_over() {
    [ "$("$CA" status "$1" --json | jq -r .phase)" = ended ]
}

# ends_well SESSION: the stop was no kill, every step kept its time, in the order of the table.
ends_well() {
    local container
    NAME=$1-$SUFFIX
    container=$(container_of "$NAME")
    cat "$BATS_FILE_TMPDIR/$1.out"
    shows_steps "$NAME"
    [ "$("$DOCKER" inspect --format '{{.State.ExitCode}}' "$container")" -eq 143 ]
    is_mirror "$NAME"
    is_in_time "$NAME" "$("$DOCKER" inspect --format '{{.Config.StopTimeout}}' "$container")"
    chain_holds "$NAME"
}

# outcome_of STEP
outcome_of() {
    shutdown_steps "$NAME" | jq -r "select(.step == \"$1\").outcome" | head -1
}

# is_saved: the work was committed and pushed to the volume, and only has to be fetched.
is_saved() {
    [ "$(outcome_of git)" = down ]
    [ "$(outcome_of mounts)" = down ]
    run "$CA" sync "$NAME"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output != *recovered* ]]
    [ "$(git -C "$REPO" show "shell/$NAME:work")" = work ]
}

# is_kept: it could not be, but the volume has the work and was synchronised, and list says how to go on.
is_kept() {
    [ "$(outcome_of git)" = failed ]
    [ "$(outcome_of mounts)" = down ]
    [ "$(cat "$("$DOCKER" volume inspect --format '{{.Mountpoint}}' "$(container_of "$NAME")")/workspace/work")" = work ]
    [[ $("$CA" list) == *"coding-agents sync $(id_of "$NAME")"* ]]
    grep -q '^  git  *failed .*the work is in the volume' "$BATS_FILE_TMPDIR/${NAME%-*}.out"
}

@test "the usual shutdown, for comparison" {
    ends_well usual
    is_saved
}

@test "many changed files" {
    ends_well many
    # A slow machine does not get through the full size within the grace; then the next command does.
    if [ "${SOAK:-0}" = 1 ] && [ "$(outcome_of git)" = failed ]; then
        is_kept
        "$CA" sync "$NAME"
    else
        is_saved
    fi
    [ "$(git -C "$REPO" ls-tree -r --name-only "shell/$NAME" many/ | wc -l)" -eq "$FILES" ]
}

@test "hooks that hang, in the work tree's repository and in the volume's, do not run" {
    ends_well hook
    is_saved
    [ ! -e "$("$DOCKER" volume inspect --format '{{.Mountpoint}}' "$(container_of "$NAME")")/tmp/hook-ran" ]
}

@test "a push that hangs" {
    ends_well push
    is_kept
}

@test "a filter that hangs" {
    ends_well filter
    is_kept
}

@test "a stale lock of the index" {
    ends_well stale
    is_saved
}

@test "a lock of the index whose holder ignores TERM" {
    ends_well held
    is_saved
}

@test "a reader of the terminal that stalls: what the boot's programs say is lost, and the work is saved" {
    local name=stalled-$SUFFIX out=$BATS_TEST_TMPDIR/out before
    mkfifo "$out.errors"
    exec 9<>"$out.errors"
    "$CA" run shell "$REPO" --name "$name" -- bash -c 'echo work >work; for ((i = 0; ; i++)); do
        echo "$i" >/tmp/count; echo "flood flood flood flood flood flood" >&2; done' >"$out" 2>"$out.errors" </dev/null 3>&- 9<&- &
    wait_for 60 "$CA" status "$name"
    wait_for 60 "$DOCKER" exec "$(container_of "$name")" test -s /tmp/count
    count() { "$DOCKER" exec "$(container_of "$name")" cat /tmp/count; }
    has_stalled() { before=$(count) && sleep 1 && [ "$(count)" = "$before" ]; }
    wait_for 60 has_stalled
    # The engine's own answer waits for the reader, too.
    "$DOCKER" stop "$(container_of "$name")" >/dev/null 2>&1 3>&- 9<&- &
    wait_for 90 grep -q '"kind":"shutdown-done"' "$XDG_STATE_HOME/coding-agents/sessions/$(id_of "$name")/events.jsonl"
    kill -KILL %1
    exec 9<&-
    wait_for 60 is_over "$name"
    shows_steps "$name"
    is_mirror "$name"
    is_in_time "$name" 60
    "$CA" sync "$name"
    [ "$(git -C "$REPO" show "shell/$name:work")" = work ]
}
