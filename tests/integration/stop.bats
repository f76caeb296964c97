#!/usr/bin/env bats
# runs as: user, root in soak
# Every way a session can end before its time, and what is left of its work.
# shellcheck disable=SC2016,SC2030,SC2031 # what stands in single quotes is for the shell inside

load common
load session
load terminal
load stop

# --- interruptions of a headless session -------------------------------------------------------------------

@test "^C: the command gets INT alone, its last work is committed and collected, its code passes through" {
    terminal one "'$CA' run shell '$REPO' --name '$NAME' -- bash -c \
        'trap \"sleep 0.3; echo int >got; exit 9\" INT; echo work >work; echo up; while :; do sleep 0.1; done'"
    wait_for 60 shows one '^up'
    keys one C-c
    wait_for 60 shows one 'ended=9 icanon'
    [ "$(in_branch work)" = work ]
    [ "$(in_branch got)" = int ]
    phase_is collected
    [ "$(status_of exit_code)" = 9 ]
    [[ $(status_of cause) == *SIGINT* ]]
    leaves_nothing
}

# bats test_tags=soak
@test "^C: a command that leaves it to the system ends with 130, with its work" {
    terminal one "'$CA' run shell '$REPO' --name '$NAME' -- sh -c 'echo work >work; echo up; exec sleep 600'"
    wait_for 60 shows one '^up'
    keys one C-c
    wait_for 60 shows one 'ended=130 icanon'
    [ "$(in_branch work)" = work ]
}

# bats test_tags=soak
@test "^C twice: a command that ignores it is killed, and its work comes all the same" {
    terminal one "'$CA' run shell '$REPO' --name '$NAME' -- bash -c \
        'trap \"\" INT TERM; echo work >work; echo up; while :; do sleep 0.1; done'"
    wait_for 60 shows one '^up'
    keys one C-c
    sleep 1
    keys one C-c
    wait_for 60 shows one 'ended=137 icanon'
    [ "$(in_branch work)" = work ]
}

@test "TERM and HUP to the launcher stop the session in order" {
    local first=$NAME
    for signal in TERM HUP; do
        NAME=$first-${signal,,}
        working 'trap "echo came >got; exit 4" TERM; echo up; while :; do sleep 0.1; done'
        kill -"$signal" "$LAUNCHER"
        ends_with 4
        [ "$(in_branch got)" = came ]
        phase_is collected
    done
}

# bats test_tags=soak
@test "a command that ends with one of our own codes when it is stopped loses nothing" {
    working 'trap "echo work >work; exit 215" TERM; echo up; while :; do sleep 0.1; done'
    "$DOCKER" stop "$(container_of "$NAME")"
    ends_with 215
    [ "$(in_branch work)" = work ]
}

@test "docker stop during work: the command gets TERM, the work is committed and collected" {
    working 'echo work >work; echo up; exec sleep 600'
    "$DOCKER" stop "$(container_of "$NAME")"
    ends_with 143
    said 'stopped with SIGTERM'
    [ "$(in_branch work)" = work ]
    phase_is collected
    leaves_nothing
}

# bats test_tags=soak
@test "a command that ignores TERM is killed in time for the commit" {
    working 'trap "" TERM; echo work >work; echo up; while :; do echo more >>work; sleep 0.1; done'
    local start=$SECONDS
    "$DOCKER" stop "$(container_of "$NAME")"
    [ $((SECONDS - start)) -lt 60 ]
    ends_with 137
    in_branch work | head -1 | grep -qx work
    phase_is collected
    [ "$(events_of "$NAME" | jq -r 'select(.event == "work-committed").event')" = work-committed ]
}

@test "orphans and escapees get TERM, then KILL, and nothing changes after the commit" {
    working '
        (setsid bash -c "trap \"echo term >polite; exit\" TERM; while :; do sleep 0.05; done" &)
        (setsid bash -c "trap \"\" TERM HUP INT; while :; do date +%s%N >>stubborn; sleep 0.05; done" &)
        (trap "" TERM HUP INT; while :; do date +%s%N >>orphan; sleep 0.05; done) &
        while [ ! -s stubborn ] || [ ! -s orphan ]; do sleep 0.05; done
        echo up; exec sleep 600'
    detached bash -c 'trap "" TERM; touch /tmp/detached; while :; do sleep 0.05; done'
    wait_for 20 inside test -e /tmp/detached
    kill -TERM "$LAUNCHER"
    ends_with 143
    [ "$(in_branch polite)" = term ]
    [ "$(record_of 'map(select(.exit_code == 137) | .argv[-1] | test("detached"))[]')" = true ]
    local file
    for file in stubborn orphan; do
        [ "$(in_branch "$file" | sha256sum)" = "$(in_volume cat "/volume/workspace/$file" | sha256sum)" ]
    done
    leaves_nothing
}

# bats test_tags=soak
@test "what a command left in its sandbox is told once, also when it is stopped, has time, and is on record to its end" {
    working '
        (setsid bash -c "trap \"echo term >>told; sleep 1; env true; echo clean >cleaned; exit\" TERM
            touch ready; while :; do sleep 0.05; done" &)
        (setsid bash -c "trap \"echo term >>continued; exit\" TERM; kill -STOP \$\$; while :; do sleep 0.05; done" &)
        while [ ! -e ready ] || ! grep -qs "^State:.*stopped" /proc/[0-9]*/status; do sleep 0.05; done
        echo up; exec sleep 600'
    detached bash -c 'trap "sleep 1; exit 5" TERM; touch /tmp/detached; while :; do sleep 0.05; done'
    wait_for 20 inside test -e /tmp/detached
    kill -TERM "$LAUNCHER"
    ends_with 143
    [ "$(in_branch told)" = term ]
    [ "$(in_branch cleaned)" = clean ]
    [ "$(in_branch continued)" = term ]
    # At the top level the command and what the operator ran; below it what the clean-up executed.
    [ "$(record_of 'map([.argv[0], .state, .exit_code] | map(tostring) | join(" ")) | sort[]')" = \
        $'bash ended 143\nbash ended 5' ]
    [ "$(record_of 'map(.nested[] | select(.argv == ["env", "true"]))[0].verdict')" = sandbox ]
    leaves_nothing
}

# bats test_tags=soak
@test "a command that begins while the session ends is told at once, and is on record to its end" {
    cat >"$REPO/first" <<'END'
trap 'agent-task-runnerctl run -- sleep 60 >/workspace/began; exit 5' TERM
touch /tmp/detached
while :; do sleep 0.05; done
END
    working 'echo up; while :; do sleep 0.05; done'
    detached bash /workspace/first
    wait_for 20 inside test -e /tmp/detached
    kill -TERM "$LAUNCHER"
    ends_with 143
    [[ $(in_branch began) == t[0-9]* ]]
    [ "$(record_of 'map([.argv[0], .state, .exit_code] | map(tostring) | join(" ")) | sort[]')" = \
        $'bash ended 143\nbash ended 5\nsleep ended 143' ]
    leaves_nothing
}

# bats test_tags=soak
@test "children that the command left behind when it ended by itself are not left either" {
    background -- bash -c '(setsid bash -c "trap \"\" TERM HUP; while :; do date +%s%N >>late; sleep 0.05; done" &)
        while [ ! -s late ]; do sleep 0.05; done; exit 6'
    ends_with 6
    [ "$(in_branch late | sha256sum)" = "$(in_volume cat /volume/workspace/late | sha256sum)" ]
    leaves_nothing
}

# bats test_tags=soak
@test "a stopped command is continued so that it can obey" {
    working 'trap "echo term >got; exit 3" TERM; echo work >work; echo up; kill -STOP $$; while :; do sleep 0.1; done'
    sleep 0.5
    kill -TERM "$LAUNCHER"
    ends_with 3
    [ "$(in_branch got)" = term ]
}

# --- interruptions of a boot -------------------------------------------------------------------------------

# An image whose setup hook lasts, and notes that it began.
slow_image() {
    IMAGE=coding-agents-test-slow:$$-$BATS_TEST_NUMBER
    mkdir "$BATS_TEST_TMPDIR/image"
    printf '#!/bin/sh\necho half >half-done\necho slow hook begins\nsleep 60\n' >"$BATS_TEST_TMPDIR/image/dotnet-preview"
    chmod 0755 "$BATS_TEST_TMPDIR/image/dotnet-preview"
    printf 'FROM %s\nCOPY dotnet-preview /etc/coding-agents/setup.d/\n' "$SHELL_IMAGE" >"$BATS_TEST_TMPDIR/image/Dockerfile"
    DOCKER_BUILDKIT=1 "$DOCKER" build -q -t "$IMAGE" "$BATS_TEST_TMPDIR/image" >/dev/null
}

# stopped_in_boot STEP: the launcher said so, and there is nothing of the session any more: no container, no volume,
# no network, no branch, no record.
stopped_in_boot() {
    said "boot was refused at step '$1': stopped on request"
    run -1 grep -q '^boot finished' "$OUT"
    run -1 grep -q '^the-command-ran' "$OUT"
    local id
    id=$(sed -n 's/^coding-agents: session .* (\([a-z2-7]*\)) works on.*/\1/p' "$OUT")
    [ -z "$("$DOCKER" ps -aq --filter "name=coding-agents-$id")" ]
    [ -z "$("$DOCKER" volume ls -q --filter "name=coding-agents-$id")" ]
    [ -z "$("$DOCKER" network ls -q --filter "name=coding-agents-$id")" ]
    wait_for 10 not_running "coding-agents-keeper --session $id"
    [ "$(grep -c "$id" /proc/self/mountinfo)" -eq 0 ]
    [ ! -e "$XDG_STATE_HOME/coding-agents/sessions/$id" ]
    run ! git -C "$REPO" rev-parse --verify -q "shell/$NAME"
}

# bats test_tags=soak
@test "docker stop during a setup hook: 143, said so, nothing left" {
    slow_image
    background --image "$IMAGE" --dotnet-preview 9.0 -- echo the-command-ran
    wait_for 60 said 'slow hook begins'
    local start=$SECONDS
    "$DOCKER" stop "$(container_of "$NAME")"
    [ $((SECONDS - start)) -lt 10 ]
    ends_with 143
    stopped_in_boot setup
}

@test "stop of a session that boots ends it, and says that it never started work" {
    slow_image
    background --image "$IMAGE" --dotnet-preview 9.0 -- echo the-command-ran
    wait_for 60 said 'slow hook begins'
    kill -KILL "$LAUNCHER"
    wait "$LAUNCHER" || true
    LAUNCHER=
    run --separate-stderr "$CA" stop "$NAME"
    # shellcheck disable=SC2154 # bats sets stderr
    echo "$status: $stderr"
    [ "$status" -eq 0 ]
    [[ $stderr == *'has ended with code 143 before it started work: nothing is lost'* ]]
    run ! git -C "$REPO" cat-file -e "shell/$NAME:half-done"
    # Its launcher alive, it takes the session away; that is no failure either.
    "$CA" remove "$NAME"
    background --image "$IMAGE" --dotnet-preview 9.0 -- echo the-command-ran
    wait_for 60 said 'slow hook begins'
    run --separate-stderr "$CA" stop "$NAME"
    echo "$status: $stderr"
    [ "$status" -eq 0 ]
    [[ $stderr == *'before it started work'* ]]
    ends_with 143
    stopped_in_boot setup
}

# bats test_tags=soak
@test "^C during a setup hook: nothing of the command ran" {
    slow_image
    terminal one "'$CA' run shell '$REPO' --name '$NAME' --image '$IMAGE' --dotnet-preview 9.0 -- echo the-command-ran 2>'$OUT'"
    wait_for 60 said 'slow hook begins'
    keys one C-c
    wait_for 60 shows one 'ended=130'
    stopped_in_boot setup
}

has_cause() {
    [[ $(status_of cause) == *"$1"* ]]
}

# bats test_tags=soak
@test "a boot that is stopped when its launcher is gone: no work is claimed, and remove takes it" {
    slow_image
    background --image "$IMAGE" --dotnet-preview 9.0 -- echo the-command-ran
    wait_for 60 said 'slow hook begins'
    kill -KILL "$LAUNCHER"
    wait "$LAUNCHER" || true
    LAUNCHER=
    "$DOCKER" stop "$(container_of "$NAME")"
    # The engine knows that it has ended a moment before the keeper has written why.
    wait_for 30 has_cause "'setup': stopped on request"
    phase_is ended
    [ "$(status_of exit_code)" = 143 ]
    [ "$(status_of has_uncollected_work)" = false ]
    run --separate-stderr "$CA" sync "$NAME"
    [ "$status" -eq 206 ]
    # shellcheck disable=SC2154 # bats sets stderr
    [[ $stderr == *"there is no work"* ]]
    "$CA" remove "$NAME"
    run ! git -C "$REPO" rev-parse --verify -q "shell/$NAME"
}

# bats test_tags=soak
@test "docker stop while a large repository is copied: 143, said so, nothing left" {
    mkdir "$REPO/many"
    (cd "$REPO/many" && seq 60000 | split -l 1 -a 5 -)
    background --cpus 0.2 -- echo the-command-ran
    wait_for 90 said '  mounts '
    sleep 0.3
    "$DOCKER" stop "$(container_of "$NAME")"
    ends_with 143
    stopped_in_boot workspace
}

# bats test_tags=soak
@test "a launcher that is interrupted before the container exists leaves nothing at all" {
    for _ in 1 2 3 4 5; do
        background -- echo the-command-ran
        sleep "0.0$((RANDOM % 10))"
        kill -TERM "$LAUNCHER"
        local code=0
        wait "$LAUNCHER" || code=$?
        cat "$OUT"
        [ "$code" -eq 143 ]
        # As early as that there is no session, or one that was ended in order.
        if "$CA" status "$NAME" >/dev/null 2>&1; then
            leaves_nothing
            "$CA" remove "$NAME" --yes --no-push
        else
            run ! git -C "$REPO" rev-parse --verify -q "shell/$NAME"
        fi
        git -C "$REPO" branch -q -D "shell/$NAME" 2>/dev/null || true
    done
    LAUNCHER=
}

# --- those who watch are gone ------------------------------------------------------------------------------

@test "a killed launcher: the session goes on, is listed, and stop brings its work" {
    working 'echo work >work; echo up; while :; do sleep 0.1; done'
    kill -KILL "$LAUNCHER"
    wait "$LAUNCHER" || true
    LAUNCHER=
    # The engine's client is nobody's child now, and goes with its terminal; here it is ended.
    pkill -KILL -f -- "docker run .*--name $(container_of "$NAME") " || true
    sleep 1
    phase_is running
    run "$CA" status "$NAME"
    [[ $output == *running* ]]
    run "$CA" stop "$NAME"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(in_branch work)" = work ]
    phase_is collected
    leaves_nothing
}

# bats test_tags=soak
@test "a killed launcher whose session ends by itself: list and status say how, sync gets it" {
    working 'echo work >work; echo up; while [ ! -e /tmp/go ]; do sleep 0.1; done; exit 3'
    kill -KILL "$LAUNCHER"
    wait "$LAUNCHER" || true
    LAUNCHER=
    inside touch /tmp/go
    wait_for 60 phase_is ended
    [ "$(status_of exit_code)" = 3 ]
    local id
    id=$(id_of "$NAME")
    [[ $("$CA" list) == *"coding-agents sync $id"* ]]
    [ "$(status_of collect_command)" = "coding-agents sync $id" ]
    not_in_branch work
    "$CA" sync "$NAME"
    [ "$(in_branch work)" = work ]
    leaves_nothing
}

@test "a killed keeper: the session ends in order, its work comes, and status says what is known" {
    working 'echo work >work; echo up; while [ ! -e /tmp/go ]; do sleep 0.1; done; exit 3'
    kill -KILL "$(keeper_of)"
    inside touch /tmp/go
    ends_with 3
    [ "$(in_branch work)" = work ]
    phase_is collected
    [ "$(status_of exit_code)" = 3 ]
    "$CA" remove "$NAME"
    [ -z "$("$DOCKER" network ls -q --filter "name=coding-agents-$NAME")" ]
}

# bats test_tags=soak
@test "docker kill: the launcher says so, and sync recovers what was not committed" {
    working 'echo work >work; echo up; exec sleep 600'
    "$DOCKER" kill "$(container_of "$NAME")"
    ends_with 137
    said 'killed'
    phase_is collected
    [ "$(in_branch work)" = work ]
}

# bats test_tags=soak
@test "a main process that is killed from outside ends the session in order" {
    working 'echo work >work; echo up; exec sleep 611'
    # The session's end sweeps what it finds, the killer too when that is not gone yet: 143.
    inside pkill -KILL -f 'sleep 611' || [ $? -eq 143 ]
    ends_with 137
    [ "$(in_branch work)" = work ]
    [ "$(events_of "$NAME" | jq -r 'select(.event == "work-committed").event')" = work-committed ]
}

@test "a container without memory: said so, and the work is recovered" {
    background --memory 64m -- bash -c 'echo work >work; sync; x=$(head -c 500000000 /dev/zero | tr "\0" x); echo ${#x}'
    local code=0
    wait "$LAUNCHER" || code=$?
    LAUNCHER=
    cat "$OUT"
    [ "$code" -ne 0 ]
    [ "$(in_branch work)" = work ]
}
