#!/usr/bin/env bats
# The fault sweep: a sample of its cells, and that its observer sees what it looks for.
# runs as: root
# takes long

load common

setup_file() {
    export PLACE
    PLACE=$(mktemp -d /dev/shm/fault-test.XXXXXX)
    chmod 0755 "$PLACE"
    "$ROOT/tests/fault/prepare" "$PLACE" "$SHELL_IMAGE"
    mkdir "$PLACE/sessions"
    "$ROOT/tests/fault/clean" "$PLACE" "$PLACE/clean"
    git --git-dir="$PLACE/clean/volume/local.git" rev-parse 'shell/fault^{tree}' >"$PLACE/tree"
}

teardown_file() {
    rm -rf "$PLACE"
}

# A cell that is absorbed: something to spoil.
CELL=agent-init/run/epoll_pwait/1/EINTR

setup() {
    SESSION=$PLACE/sessions/$BATS_TEST_NUMBER
    cp -a "$PLACE/clean" "$SESSION"
    sed -i 's/^fired=0/fired=1/' "$SESSION/result"
}

# judged WORDS: the spoiled session is judged to be wrong in these words.
judged() {
    run "$ROOT/tests/fault/judge" "$PLACE" "$SESSION" "$CELL"
    echo "$output"
    [ "$status" -eq 1 ] && [[ "$output" == *"$1"* ]]
}

@test "a sample of the cells ends as documented" {
    run "$ROOT/tests/fault/run"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "an unspoiled session is judged to be right" {
    run "$ROOT/tests/fault/judge" "$PLACE" "$SESSION" "$CELL"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = absorbed ]
}

@test "an injection that never fired is seen" {
    sed -i 's/^fired=1/fired=0/' "$SESSION/result"
    judged 'the injection never fired'
}

@test "a call that only some sessions make may not be reached, if nothing else is wrong" {
    sed -i 's/^fired=1/fired=0/' "$SESSION/result"
    CELL+=/sometimes
    run "$ROOT/tests/fault/judge" "$PLACE" "$SESSION" "$CELL"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = not-reached ]
    echo '  git          failed        0.1 ms  look at the workspace' >>"$SESSION/log"
    judged 'not smooth, without a fault'
    # Reached, it is a cell like any other.
    sed -i 's/^fired=0/fired=1/' "$SESSION/result"
    judged 'not absorbed'
}

@test "the cells are all occurrences up to ten that surely come, and those of calls that are not always made are named" {
    mkdir "$SESSION/clean.1" "$SESSION/clean.2"
    printf '%s\n' 'agent-init/run/read 3' 'agent-init/run/write 12' 'agent-init/run/poll 30' 'agent-init/run/getpid 1' 'agent-init/run/exit_group 1' \
        'agent-boot/boot/mount 2' >"$SESSION/clean.1/counts"
    printf '%s\n' 'agent-init/run/read 4' 'agent-init/run/write 14' 'agent-init/run/poll 90' 'agent-init/run/getpid 1' >"$SESSION/clean.2/counts"
    run --separate-stderr "$ROOT/tests/fault/matrix" "$SESSION"
    echo "$output"
    [ "$(grep EIO <<<"$output" | tr '\n' ' ')" = "agent-boot/boot/mount/1/EIO/sometimes agent-boot/boot/mount/2/EIO/sometimes \
agent-init/run/poll/1/EIO agent-init/run/poll/15/EIO \
agent-init/run/read/1/EIO agent-init/run/read/2/EIO agent-init/run/read/3/EIO \
agent-init/run/write/1/EIO agent-init/run/write/10/EIO agent-init/run/write/6/EIO " ]
    grep -qx 'agent-init/run/getpid/1/kill' <<<"$output"
    run -1 grep exit_group <<<"$output"
    # shellcheck disable=SC2154 # run --separate-stderr sets it
    [ "$stderr" = "1 calls were made in some of 2 clean sessions only: agent-boot/boot/mount" ]
}

@test "a refusal is one line, or that of a relay beside its cause" {
    CELL=agent-boot/boot/openat/1/EIO
    sed -i 's/^code=7/code=220/' "$SESSION/result"
    allowed() {
        run "$ROOT/tests/fault/judge" "$PLACE" "$SESSION" "$CELL"
        echo "$output"
        [ "$output" = refused-220 ]
    }
    echo 'agent-boot: the workspace cannot be copied' >>"$SESSION/log"
    allowed
    echo 'agent-exec-relay: there is no sandbox for this command' >>"$SESSION/log"
    allowed
    echo 'agent-init: and something else' >>"$SESSION/log"
    judged 'ended with 220 and 3 lines that say why'
    sed -i '/^agent-exec-relay:/d' "$SESSION/log"
    judged 'ended with 220 and 2 lines that say why'
}

@test "ends are seen: hung, killed, undocumented, unexplained, before others" {
    sed -i 's/^end=exited/end=hung/' "$SESSION/result"
    judged 'the session hung'
    sed -i 's/^end=hung/end=killed/; s/^code=7/code=11/' "$SESSION/result"
    judged 'killed by signal 11'
    sed -i 's/^end=killed/end=exited/' "$SESSION/result"
    judged 'exit code 11 is not documented'
    sed -i 's/^code=11/code=220/' "$SESSION/result"
    judged 'ended with 220 and 0 lines that say why'
    sed -i 's/^survivors=0/survivors=2/' "$SESSION/result"
    judged 'PID 1 ended before 2 processes'
}

@test "an interruption that was not absorbed is seen" {
    echo 'agent-init: no memory' >>"$SESSION/log"
    judged 'not absorbed'
}

@test "lost and changed work is seen" {
    git --git-dir="$SESSION/volume/local.git" update-ref refs/heads/shell/fault 'shell/fault^^'
    judged "the work in the volume's repository is not what it was"
    rm "$SESSION/volume/workspace/uncommitted"
    judged "the file 'uncommitted' is lost"
}

@test "secrets are seen where they may not be" {
    sed -i 's/^unwiped=0/unwiped=1/' "$SESSION/result"
    judged '1 of 3 secrets were not wiped'
    echo "SECRET=CANARY-7f31c0de" >>"$SESSION/volume/workspace/environment"
    judged 'a secret is left in volume/workspace/environment'
}

@test "an unwiped secret is excused by one line alone, and for nobody who was killed" {
    # Somebody spoke, but not of the wipe.
    CELL=agent-boot/shutdown/syncfs/1/EIO
    sed -i 's/^unwiped=0/unwiped=3/; s/^code=7/code=220/' "$SESSION/result"
    echo '  git          failed        0.1 ms  look at the workspace' >>"$SESSION/log"
    echo 'agent-boot: shutdown: the manifest cannot be read' >>"$SESSION/log"
    judged '3 of 3 secrets were not wiped'
    # The one line: the place was unmounted as it was.
    sed -i 's/^code=220/code=7/' "$SESSION/result"
    echo "  data         failed        0.1 ms  empty '/run/agent-data/shell': Input/output error" >>"$SESSION/log"
    run "$ROOT/tests/fault/judge" "$PLACE" "$SESSION" "$CELL"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$output" = told ]
    CELL=agent-boot/shutdown/unlinkat/1/kill
    judged '3 of 3 secrets were not wiped'
    # And nothing excuses one that is still where everybody finds it.
    CELL=agent-boot/shutdown/syncfs/1/EIO
    sed -i 's/^reachable=0/reachable=1/' "$SESSION/result"
    judged '1 of 3 secrets could still be reached'
}

@test "secrets are wiped when agent-boot cannot read the manifest a second time" {
    local i
    for i in {1..20}; do
        CELL=agent-boot/shutdown/openat/$i/EIO
        rm -rf "$SESSION"
        "$ROOT/tests/fault/session" "$PLACE" "$SESSION" --inject "$CELL"
        if grep -q "^agent-boot: shutdown: open '.*/manifest.json'" "$SESSION/log"; then
            break
        fi
    done
    cat "$SESSION/log"
    [ "$i" -lt 20 ]
    grep -qx 'unwiped=0' "$SESSION/result"
    run "$ROOT/tests/fault/judge" "$PLACE" "$SESSION" "$CELL"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "whichever git of the commit is killed before it begins, that is said or the work is saved" {
    local count
    # One for each git that is started.
    count=$(awk '$1 == "agent-commit/shutdown/rt_sigprocmask" { print $2 }' "$PLACE/clean/counts")
    [ "$count" -ge 10 ]
    seq -f "agent-commit/shutdown/rt_sigprocmask/%g/kill" "$count" |
        xargs -P "$(nproc)" -n 1 "$ROOT/tests/fault/cell" "$PLACE"
}

@test "a mount that is left is seen" {
    mount --bind "$SESSION/volume" "$SESSION/volume"
    run "$ROOT/tests/fault/judge" "$PLACE" "$SESSION" "$CELL"
    umount "$SESSION/volume"
    [ "$status" -eq 1 ]
    [[ "$output" == *"a process or a mount is left"* ]]
}

@test "a change of the user's repository is seen" {
    cp -a "$PLACE/source" "$PLACE/kept"
    touch "$PLACE/source/program"
    run -1 "$ROOT/tests/fault/judge" "$PLACE" "$SESSION" "$CELL"
    rm -rf "$PLACE/source"
    mv "$PLACE/kept" "$PLACE/source"
    [[ "$output" == *"the user's repository has changed"* ]]
}
