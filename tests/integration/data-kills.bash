# Kills somebody at chosen points of an agent's data on its way in, out and into the store, and judges what the store then
# has: all that a session wrote, each line once, or nothing of it and a record that says so. Beside kill-points.bash.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # for the tests, and of kill-points.bash

# Who is killed, and when; what was hit is read from what is left.
DATA_PHASES=(container-import program-import keeper-import container-running container-export program-export
    keeper-reception keeper-merge merger-merge keeper-merged launcher-export broker-running broker-export)
# How many system calls into it kills go, at most.
declare -gA DATA_CALLS=([program-import]=120 [keeper-import]=150 [program-export]=400 [keeper-reception]=500
    [keeper-merge]=600 [merger-merge]=600 [keeper-merged]=16)
HISTORY_LINES=40
# Sessions that share a store; then the next store begins.
DATA_CHAIN=16

ROW_BEGINS[up-history]='  secrets '
ROW_CALLS[up-history]=900
ROW_BEGINS[down-history]=''
ROW_CALLS[down-history]=600

data_kills_setup_file() {
    session_setup_file
    export HITS=$BATS_FILE_TMPDIR/hits REPO=$BATS_FILE_TMPDIR/repo DATA_IMAGE=coding-agents-history-$$:test
    export HOME=$BATS_FILE_TMPDIR/home
    unset ANTHROPIC_API_KEY CLAUDE_API_KEY CLAUDE_CONFIG_DIR
    mkdir -p "$HOME"
    new_repository "$REPO"
    claude_stand_in "$DATA_IMAGE" history-agent
}

data_kills_teardown_file() {
    session_teardown_file
    "$DOCKER" rmi -f "$DATA_IMAGE" >/dev/null 2>&1 || true
}

# data_setup: in the test itself, where what a round has set stays.
data_setup() {
    RANDOM=${KILL_SEED:-1}
    DATA=$XDG_STATE_HOME/coding-agents/data
    STORE=$DATA/claude
    TALKS=$STORE/.claude/projects/-workspace
    new_store
}

# new_store: with a line that no session wrote. WRITTEN are the tags of which the store has all.
new_store() {
    rm -rf "$DATA"
    mkdir -p -m 700 "$DATA" "$STORE/.claude"
    echo 'begin 0' >"$STORE/.claude/history.jsonl"
    WRITTEN=()
}

# begin_data NUMBER PHASE: a session of which the agent is about to write. Sets LAUNCHER, OUT, TAG.
begin_data() {
    NAME=data-$1
    TAG=$(printf '%012d' "$1")
    OUT=$BATS_TEST_TMPDIR/$NAME.out
    SESSION='' STATE='' PROCS='' IS_ALONE=no WATCHED=yes CODE=0
    rm -rf "$HOME/.claude"
    if [[ $2 == broker-* ]]; then
        mkdir -p -m 700 "$HOME/.claude"
        echo '{"claudeAiOauth":{"accessToken":"a","refreshToken":"b"}}' >"$HOME/.claude/.credentials.json"
    fi
    : >"$OUT"
    "$CA" run claude "$REPO" --name "$NAME" --image "$DATA_IMAGE" --network restricted -- \
        "$TAG" "$HISTORY_LINES" /workspace/enough >"$OUT" 2>&1 </dev/null 3>&- &
    LAUNCHER=$!
}

has_written() {
    slurp "$OUT"
    [[ $TEXT == *"wrote $TAG"$'\n'* ]]
}

# stop_session: as `docker stop` does, without waiting.
stop_session() {
    find_process agent-init && kill -TERM "$PID"
}

keeper_pid() {
    pgrep -f "^[^ ]*coding-agents-keeper --session $SESSION"
}

# kill_found PHASE TEXT PATH [PID]: sets KILLER, who waits for a process with TEXT and kills it, or PID.
kill_found() {
    "$KILL_AFTER" "$3" $((RANDOM % DATA_CALLS[$1])) --found "$2" ${4:+"$4"} 3>&- &
    KILLER=$!
}

# data_kill PHASE: brings the session there and kills. 1: it did not get there.
data_kill() {
    local broker
    soon find_container || return 1
    case $1 in
    container-import)
        kill_in_row up-history
        return
        ;;
    program-import) kill_found "$1" "agent-data import claude $SESSION" '' ;;
    keeper-import) kill_found "$1" "coding-agents-data export --json --session $SESSION" '' "$(keeper_pid)" ;;
    esac
    if [[ $1 == *-import ]]; then
        wait "$KILLER" || echo 'it was over before'
        soon has_written && stop_session
        return
    fi
    soon has_written && soon find_process agent-init || return 1
    case $1 in
    container-running) kill_first agent-init ;;
    container-export) kill_in_row down-history stop_session ;;
    program-export) kill_found "$1" "agent-data export claude $SESSION" '' ;;
    keeper-reception) kill_found "$1" "coding-agents-keeper --session $SESSION" "$DATA/.claude.$SESSION.part" ;;
    keeper-merge) kill_found "$1" "coding-agents-data import --json --session $SESSION" '' "$(keeper_pid)" ;;
    merger-merge) kill_found "$1" "coding-agents-data import --json --session $SESSION" '' ;;
    keeper-merged) kill_found "$1" "coding-agents-keeper --session $SESSION" "$STORE/.claude/history.jsonl" ;;
    launcher-export)
        stop_session
        sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
        kill -KILL "$LAUNCHER"
        WATCHED=no
        ;;
    broker-running) kill -KILL "$(broker_of "$SESSION")" ;;
    broker-export)
        broker=$(broker_of "$SESSION")
        stop_session
        sleep "0.0$((RANDOM % 10))"
        kill -KILL "$broker" 2>/dev/null
        ;;
    esac || return 1
    case $1 in
    program-export | keeper-reception | keeper-merge | merger-merge | keeper-merged)
        stop_session
        wait "$KILLER" || echo 'it was over before'
        ;;
    esac
}

# has_fact EVENT: the session's log has it. Nothing is left of one that did not boot.
has_fact() {
    grep -q "\"event\":\"$1\"" "$STATE/events.jsonl" 2>/dev/null
}

# has_all TAG, has_none TAG: what the store has of a session, each line once.
has_all() {
    [ "$(grep -c "^$1 " "$STORE/.claude/history.jsonl")" -eq "$HISTORY_LINES" ] &&
        talk_of "$1" | cmp -s - "$TALKS/11111111-1111-4111-8111-$1.jsonl"
}

has_none() {
    ! grep -q "^$1 " "$STORE/.claude/history.jsonl" && [ ! -e "$TALKS/11111111-1111-4111-8111-$1.jsonl" ]
}

talk_of() {
    awk -v tag="$1" 'BEGIN { for (i = 0; i < 8192; i++) printf "%s %d%240s\n", tag, i, "" }'
}

# whole_store: nothing but what WRITTEN says, each line of the history once, nothing half.
whole_store() {
    local tag
    [ -z "$(sort "$STORE/.claude/history.jsonl" | uniq -d)" ]
    [ "$(wc -l <"$STORE/.claude/history.jsonl")" -eq $((1 + ${#WRITTEN[@]} * HISTORY_LINES)) ]
    [ "$(find "$STORE" -type f | wc -l)" -eq $((1 + ${#WRITTEN[@]})) ]
    for tag in "${WRITTEN[@]}"; do has_all "$tag"; done
    [ -z "$(find "$DATA" -mindepth 1 -maxdepth 1 ! -name claude ! -name .key ! -name .claude.lock ! -name ".claude.*.tar" \
        ! -name '.claude.*.part')" ]
}

# found_all: a session that was given its data had all of what the store had, each line once.
found_all() {
    if has_written && has_fact data-imported; then
        sed -n 's/^had //p' "$OUT" | cmp - <(printf '%s\n' "$EXPECTED")
    fi
}

# recover: the next session's beginning, without one. What it says of this session in RECOVERED.
recover() {
    local archive=$BATS_TEST_TMPDIR/next.tar
    rm -f "$archive"
    RECOVERED=$("$CA" data export claude "$archive" --session aaaaaaaa --json |
        jq -c --arg session "$SESSION" '.sessions[]? | select(.session == $session)')
    tar -xOf "$archive" data/.claude/history.jsonl | cmp - "$STORE/.claude/history.jsonl"
    rm "$archive"
}

# judge_data PHASE: what became of what the session wrote. Sets PHASE.
judge_data() {
    local wrote=no told=no
    if has_written; then wrote=yes; fi
    # Without an engine nobody hears the agent say so, and it writes all the same.
    if has_fact data-merged; then
        has_all "$TAG"
        told=merged
    fi
    recover
    [ -z "$(find "$DATA" -maxdepth 1 -name "*$SESSION*")" ]
    if [ "$told" = merged ] || has_all "$TAG"; then
        WRITTEN+=("$TAG")
        IN_STORE=yes
    else
        IN_STORE=no
        has_none "$TAG"
        if [ "$wrote" = yes ]; then said_lost; fi
    fi
    whole_store
    found_all
    EXPECTED=$(<"$STORE/.claude/history.jsonl")
    PHASE=$(phase_of "$1" "$told")
}

# said_lost: what is not there is on record: in the session's log, in what the next session is told, or, where the keeper was
# dead by then, in what the session itself said.
said_lost() {
    jq -r 'select(.event == "data-refused" and .fields.direction == "export") | .fields.message' "$STATE/events.jsonl" |
        grep . || { [[ $RECOVERED == *'"refused"'* ]] && echo "$RECOVERED"; } ||
        grep 'history .*refused: ' "$OUT"
}

# phase_of PHASE TOLD: itself when that is where the kill came, by what there was afterwards.
phase_of() {
    case $1 in
    container-import) grep -q '^  secrets ' "$OUT" && ! grep -q '^  history ' "$OUT" ;;
    program-import) has_fact data-refused && ! has_fact data-imported ;;
    keeper-import) [ "$wrote" = yes ] && ! has_fact data-given && ! has_fact session-end ;;
    container-running) has_fact session-end && ! has_event shutdown-started ;;
    container-export) has_event shutdown-started && [ "$2" = no ] ;;
    program-export) has_fact data-refused && has_fact session-end ;;
    keeper-reception) [[ $RECOVERED == *'"refused"'* ]] ;;
    keeper-merge) [[ $RECOVERED == *'"merged"'* && $2 == no ]] ;;
    merger-merge) has_fact data-refused && has_fact session-end && [[ $RECOVERED == *'"merged"'* ]] ;;
    keeper-merged) ! has_fact session-end ;;
    launcher-export | broker-export) [ "$2" = merged ] && has_fact session-end ;;
    broker-running) [ "$2" = merged ] && has_fact broker-lost ;;
    engine-*) [ "$ENGINE_DIED" = yes ] ;;
    esac && echo "$1" || echo elsewhere
}

# data_point NUMBER PHASE: a session, and somebody killed; PHASE afterwards is what was hit.
data_point() {
    next_round "$2"
    if ! data_kill "$2"; then
        echo "did not get to $2"
        stop_session || true
    fi
    CONTAINER=coding-agents-$SESSION
    ends
    end_round "$2"
}

next_round() {
    ROUND=$((${ROUND:-0} + 1))
    if [ $((ROUND % DATA_CHAIN)) -eq 0 ]; then new_store; fi
    EXPECTED=$(<"$STORE/.claude/history.jsonl")
    begin_data "$ROUND" "$1"
}

end_round() {
    judge_data "$1"
    "$CA" remove "$NAME" --yes --no-push >/dev/null 2>&1 || true
    git -C "$REPO" branch -q -D "claude/$NAME" 2>/dev/null || true
    echo "round $ROUND: $1, hit $PHASE, all of it in the store: $IN_STORE"
    echo "$PHASE" >>"$HITS"
}

# engine_data_point NUMBER PHASE: the engine is killed while agent-boot stands in the history's row, and started again. Needs
# engine.bash.
engine_data_point() {
    ENGINE_DIED=no
    next_round "$2"
    soon find_container
    export -f kill_engine is_written_down has_ended wait_for holds
    export STATE
    if [ "$2" = engine-import ]; then
        IN_ROW=kill_engine kill_in_row up-history && ENGINE_DIED=yes
    else
        soon has_written && soon find_process agent-init
        IN_ROW=kill_engine kill_in_row down-history stop_session && ENGINE_DIED=yes
    fi
    if [ "$ENGINE_DIED" = no ]; then stop_session || true; fi
    wait "$LAUNCHER" 2>/dev/null || true
    if [ "$ENGINE_DIED" = yes ]; then start_engine; fi
    CONTAINER=coding-agents-$SESSION
    WATCHED=no
    ends
    end_round "$2"
}
