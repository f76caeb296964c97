#!/usr/bin/env bats
# Programs that may run outside a sandbox, in images that others made from ours.

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
}

# derived NAME LINE...: an image on the shell's, with these lines on top.
derived() {
    printf '%s\n' "FROM $SHELL_IMAGE" "${@:2}" | "$DOCKER" build -q -t "$EXTENDED-$1" - >/dev/null
}

# starts NAME: a command runs in a session of that image.
starts() {
    run --separate-stderr "$CA" run shell "$REPO" --name "$1-$$" --image "$EXTENDED-$1" --no-push -- echo ran </dev/null
    echo "$stderr"
}

@test "a program that may run outside a sandbox is the one that its image recorded, or the boot is refused" {
    local program=/usr/bin/tmux record=/usr/libexec/coding-agents/record-programs name
    EXTENDED=coding-agents-test/recorded:$$
    new_repository "$REPO"
    derived changed "RUN printf x >>$program"
    derived same-size "RUN printf x | dd of=$program bs=1 seek=100000 conv=notrunc"
    derived missing "RUN sed -i '\\| $program\$|d' /usr/share/coding-agents/programs.tab"
    derived touched "RUN touch -d @1000000000 $program"
    derived recorded "RUN printf x >>$program && $record"
    for name in changed same-size; do
        starts "$name"
        [ "$status" -eq 227 ]
        [ -z "$output" ]
        [[ $stderr == *"the exec policy: the direct rule 'tmux': the program '$program' has the SHA-256 "*", and its image recorded "*" must RUN $record after it"* ]]
    done
    starts missing
    [ "$status" -eq 227 ]
    [[ $stderr == *"the program '$program' is not on record in /usr/share/coding-agents/programs.tab: "* ]]
    # The positive controls: another time alone changes nothing, and what was recorded anew is what was recorded.
    for name in touched recorded; do
        starts "$name"
        [ "$status" -eq 0 ]
        [ "$output" = ran ]
    done
    for name in changed same-size missing touched recorded; do
        "$DOCKER" rmi -f "$EXTENDED-$name"
    done
}
