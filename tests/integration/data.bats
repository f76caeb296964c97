#!/usr/bin/env bats
# What an agent leaves behind in a session, and finds in the next: through every kind of end, beside other sessions, and when
# somebody means harm. What stands in for Claude stays until it is told to go; what Claude would write, the tests write.
# runs as: user

load common
load session

A=11111111-1111-4111-8111-111111111111
B=22222222-2222-4222-8222-222222222222
HISTORY=.claude/history.jsonl
TALK=.claude/projects/-workspace
CANARY=canary-7d1f0c2ab9e34685

setup_file() {
    bats_require_minimum_version 1.5.0
    session_setup_file
    export DATA_IMAGE=coding-agents-data-$$:test
    claude_stand_in "$DATA_IMAGE"
}

teardown_file() {
    session_teardown_file
    "$DOCKER" rmi -f "$DATA_IMAGE" >/dev/null 2>&1 || true
}

setup() {
    # A store of the test's own; HOME has no login.
    export HOME=$BATS_TEST_TMPDIR/home XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
    unset ANTHROPIC_API_KEY CLAUDE_API_KEY CLAUDE_CONFIG_DIR
    mkdir -p "$HOME"
    REPO=$BATS_TEST_TMPDIR/repo
    STORE=$XDG_STATE_HOME/coding-agents/data/claude
    new_repository "$REPO"
}

teardown() {
    "$CA" remove --all --yes --no-push >/dev/null 2>&1 || true
}

# start NAME [OPTION...]: the agent runs.
start() {
    local name=$1 said=$BATS_TEST_TMPDIR/$1
    shift
    "$CA" run claude "$REPO" --name "$name" --image "$DATA_IMAGE" --network restricted "$@" -- /workspace/enough \
        >"$said" 2>"$said.err" 3>&- &
    echo $! >"$said.pid"
    wait_for 120 grep -q '^key' "$said" || { cat "$said" "$said.err"; false; }
}

# finish NAME: the agent ends, and the session does so, well.
finish() {
    "$DOCKER" exec --user 10000 "$(container_of "$1")" touch /workspace/enough
    ended "$1"
}

# ended NAME: its launcher has; the exit code is the launcher's.
ended() {
    local code=0
    wait "$(<"$BATS_TEST_TMPDIR/$1.pid")" || code=$?
    cat "$BATS_TEST_TMPDIR/$1.err"
    return "$code"
}

# inside NAME COMMAND...: as the agent's own identity, in its home.
inside() {
    "$DOCKER" exec --interactive --user 10001 --workdir /home/agentcli "$(container_of "$1")" "${@:2}"
}

# writes NAME LINE: the agent's history has one line more.
writes() {
    inside "$1" sh -c "mkdir -p .claude && cat >>$HISTORY" <<<"$2"
}

# event NAME EVENT: its fields, a line each.
event() {
    events_of "$1" | jq -c --arg event "$2" 'select(.event == $event) | .fields' | grep .
}

# has LINE: the store has the history of an earlier session.
has() {
    mkdir -p -m 700 "$STORE/.claude"
    echo "$1" >"$STORE/$HISTORY"
}

# digest: of all that the store has.
digest() {
    (cd "$STORE" && find . -type f -exec sha256sum {} + | sort)
}

@test "what a session leaves behind the next one finds, and nothing that configures it" {
    start first
    [ "$(event first boot-step | jq -r 'select(.step == "history") | .detail')" = '0 files of earlier sessions' ]
    writes first one
    inside first sh -c "mkdir -p $TALK/$A/subagents $TALK/$A/workflows/scripts $TALK/memory .claude/tasks/$A
        echo talk >$TALK/$A.jsonl; echo part >$TALK/$A/subagents/part.txt
        echo run >$TALK/$A/workflows/scripts/x.js; echo do >.claude/tasks/$A/1.json
        echo follow >$TALK/memory/session-1.md; echo hook >.claude/settings.json
        echo $CANARY >.claude/.credentials.json; ln .claude/.credentials.json $TALK/$B.jsonl; stat -c %h $TALK/$B.jsonl" >"$BATS_TEST_TMPDIR/links"
    [ "$(<"$BATS_TEST_TMPDIR/links")" = 2 ]
    finish first
    run -1 grep -rq "$CANARY" "$XDG_STATE_HOME/coding-agents/data"
    grep -rq talk "$XDG_STATE_HOME/coding-agents/data"
    [ "$(event first data-merged | jq -c '[.added, .extended]')" = '[3,0]' ]
    [ "$(event first shutdown-step | jq -r '.step' | tr '\n' ' ')" = 'history data git capabilities mounts ' ]
    [ "$(cd "$STORE" && find . -type f | sort | tr '\n' ' ')" = "./$HISTORY ./$TALK/$A.jsonl ./$TALK/$A/subagents/part.txt " ]

    start second
    [ "$(inside second cat "$HISTORY" "$TALK/$A.jsonl" "$TALK/$A/subagents/part.txt" | tr '\n' ' ')" = 'one talk part ' ]
    [ "$(inside second stat -c '%a %u' "$HISTORY")" = '600 10001' ]
    # The container is there to look into.
    [ "$(inside second ls "$TALK" | tr '\n' ' ')" = "$A $A.jsonl " ]
    [ "$(inside second ls "$TALK/$A")" = subagents ]
    run ! inside second ls .claude/settings.json
    run ! inside second ls .claude/.credentials.json
    event second data-imported | holds '.files == 3'
    event second data-given | holds '.files == 3 and .left_out == 0'
    # Nothing of it is there twice, nothing lies about, and the session's commands see none of it.
    [ "$(inside second ls /run/agent-data/claude | tr '\n' ' ')" = "$(id_of second).json " ]
    [ "$("$DOCKER" exec --user 10000 "$(container_of second)" echo there)" = there ]
    run ! "$DOCKER" exec --user 10000 "$(container_of second)" ls /run/agent-data/claude
    run ! "$DOCKER" exec --user 10000 "$(container_of second)" ls /run/agent-data-export/claude
    # Only what is new goes back: what was brought in and stays as it is could replace what others made of it.
    writes second two
    "$CA" stop second
    ended second || true
    [ "$(event second data-merged | jq -c '[.added, .replaced, .extended, .unchanged, .left]')" = '[0,0,1,0,0]' ]
    [ "$(tr '\n' ' ' <"$STORE/$HISTORY")" = 'one two ' ]
    [ -z "$(find "$XDG_STATE_HOME/coding-agents" -name '*.tar' -o -name '*.part')" ]
    chain_holds second
}

# bats test_tags=soak
@test "sessions at once come together, whatever stops them, and a kill loses its own alone" {
    has begin
    mkdir -p "$STORE/$TALK"
    echo said >"$STORE/$TALK/$A.jsonl"
    start left
    start right
    start killed
    writes left 'left 1'
    writes right 'right 1'
    writes killed 'killed 1'
    writes left 'left 2'
    # Two that resume one conversation.
    inside left sh -c "echo left >>$TALK/$A.jsonl"
    inside right sh -c "echo right >$TALK/$A.jsonl"
    "$CA" kill killed
    "$DOCKER" stop "$(container_of left)" >/dev/null
    "$CA" stop right
    ended killed || true
    wait_for 30 event left session-end
    wait_for 30 event right session-end
    [ "$(head -1 "$STORE/$HISTORY")" = begin ]
    [ "$(sort "$STORE/$HISTORY" | tr '\n' ' ')" = 'begin left 1 left 2 right 1 ' ]
    [ "$(head -1 "$STORE/$TALK/$A.jsonl")" = said ]
    [ "$(sort "$STORE/$TALK/$A.jsonl" | tr '\n' ' ')" = 'left right said ' ]
    event killed session-end
    run ! event killed data-merged
}

@test "links, a planted archive and what is too large do not get out, and what is fine does" {
    local before
    has fine
    before=$(digest)
    start hostile
    writes hostile more
    inside hostile sh -c "mkdir -p $TALK; ln -s /etc/passwd $TALK/$A.jsonl; ln -s /run/agent-secrets $TALK/$B
        mkdir -p /run/agent-data-export/claude/$(id_of hostile).tar/in/the/way
        echo '{}' >/run/agent-data/claude/$(id_of hostile).json"
    finish hostile
    [ "$(event hostile shutdown-step | jq -r 'select(.step == "history") | .detail')" = '1 files given back, 2 left out' ]
    [ "$(tr '\n' ' ' <"$STORE/$HISTORY")" = 'fine more ' ]
    [ "$(cd "$STORE" && find . -type f -o -type l)" = "./$HISTORY" ]
    [ "$(digest)" != "$before" ]
    before=$(digest)

    start large
    writes large lost
    inside large sh -c "mkdir -p $TALK; truncate -s 300M $TALK/$A.jsonl; echo x >/run/agent-data-export/claude/$(id_of large).tar"
    finish large
    event large data-refused | holds --arg path "$TALK/$A.jsonl" '.direction == "export" and (.message | contains($path))'
    grep -q "history .*export refused: .*$A.jsonl" "$BATS_TEST_TMPDIR/large.err"
    run ! event large data-merged
    [ "$(digest)" = "$before" ]
}

@test "a container that is killed while it gives back leaves the store as it was" {
    local name spool before turns
    has fine
    # Once packed, all goes over in less time than a kill takes on a busy machine: then it is no kill in the middle.
    for name in cut-one cut-two cut-three cut-four; do
        before=$(digest)
        start "$name"
        inside "$name" sh -c "mkdir -p $TALK; head -c 140000000 /dev/urandom | base64 >$TALK/$A.jsonl"
        spool=$XDG_STATE_HOME/coding-agents/data/.claude.$(id_of "$name").part
        "$DOCKER" stop "$(container_of "$name")" >/dev/null 3>&- &
        # It is there from the beginning of the step.
        wait_for 30 test -e "$spool"
        turns=0
        until [ -s "$spool" ] || [ "$((turns += 1))" -gt 20 ]; do
            sleep 0.01
        done
        "$DOCKER" kill "$(container_of "$name")" >/dev/null || true
        ended "$name" || true
        wait_for 30 event "$name" session-end
        if event "$name" data-refused; then break; fi
    done
    [[ $(event "$name" data-refused | jq -r .message) == 'the session ended before all of what it left had come'* ]]
    [ "$(digest)" = "$before" ]
    [ ! -e "$spool" ]
}

# bats test_tags=soak
@test "with a damaged store a session goes on without, says so, and what it leaves is not lost" {
    local data=$XDG_STATE_HOME/coding-agents/data
    has fine
    # What is no key of this account's makes no archive.
    echo short >"$data/.key"
    start keyless
    grep -q "history .*import refused: .*'.key' must be a file of 32 bytes" "$BATS_TEST_TMPDIR/keyless.err"
    event keyless data-refused | holds '.direction == "import"'
    [ "$(inside keyless echo there)" = there ]
    run ! inside keyless ls "$HISTORY"
    finish keyless
    rm "$data/.key"

    start broken
    writes broken kept
    rm "$STORE/$HISTORY"
    mkdir "$STORE/$HISTORY"
    finish broken
    [[ $(event broken data-refused | jq -r .message) == *"$HISTORY"*'; it is kept, and merged by the next session' ]]
    # What cannot be merged yet keeps nobody from a history.
    mkdir -p "$STORE/$TALK"
    echo talk >"$STORE/$TALK/$A.jsonl"
    start beside
    [ "$(inside beside cat "$TALK/$A.jsonl")" = talk ]
    event beside data-refused | holds --arg id "$(id_of broken)" '.left_by == $id'
    finish beside
    rmdir "$STORE/$HISTORY"
    start next
    event next data-merged | holds --arg id "$(id_of broken)" '.left_by == $id'
    [ "$(inside next cat "$HISTORY" | tr '\n' ' ')" = 'fine kept ' ]
    finish next
}

# bats test_tags=soak
@test "a session without data finds none and leaves none, and a shell never has any" {
    has fine
    start without --no-data
    [ "$(event without boot-step | jq -r 'select(.step == "history") | .detail')" = 'none in this session' ]
    [ "$(inside without echo there)" = there ]
    run ! inside without ls "$HISTORY"
    writes without more
    finish without
    [ "$(<"$STORE/$HISTORY")" = fine ]
    "$CA" run shell "$REPO" --name plain --network restricted -- true
    [ "$(event plain boot-step | jq -r 'select(.step == "history") | .detail')" = 'none in this session' ]
    [ ! -e "$XDG_STATE_HOME/coding-agents/data/shell" ]
}
