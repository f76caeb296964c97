#!/usr/bin/env bats
# runs as: user, root in soak
# What programs of a session write is no order to the terminal of the user who looks at it.
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
    NAME=terminals-$BATS_TEST_NUMBER-$$
    SEEN=$BATS_TEST_TMPDIR/seen
    terminal_setup
}

teardown() {
    terminal_show_all
    terminal_teardown
    "$CA" remove "$NAME" --yes --no-push >/dev/null 2>&1 || true
    if [ -n "${IMAGE:-}" ]; then "$DOCKER" rmi -f "$IMAGE" >/dev/null 2>&1 || true; fi
}

# The clipboard, a title, both handed through tmux, and questions that a terminal answers by typing.
ORDERS='\033]52;c;b3duZWQ=\007\033]0;owned\007\033]2;owned\033\\\033kowned\033\\'
ORDERS+='\033Ptmux;\033\033]52;c;b3duZWQ=\007\033\\\033[c\033[>q\033[6n\033Z\033P$qm\033\\'

# recorded COMMAND: run in a terminal; every byte that it sends there comes to $SEEN.
recorded() {
    script -qec "$1" -f "$SEEN" </dev/null >/dev/null
}

# No introducer of a string, and no question.
has_no_orders() {
    LC_ALL=C run -1 grep -aqP '\x1b[\]PX^_kZ]|\x1b\[[0-9;?>=]*[cnq]|\x9d|\x90' "$SEEN"
}

@test "the recording sees orders where nothing filters them" {
    recorded "printf '$ORDERS'"
    run ! has_no_orders
    LC_ALL=C grep -aqP '\x1b]52;c;b3duZWQ=\x07' "$SEEN"
}

@test "a headless session in a terminal: text and colours come, orders are shown as text" {
    recorded "'$CA' run shell '$REPO' --name '$NAME' -- sh -c 'printf \"out $ORDERS \\033[31mred\\033[0m \\303\\244\\n\";
        printf \"err $ORDERS\\n\" >&2; echo made >made'"
    has_no_orders
    grep -aqF 'out \x1b]52;c;b3duZWQ=\x07' "$SEEN"
    grep -aqF 'err \x1b]52;c;b3duZWQ=\x07' "$SEEN"
    grep -aqF $'\033[31mred\033[0m ä' "$SEEN"
    grep -aqF 'boot finished in' "$SEEN"
    [ "$(git -C "$REPO" show "shell/$NAME:made")" = made ]
}

@test "a headless session into a pipe or a file: every byte comes as it was" {
    "$CA" run shell "$REPO" --name "$NAME" -- sh -c "printf '$ORDERS\\200\\377\\000end'" 2>/dev/null |
        cat >"$BATS_TEST_TMPDIR/bytes"
    # shellcheck disable=SC2059 # the orders are a format
    printf "$ORDERS\200\377\000end" | cmp - "$BATS_TEST_TMPDIR/bytes"
    "$CA" remove "$NAME" --yes --no-push
    "$CA" run shell "$REPO" --name "$NAME" -- sh -c "printf '$ORDERS' >&2; printf '$ORDERS\\377'" \
        >"$BATS_TEST_TMPDIR/bytes" 2>/dev/null
    # shellcheck disable=SC2059
    printf "$ORDERS\377" | cmp - "$BATS_TEST_TMPDIR/bytes"
}

@test "an interactive session: what its programs write stays on the screen that is drawn" {
    terminal one "script -qef -c \"'$CA' run shell '$REPO' --name '$NAME'\" '$SEEN'"
    wait_for 60 shows one 'agentuser@.*\$'
    # The tmux inside answers the questions, to whoever reads.
    keys one "printf '$ORDERS'; read -rs -d '' -t 2 answers; echo 'text-and'-umlaut-ä" Enter
    wait_for 20 shows one 'text-and-umlaut-ä'
    local option
    for option in 'set-clipboard off' 'allow-passthrough off' 'set-titles off'; do
        "$DOCKER" exec "$(container_of "$NAME")" grep -q -- " $option\$" /etc/coding-agents/tmux.conf
    done
    keys one 'exit 3' Enter
    wait_for 60 shows one 'ended=3 icanon'
    has_no_orders
    # A screen was drawn, and it was left.
    grep -aqF $'\033[?1049h' "$SEEN"
    grep -aqF $'\033[?1049l' "$SEEN"
}

@test "a container that speaks to the terminal directly is held to drawing, and leaves no mode behind" {
    IMAGE=coding-agents-test-orders:$$-$BATS_TEST_NUMBER
    mkdir "$BATS_TEST_TMPDIR/image"
    cat >"$BATS_TEST_TMPDIR/image/agent-attach" <<EOF
#!/bin/sh
printf '$ORDERS\033[?1049h\033[?1003h\033[31mdrawn'
sleep 1
EOF
    chmod 0755 "$BATS_TEST_TMPDIR/image/agent-attach"
    printf 'FROM %s\nCOPY agent-attach /usr/local/bin/\n' "$SHELL_IMAGE" >"$BATS_TEST_TMPDIR/image/Dockerfile"
    DOCKER_BUILDKIT=1 "$DOCKER" build -q -t "$IMAGE" "$BATS_TEST_TMPDIR/image" >/dev/null
    "$CA" launch shell "$REPO" --name "$NAME" --image "$IMAGE"
    terminal one "script -qef -c \"'$CA' connect '$NAME'\" '$SEEN'"
    wait_for 60 shows one 'ended=0 icanon'
    has_no_orders
    LC_ALL=C grep -aqP '\x1b\[31mdrawn' "$SEEN"
    LC_ALL=C grep -aqP '\x1b\[\?1003h.*\x1b\[\?1049l.*\x1b\[\?1003l' "$SEEN"
}
