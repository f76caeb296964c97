#!/usr/bin/env bats
# runs as: user, root in soak
# What the launcher cannot know is no proof that there is no work: everything that may have run is kept.
# shellcheck disable=SC2016 # what stands in single quotes is for the shell inside

load common
load session
load terminal

setup_file() {
    session_setup_file
}

teardown_file() {
    session_teardown_file
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    new_repository "$REPO"
    NAME=lost-$BATS_TEST_NUMBER-$$
    OUT=$BATS_TEST_TMPDIR/out
    terminal_setup
}

teardown() {
    terminal_show_all
    terminal_teardown
    "$CA" remove "$NAME" --yes --no-push >/dev/null 2>&1 || true
}

said() {
    grep -q -- "$1" "$OUT"
}

# working COMMANDS: a headless session that has said that it is up.
working() {
    : >"$OUT" # before who waits for a word looks at it
    "$CA" run shell "$REPO" --name "$NAME" -- sh -c "$1" >"$OUT" 2>&1 </dev/null 3>&- &
    LAUNCHER=$!
    wait_for 60 said '^up$'
}

# ends: the launcher; its exit code is in $CODE.
ends() {
    CODE=0
    wait "$LAUNCHER" || CODE=$?
    cat "$OUT"
    echo "ended with $CODE"
}

status_of() {
    "$CA" status "$NAME" --json | jq -r ".$1"
}

recovered() {
    [ -e "$XDG_STATE_HOME/coding-agents/sessions/$(id_of "$NAME")/recovered" ]
}

# keeper_ends: the session's keeper, killed as the system would.
keeper_ends() {
    kill -KILL "$(pgrep -o -f -- "coding-agents-keeper --session $(id_of "$NAME")")"
}

@test "docker rm -f during work: the session is kept and said to have ended, and sync brings its work" {
    working 'echo precious >work.txt; echo up; exec sleep 600'
    local id
    id=$(id_of "$NAME")
    # Asked too early, the engine still knows how it ended: the launcher looks when it is gone.
    kill -STOP "$LAUNCHER"
    "$DOCKER" rm -f "coding-agents-$id"
    kill -CONT "$LAUNCHER"
    ends
    [ "$CODE" -ne 0 ]
    said "coding-agents sync $id"
    [ "$(status_of phase)" = ended ]
    [ -n "$(status_of cause)" ]
    [ "$(status_of has_uncollected_work)" = true ]
    "$CA" sync "$NAME"
    [ "$(git -C "$REPO" show "shell/$NAME:work.txt")" = precious ]
    [ "$(status_of phase)" = collected ]
}

@test "a command that cannot be made leaves nothing, as before" {
    run "$CA" run shell "$REPO" --name "$NAME" --engine-arg=--network=no-such-network -- true
    echo "$output"
    [ "$status" -ne 0 ]
    run ! "$CA" status "$NAME"
    run ! git -C "$REPO" rev-parse --verify -q "shell/$NAME"
}

@test "a log that ends early proves nothing: the work is recovered" {
    working 'echo precious >work.txt; echo up; while [ ! -e /tmp/go ]; do sleep 0.1; done; exit 3'
    keeper_ends
    "$DOCKER" exec "$(container_of "$NAME")" touch /tmp/go
    ends
    [ "$CODE" -eq 3 ]
    recovered
    [ "$(git -C "$REPO" show "shell/$NAME:work.txt")" = precious ]
    [ "$(status_of phase)" = collected ]
}

# bats test_tags=soak
@test "a log that says nothing of the boot proves nothing either" {
    working 'echo precious >work.txt; echo up; exec sleep 600'
    keeper_ends
    local log
    log=$XDG_STATE_HOME/coding-agents/sessions/$(id_of "$NAME")/events.jsonl
    sed -i '/"session-start"/q' "$log"
    "$DOCKER" kill "$(container_of "$NAME")"
    ends
    [ "$CODE" -eq 137 ]
    recovered
    [ "$(git -C "$REPO" show "shell/$NAME:work.txt")" = precious ]
}

@test "a shutdown that is on record is not made up for" {
    "$CA" run shell "$REPO" --name "$NAME" -- sh -c 'echo precious >work.txt'
    [ "$(git -C "$REPO" show "shell/$NAME:work.txt")" = precious ]
    run ! recovered
}

# leave_hanging: a session that was killed, with a filter of its own that hangs until workspace/go exists.
leave_hanging() {
    working 'echo "x filter=x" >.gitattributes; echo precious >x
        git config filter.x.clean "sh -c \"until test -e /workspace/go; do sleep 0.1; done; cat\""; echo up; exec sleep 600'
    kill -KILL "$LAUNCHER"
    wait "$LAUNCHER" || true
    "$DOCKER" kill "$(container_of "$NAME")"
    wait_for 30 is_recorded
}

is_recorded() {
    [ "$(status_of phase)" = ended ]
}

no_recovery_runs() {
    [ -z "$("$DOCKER" ps -aq --filter "name=$(container_of "$NAME")-recover")" ]
}

# bats test_tags=soak
@test "saving that hangs shows for how long, ^C ends it at once, and the next attempt works" {
    leave_hanging
    terminal one "'$CA' sync '$NAME'"
    wait_for 30 shows one "saving the work of $(id_of "$NAME") (2 s, at most 600 s; ^C leaves it in the volume)"
    run ! no_recovery_runs
    keys one C-c
    wait_for 20 shows one 'ended=130'
    shows one 'interrupted; the work of session'
    no_recovery_runs
    run ! recovered
    "$DOCKER" run --rm --network none --user 10000:10004 --entrypoint touch \
        -v "$(container_of "$NAME"):/volume" "$SHELL_IMAGE" /volume/workspace/go
    "$CA" sync "$NAME"
    [ "$(git -C "$REPO" show "shell/$NAME:x")" = precious ]
}

@test "a collector that was killed while it saved is in nobody's way" {
    leave_hanging
    "$CA" sync "$NAME" >"$OUT" 2>&1 3>&- &
    wait_for 30 said 'saving the work of'
    run ! no_recovery_runs
    kill -KILL $!
    "$DOCKER" run --rm --network none --user 10000:10004 --entrypoint touch \
        -v "$(container_of "$NAME"):/volume" "$SHELL_IMAGE" /volume/workspace/go
    "$CA" sync "$NAME"
    [ "$(git -C "$REPO" show "shell/$NAME:x")" = precious ]
    no_recovery_runs
}

printed_up() {
    [ "$("$DOCKER" logs "$(container_of "$NAME")" 2>/dev/null | grep -c '^up$')" -eq "$1" ]
}

# bats test_tags=soak
@test "a container that the engine started again: what it did then is not taken for saved" {
    working 'n=$(cat n || echo 0); echo $((n + 1)) >n; echo up; exec sleep 600'
    "$DOCKER" restart "$(container_of "$NAME")"
    wait_for 60 printed_up 2
    # The first run's work is there, and its end may be recorded.
    ends
    "$CA" sync "$NAME"
    [ "$(git -C "$REPO" show "shell/$NAME:n")" = 1 ]
    [ "$(status_of is_running)" != false ]
    "$DOCKER" kill "$(container_of "$NAME")"
    wait_for 30 is_recorded
    [ "$(status_of has_uncollected_work)" = true ]
    "$CA" sync "$NAME"
    [ "$(git -C "$REPO" show "shell/$NAME:n")" = 2 ]
    [ "$(status_of phase)" = collected ]
}

# bats test_tags=soak
@test "remove names what the branch does not have, and asks where somebody can answer" {
    "$CA" run shell "$REPO" --name "$NAME" -- sh -c 'echo secret >.env; echo kept >work.txt
        echo aside >file; git stash -q'
    [ "$(status_of phase)" = collected ]
    local id
    id=$(id_of "$NAME")
    run --separate-stderr "$CA" remove "$NAME"
    # shellcheck disable=SC2154 # bats sets stderr
    echo "$status $stderr"
    [ "$status" -eq 206 ]
    [ "$(grep -c . <<<"$stderr")" -eq 1 ]
    [[ $stderr == *"left out, kept in its volume: .env; "*"not on its branch: "*stash*"coding-agents remove $id --yes"* ]]
    terminal one "'$CA' remove '$NAME'"
    wait_for 30 shows one 'y/N'
    keys one n Enter
    wait_for 20 shows one 'ended=206'
    [ "$(id_of "$NAME")" = "$id" ]
    terminal two "'$CA' remove '$NAME'"
    wait_for 30 shows two 'y/N'
    keys two y Enter
    wait_for 20 shows two 'ended=0'
    run ! "$CA" status "$NAME"
}

# bats test_tags=soak
@test "what a recovery leaves in the volume is named as well" {
    working 'echo secret >.env; echo precious >work.txt; echo up; exec sleep 600'
    "$DOCKER" kill "$(container_of "$NAME")"
    ends
    [ "$(git -C "$REPO" show "shell/$NAME:work.txt")" = precious ]
    run --separate-stderr "$CA" remove "$NAME"
    [ "$status" -eq 206 ]
    [[ $stderr == *"left out, kept in its volume: .env;"* ]]
    "$CA" remove "$NAME" --yes
}

@test "remove asks before work goes that was not pushed" {
    "$CA" run shell "$REPO" --name "$NAME" --no-push -- sh -c 'echo precious >work.txt'
    [ "$(status_of phase)" = ended ]
    run "$CA" remove "$NAME" --no-push
    echo "$output"
    [ "$status" -eq 206 ]
    "$CA" remove "$NAME" --no-push --yes
}

# reservations: of branches, that are held.
reservations() {
    find "$XDG_STATE_HOME/coding-agents/branches" -type f | wc -l
}

# bats test_tags=soak
@test "a removed session leaves no reservation and no clone; what nobody has any more goes with the next command" {
    local clones=$XDG_STATE_HOME/coding-agents/clones held id
    held=$(reservations)
    "$CA" run shell "file://$REPO" --name "$NAME" -- true
    id=$(id_of "$NAME")
    [ -d "$clones/$id" ]
    [ "$(reservations)" -eq $((held + 1)) ]
    "$CA" remove "$NAME"
    [ ! -e "$clones/$id" ]
    [ "$(reservations)" -eq "$held" ]

    # A clone is the only place of the branch that came back into it.
    "$CA" run shell "file://$REPO" --name "$NAME" -- sh -c 'echo work >work.txt'
    id=$(id_of "$NAME")
    run --separate-stderr "$CA" remove "$NAME"
    [ "$status" -eq 206 ]
    [[ $stderr == *"$clones/$id"* ]]
    [ -d "$clones/$id" ]

    # Records that were lost: what is left of them goes, unless it is work.
    git clone -q "file://$REPO" "$clones/aaaaaaaa"
    mkdir -p "$XDG_STATE_HOME/coding-agents/branches/other"
    printf aaaaaaaa >"$XDG_STATE_HOME/coding-agents/branches/other/one"
    git clone -q "file://$REPO" "$clones/bbbbbbbb"
    echo mine >"$clones/bbbbbbbb/mine"
    "$CA" list
    [ ! -e "$clones/aaaaaaaa" ]
    [ ! -e "$XDG_STATE_HOME/coding-agents/branches/other" ]
    [ -e "$clones/bbbbbbbb/mine" ]
    [ -d "$clones/$id" ]
    [ "$(reservations)" -eq $((held + 1)) ]
    "$CA" remove "$NAME" --yes
    [ ! -e "$clones/$id" ]
    git clone -q "file://$REPO" "$clones/aaaaaaaa"
    "$CA" run shell "$REPO" --name "$NAME" -- true
    [ ! -e "$clones/aaaaaaaa" ]
}
