#!/usr/bin/env bats
# The agents of several vendors at once.

load common
load session
load terminal
load vendor

setup_file() {
    bats_require_minimum_version 1.5.0
    session_setup_file
}

teardown_file() {
    session_teardown_file
}

setup() {
    vendor_setup agents
}

# Each test has sessions of the same names.
teardown() {
    vendor_teardown
    session_teardown_file
}

# play_beside AGENT: its CLI in a session named after it, with files of its own.
play_beside() {
    # shellcheck source=/dev/null # one of tests/vendor
    . "$ROOT/tests/vendor/$1.bash"
    BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR/$1
    # shellcheck disable=SC2034 # for play_trapped
    NAME=$1
    mkdir "$BATS_TEST_TMPDIR"
    play_trapped
}

# bats test_tags=soak
@test "three agents work on one repository at once, each on a branch of its own, and see nothing of each other" {
    local agent pids=()
    # One model for all: it answers each in the vendor's own protocol. No command ends before all have begun.
    start_model '[{"run": "hostname >made; touch of-$(hostname) /tmp/of-$(hostname); sleep 5; ls /workspace /tmp | grep ^of- >seen"}]'
    for agent in codex claude copilot; do
        play_beside "$agent" &
        pids+=($!)
    done
    for agent in "${pids[@]}"; do
        wait "$agent"
    done
    for agent in codex claude copilot; do
        [ "$(git -C "$REPO" show "$agent/$agent:made")" = "$(container_of "$agent")" ]
        # What each left beside it and in /tmp was there when the others looked, and they saw their own alone.
        [ "$(git -C "$REPO" show "$agent/$agent:seen" | sort -u)" = "of-$(container_of "$agent")" ]
        [ "$(git -C "$REPO" show "$agent/$agent:seen" | wc -l)" -eq 2 ]
        [ "$("$CA" record "$agent" --json |
            jq -r 'select(.verdict == "sandbox" and ((.argv // []) | any(contains(">made")))) | .exit_code')" = 0 ]
    done
    # They ran at the same time.
    [ "$(for agent in codex claude copilot; do
        events_of "$agent" | jq -r 'select(.event == "boot-report").time | "a " + .'
        events_of "$agent" | jq -r 'select(.event == "session-end").time | "b " + .'
    done | sort -k 2 | cut -c1 | xargs)" = 'a a a b b b' ]
    [ "$(git -C "$REPO" status --short)" = '' ]
}

# plays_in_all AGENT [OPTION...]: its CLI plays SCRIPT in a session with these options.
plays_in_all() {
    # shellcheck source=/dev/null # one of tests/vendor
    . "$ROOT/tests/vendor/$1.bash"
    # shellcheck disable=SC2034 # for play_trapped
    OPTIONS=("${@:2}") NAME=$1
    trapped "$SCRIPT"
}

# bats test_tags=soak
@test "the image of all agents serves each of them, and each is what the trap lets run there" {
    local agent all=coding-agents/all:$VERSION
    # Another vendor's program is a command there like any other: in a sandbox, on record, without the key.
    for agent in codex claude copilot; do
        local other=claude
        [ "$agent" != claude ] || other=codex
        SCRIPT=$(jq -nc --arg program "/opt/coding-agents/$other/bin/$other" \
            '[{run: "id -un >made; \($program) --version; env | grep -c c4n4ry"}]')
        plays_in_all "$agent" --image "$all"
        [ "$(git -C "$REPO" show "$agent/$agent:made")" = agentuser ]
        [ "$(jq -r .image "$XDG_STATE_HOME/coding-agents/sessions/$(id_of "$agent")/state.json")" = \
            "$("$DOCKER" image inspect --format '{{.Id}}' "$all")" ]
        outputs | jq -r '.[0]' | grep -qE '(Claude Code|codex-cli [0-9])'
        outputs | jq -r '.[0]' | grep -qx 0
        # The agent itself is the one program that became an image without a sandbox.
        [ "$("$CA" record "$agent" --json | jq -r 'select(.verdict == "direct").program' | sort -u | grep ^/opt/)" = \
            "/opt/coding-agents/$agent/bin/$agent" ]
        events_of "$agent" | holds --slurp --arg program "/opt/coding-agents/$other/bin/$other" \
            'any(.[]; .event == "exec-nested" and .fields.program == $program)'
    done
}

# bats test_tags=soak
@test "an agent without an image of its own runs in the one of all agents" {
    local own
    # A client that finds no image of codex's, and is the real one otherwise.
    own=$("$DOCKER" image inspect --format '{{.Id}}' "coding-agents/codex:$VERSION")
    mkdir "$BATS_TEST_TMPDIR/bin"
    cat >"$BATS_TEST_TMPDIR/bin/docker" <<END
#!/bin/bash
exec "$DOCKER" "\${@/coding-agents\/codex:$VERSION/coding-agents/nonesuch:1}"
END
    chmod +x "$BATS_TEST_TMPDIR/bin/docker"
    SCRIPT='[{"run": "echo made >made"}]'
    PATH=$BATS_TEST_TMPDIR/bin:$PATH plays_in_all codex
    [ "$(git -C "$REPO" show codex/codex:made)" = made ]
    [ "$("$CA" status codex --json | jq -r .image)" = "$("$DOCKER" image inspect --format '{{.Id}}' "coding-agents/all:$VERSION")" ]
    # The positive control: with that client or without, the image of its own goes before.
    "$CA" remove codex --yes --no-push
    git -C "$REPO" branch -q -D codex/codex
    plays_in_all codex
    [ "$("$CA" status codex --json | jq -r .image)" = "$own" ]
}

# ended_because TEXT: the last line of the launcher about it, and the cause on record, begin with the text.
ended_because() {
    grep -F "coding-agents: $1" <<<"$stderr"
    [[ $("$CA" status "$NAME" --json | jq -r .cause) == "$1"* ]]
    events_of "$NAME" | holds --slurp --arg text "$1" 'any(.[]; .event == "session-end" and (.fields.cause | startswith($text)))'
}

@test "an agent that has no login is said to have none before it starts, and when it fails" {
    local agent names
    local -A options=([claude]='--model x' [codex]=--no-such-option [copilot]='--model x') # Codex tries for long
    for agent in claude:ANTHROPIC_API_KEY codex:CODEX_API_KEY copilot:COPILOT_GITHUB_TOKEN; do
        NAME=${agent%:*} names=${agent#*:}
        # shellcheck disable=SC2086 # words
        run --separate-stderr "$CA" run "$NAME" "$REPO" --name "$NAME" --network restricted --prompt go \
            -- ${options[$NAME]} </dev/null
        echo "$NAME: $status: $output: $stderr"
        [ "$status" -gt 0 ]
        [ "$status" -lt 200 ]
        grep "^coding-agents: $NAME is given no login and can ask for none without a terminal: --env-file FILE hands it $names," <<<"$stderr"
        ended_because "the agent ended with exit code $status: it was given no login: --env-file FILE hands it $names,"
    done
    # The positive controls: one that asks nobody anything needs none, and one that has a key is told of none.
    run --separate-stderr "$CA" run claude "$REPO" --name needless -- --version </dev/null
    [ "$status" -eq 0 ]
    [[ $stderr != *'given no login'* ]]
    [ "$("$CA" status needless --json | jq -r .cause)" = '' ]
    echo ANTHROPIC_API_KEY=x >"$BATS_TEST_TMPDIR/key"
    NAME=given
    run --separate-stderr "$CA" run claude "$REPO" --name given --network restricted --env-file "$BATS_TEST_TMPDIR/key" \
        --prompt go -- --no-such-option </dev/null
    echo "$status: $stderr"
    [ "$status" -gt 0 ]
    [[ $stderr != *'given no login'* ]]
    ended_because "the agent ended with exit code $status: coding-agents logs $(id_of given) shows what it said"
    run "$CA" logs given
    [[ $output == *no-such-option* ]]
}

# is_ready NAME: the command of the session NAME runs.
is_ready() {
    "$DOCKER" exec "$(container_of "$1")" test -e /workspace/ready
}

@test "what an agent did before it crashed is on its branch, and the launcher says how it ended" {
    # What their runtimes can catch (SEGV) they make an end of their own of.
    local agent signal=KILL code=137
    for agent in claude codex copilot; do
        # shellcheck source=/dev/null # one of tests/vendor
        . "$ROOT/tests/vendor/$agent.bash"
        NAME=$agent
        start_model '[{"run": "echo made >made; touch ready; sleep 60"}]'
        play_trapped >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/said" 3>&- &
        local player=$!
        wait_for 60 is_ready "$agent"
        "$DOCKER" exec --user 0 "$(container_of "$agent")" pkill "-$signal" -f "^/opt/coding-agents/$agent/bin/$agent "
        status=0
        wait "$player" || status=$?
        stderr=$(<"$BATS_TEST_TMPDIR/said")
        echo "$status: $stderr"
        ended_because "the agent was ended by SIG$signal: coding-agents logs $(id_of "$agent") shows what it said"
        [ "$status" -eq "$code" ]
        [ "$(git -C "$REPO" show "$agent/$agent:made")" = made ]
    done
}

# has_cause TEXT: the state of the session NAME names it.
has_cause() { [[ $("$CA" status "$NAME" --json | jq -r .cause) == *"$1"* ]]; }

# bats test_tags=soak
@test "an agent that ends at once in a launched session is started again ever later, then waits, and status says so" {
    NAME=again
    terminal_setup
    "$CA" launch codex "$REPO" --name "$NAME" --network restricted --no-push -- --no-such-option
    wait_for 120 has_cause 'ended and was started again'
    has_cause "coding-agents connect $(id_of "$NAME")"
    events_of "$NAME" | holds --slurp 'any(.[]; .event == "limit-hit" and .fields.what == "agent" and .fields.count == 4)'
    terminal one "'$CA' connect '$NAME'"
    wait_for 60 shows one 'ended 5 times in a row.*with exit code 2'
    screen one -S - | grep -F -- --no-such-option
    # It waits: the fifth start was the last one.
    has_starts 5
    # Until somebody wants another, and then as at first.
    keys one Enter
    wait_for 60 has_starts 10
    "$CA" stop "$NAME" --no-push
    has_cause 'was stopped with SIGTERM'
    # In a terminal of somebody's nothing is started again, and the launcher says how it ended.
    NAME=crashed
    terminal two "'$CA' run codex '$REPO' --name crashed --network restricted --no-push --interactive -- --no-such-option"
    wait_for 60 shows two 'the agent ended with exit code 2'
    has_cause 'the agent ended with exit code 2'
    has_starts 1
}

# has_starts COUNT: of Codex's program.
has_starts() { [ "$("$CA" record "$NAME" --json | jq -r 'select(.rule == "codex-start").rule' | wc -l)" -eq "$1" ]; }

# has_ended: the session NAME.
has_ended() { [ "$("$CA" status "$NAME" --json | jq -r .phase)" = ended ]; }

@test "launch with a prompt runs it once, and the session ends with it" {
    # shellcheck source=tests/vendor/claude.bash
    . "$ROOT/tests/vendor/claude.bash"
    local way
    start_model '[{"run": "echo x >>made"}]'
    provider
    printf '%s\n' "${PROVIDER[@]}" >"$BATS_TEST_TMPDIR/variables"
    # As a prompt, and as options of its own that are one.
    for way in '--prompt go' '-- -p go'; do
        NAME=once-${#way}
        # shellcheck disable=SC2086 # words
        run --separate-stderr "$CA" launch claude "$REPO" --name "$NAME" --env-file "$BATS_TEST_TMPDIR/variables" \
            --engine-arg "--add-host=$MODEL_HOST:host-gateway" $way
        echo "$stderr"
        [ "$status" -eq 0 ]
        grep -F 'runs until its program ends' <<<"$stderr"
        wait_for 120 has_ended
        [ "$("$CA" status "$NAME" --json | jq .exit_code)" = 0 ]
        "$CA" sync "$NAME"
        [ "$(git -C "$REPO" show "claude/$NAME:made")" = x ]
        [ "$("$CA" record "$NAME" --json | jq -r 'select(.rule == "claude-start").rule' | wc -l)" -eq 1 ]
    done
}

@test "an agent does not update itself: it is refused behind --, and as a command" {
    local agent
    for agent in claude codex copilot; do
        run -200 --separate-stderr "$CA" run "$agent" "$REPO" -- update </dev/null
        [ -z "$output" ]
        [ "$stderr" = "coding-agents: '$agent update' is of no use in a session: its version is the image's: coding-agents run --from-source builds the image of this version anew" ]
    done
    SCRIPT='[{"run": "/opt/coding-agents/claude/bin/claude update"}, {"run": "/opt/coding-agents/codex/bin/codex update"},
        {"run": "/opt/coding-agents/copilot/bin/copilot update"}, {"run": "/opt/coding-agents/claude/bin/claude --version"}]'
    plays_in_all claude --image "coding-agents/all:$VERSION"
    outputs | holds '.[:3] | map(contains("denied by rule agent-update: the version of this program is that of the session'\''s image; instead tell the user")) == [true, true, true]'
    outputs | holds '.[3] | contains("(Claude Code)")'
}

# texts: what a repository can have for people's agents to read, each with a mark, and with orders that nobody is to follow.
texts() {
    local place
    for place in claude codex agents github; do
        mkdir -p "$REPO/.$place/skills/of-$place" "$REPO/.$place/agents" "$REPO/.$place/commands"
        printf -- '---\nname: of-%s\ndescription: MARK-%sskill\nhooks:\n  PreToolUse:\n    - matcher: "*"\n      hooks:\n        - type: command\n          command: touch /tmp/hooked\n---\nLook. !`touch /tmp/skilled`\n' \
            "$place" "$place" >"$REPO/.$place/skills/of-$place/SKILL.md"
        printf -- '---\nname: %s-one\ndescription: MARK-%sagent\n---\nLook.\n' "$place" "$place" \
            >"$REPO/.$place/agents/$place-one.agent.md"
        printf -- '---\ndescription: MARK-%scommand\n---\nLook. !`touch /tmp/commanded`\n' "$place" \
            >"$REPO/.$place/commands/$place-two.md"
    done
    echo MARK-agents >"$REPO/AGENTS.md"
    echo MARK-claude >"$REPO/CLAUDE.md"
    echo MARK-copilot >"$REPO/.github/copilot-instructions.md"
    git -C "$REPO" add --all
    git -C "$REPO" commit -q -m Texts
}

# marks_in NAME: MARKS, those that the model of AGENT reads in a session of this name, in which nothing obeyed them.
marks_in() {
    # shellcheck disable=SC2034 # for play_trapped
    NAME=$1
    start_model '[{"run": "ls /tmp | grep -cE \"hooked|skilled|commanded\"; true"}]'
    play_trapped >/dev/null
    outputs | holds 'length == 1 and (.[0] | test("(^|\n)0(\n|$)"))' >/dev/null
    MARKS=$(jq -rs 'map(.marks // []) | add | unique | map(ltrimstr("MARK-")) | join(" ")' "$MODEL_RECORD")
}

# bats test_tags=soak
@test "instructions are read accepted or not; of skills, agents and commands that are not Claude says nothing to its model, the others what they are" {
    local agent untrusted
    texts
    for agent in claude codex copilot; do
        # shellcheck source=/dev/null # one of tests/vendor
        . "$ROOT/tests/vendor/$agent.bash"
        marks_in "$agent-a"
        untrusted=$MARKS
        "$CA" trust-config "$agent" "$REPO" --yes
        marks_in "$agent-b"
        echo "$agent: '$untrusted', '$MARKS'"
        case $agent in
        claude) [ "$untrusted, $MARKS" = 'claude, claude claudeagent claudecommand claudeskill' ] ;;
        codex) [[ "$untrusted, $MARKS" == 'agents agentsskill codexskill, agents agentsskill codexskill' ]] ;;
        copilot) [[ "$untrusted" == "$MARKS" && " $MARKS " == *' agents '*'copilot '*'githubagent '*'githubskill '* ]] ;;
        esac
    done
}
