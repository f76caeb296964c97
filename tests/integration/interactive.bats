#!/usr/bin/env bats
# runs as: user, root in soak
# Interactive sessions as a person has them: in a terminal, typed into, left, and come back to.
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
    NAME=interactive-$BATS_TEST_NUMBER-$$
    terminal_setup
}

teardown() {
    terminal_show_all
    terminal_teardown
    "$CA" remove "$NAME" --yes --no-push >/dev/null 2>&1 || true
}

# The launcher in a terminal, until the shell inside asks for a command.
run_in_terminal() {
    terminal "$1" "'$CA' run shell '$REPO' --name '$NAME'"
    wait_for 60 shows "$1" 'agentuser@.*\$'
}

connect_in_terminal() {
    terminal "$1" "'$CA' connect '$NAME'"
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

@test "a shell in a terminal: boot report, a command, its exit code, the branch" {
    run_in_terminal one
    keys one 'echo typed-$((40 + 2)) | tee made' Enter
    wait_for 20 shows one '^typed-42'
    keys one 'exit 7' Enter
    wait_for 60 shows one 'ended=7 icanon'
    screen one -S -
    screen one -S - | grep -q 'boot finished in'
    screen one -S - | grep -q "shell/$NAME"
    [ "$(git -C "$REPO" show "shell/$NAME:made")" = typed-42 ]
    phase_is collected
    [ "$(status_of exit_code)" = 7 ]
    [ "$(status_of cause)" = '' ]
}

# bats test_tags=soak
@test "a shell that is killed gives 128 plus the signal" {
    run_in_terminal one
    keys one 'kill -KILL $$' Enter
    wait_for 60 shows one 'ended=137 icanon'
    phase_is collected
}

@test "without a terminal an interactive session is refused before anything starts" {
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" </dev/null
    [ "$status" -eq 200 ]
    # shellcheck disable=SC2154 # bats sets stderr
    [[ $stderr == *"needs a terminal"* ]]
    [ "$(grep -c . <<<"$stderr")" -eq 1 ]
    run git -C "$REPO" rev-parse --verify -q "shell/$NAME"
    [ "$status" -ne 0 ]
}

@test "detaching leaves the session running and says how to come back; connect shows the same screen" {
    run_in_terminal one
    keys one 'echo before-$((1 + 1)) >made; cat made' Enter
    wait_for 20 shows one '^before-2'
    keys one C-b d
    wait_for 30 shows one 'ended=0 icanon'
    local id
    id=$(id_of "$NAME")
    shows one "coding-agents connect $id"
    shows one "coding-agents stop $id"
    [ "$("$CA" list --json | jq -r --arg id "$id" '.sessions[] | select(.session == $id).phase')" = running ]
    connect_in_terminal two
    wait_for 30 shows two '^before-2'
    keys two 'exit 5' Enter
    wait_for 60 shows two 'ended=5 icanon'
    # Nobody waited who would have fetched: the list says how.
    wait_for 60 phase_is ended
    [ "$(status_of exit_code)" = 5 ]
    [[ $("$CA" list) == *"coding-agents sync $id"* ]]
    "$CA" sync "$NAME"
    [ "$(git -C "$REPO" show "shell/$NAME:made")" = before-2 ]
}

# says_size WINDOW SIZE: the engine's client brings the first size a moment after the start.
says_size() {
    keys "$1" 'clear; stty size' Enter
    sleep 0.3
    shows "$1" "^$2"
}

@test "the size of the terminal is seen inside, also when it changes" {
    run_in_terminal one
    wait_for 20 says_size one '29 100'
    # The program in the foreground is told; bash at its prompt would run a trap only after the next line.
    keys one "clear; bash -c 'trap \"stty size; exit\" WINCH; echo wait-\$((1 + 1)); while :; do sleep 0.1; done'" Enter
    wait_for 20 shows one '^wait-2'
    resize one 120 40
    wait_for 20 shows one '^39 120'
    keys one 'exit 0' Enter
    wait_for 60 shows one 'ended=0'
}

# bats test_tags=soak
@test "two terminals at once show the same; when the session ends both end with its code" {
    run_in_terminal one
    connect_in_terminal two
    wait_for 30 shows two 'agentuser@.*\$'
    keys one 'echo from-$((0 + 1))' Enter
    wait_for 20 shows two '^from-1'
    keys two 'echo from-$((1 + 1))' Enter
    wait_for 20 shows one '^from-2'
    keys two 'exit 3' Enter
    wait_for 60 shows one 'ended=3 icanon'
    wait_for 60 shows two 'ended=3 icanon'
    phase_is collected
}

@test "a closed terminal leaves the session running and listed, however often; its work comes with stop" {
    run_in_terminal one
    keys one 'echo before-$((1 + 1)) >made; cat made' Enter
    wait_for 20 shows one '^before-2'
    local launcher
    launcher=$(pgrep -f "^$CA run shell $REPO ")
    tmux -L "$TERMINALS" kill-server
    wait_for 60 not_running "$launcher"
    phase_is running
    [[ $("$CA" list) == *running*"$NAME"* || $("$CA" list) == *"$NAME"*running* ]]
    terminal_setup # the window that stays went with the others
    # More often than terminals may be attached at once.
    for i in 1 2 3 4 5 6 7 8 9 10; do
        connect_in_terminal "t$i"
        wait_for 30 shows "t$i" '^before-2'
        tmux -L "$TERMINALS" kill-session -t "t$i"
    done
    "$CA" stop "$NAME"
    [ "$(git -C "$REPO" show "shell/$NAME:made")" = before-2 ]
    phase_is collected
}

not_running() {
    [ ! -d "/proc/$1" ]
}

@test "stop from outside ends the attached terminal, with the work fetched" {
    run_in_terminal one
    keys one 'echo work >made; cat made' Enter
    wait_for 20 shows one '^work'
    run "$CA" stop "$NAME"
    echo "$output"
    [ "$status" -eq 0 ]
    wait_for 60 shows one 'ended=129 icanon'
    screen one -S - | grep -q 'stopped with SIGTERM'
    [ "$(git -C "$REPO" show "shell/$NAME:made")" = work ]
    phase_is collected
}

# bats test_tags=soak
@test "a detached interactive session whose program ignores every polite signal is stopped in its time" {
    run_in_terminal one
    keys one "trap '' TERM HUP INT; echo work >made; while :; do sleep 0.1; done" Enter
    wait_for 20 inside test -e /workspace/made
    keys one C-b d
    wait_for 30 shows one 'ended=0'
    local start=$SECONDS
    run "$CA" stop "$NAME"
    echo "$output"
    [ "$status" -eq 0 ]
    [ $((SECONDS - start)) -lt 60 ]
    [ "$(git -C "$REPO" show "shell/$NAME:made")" = work ]
}

# says_mark WINDOW VALUE: what is typed while one shell has gone and the next has not come is nobody's.
says_mark() {
    keys "$1" 'clear; echo mark-${MARK:-gone}' Enter
    sleep 0.3
    shows "$1" "^mark-$2"
}

@test "launch leaves a session that stays: it says how to connect, outlives its shell, and lets an editor in" {
    run --separate-stderr "$CA" launch shell "$REPO" --name "$NAME"
    echo "$stderr"
    [ "$status" -eq 0 ]
    local id
    id=$(id_of "$NAME")
    [[ $stderr == *"coding-agents connect $id"* ]]
    [ "$(status_of is_persistent)" = true ]
    # As an editor does that attaches to a container.
    "$DOCKER" exec -u agentuser "coding-agents-$id" sh -c 'echo edited >/workspace/edited'
    [ "$("$DOCKER" exec -u agentuser "coding-agents-$id" git -C /workspace branch --show-current)" = "shell/$NAME" ]
    connect_in_terminal one
    wait_for 30 shows one 'agentuser@.*\$'
    keys one 'cat edited; export MARK=first' Enter
    wait_for 20 shows one '^edited'
    keys one 'exit 4' Enter
    # Another shell, in the same session.
    wait_for 30 says_mark one gone
    phase_is running
    run "$CA" stop "$NAME"
    [ "$status" -eq 0 ]
    wait_for 60 shows one 'ended=1[0-9]* icanon'
    [ "$(git -C "$REPO" show "shell/$NAME:edited")" = edited ]
}

# bats test_tags=soak
@test "connect refuses a headless session, in a terminal as well, and one that has ended" {
    terminal one "'$CA' run shell '$REPO' --name '$NAME' -- sh -c 'echo up; exec sleep 600'"
    wait_for 60 shows one '^up'
    connect_in_terminal two
    wait_for 30 shows two 'ended=206 icanon'
    shows two "coding-agents logs $(id_of "$NAME")"
    "$CA" stop "$NAME"
    terminal three "'$CA' connect '$NAME'"
    wait_for 30 shows three 'ended=206'
    shows three 'does not run'
}
