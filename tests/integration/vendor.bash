# What tests of vendors' CLIs share: a model that plays a script, and what it was told.
# shellcheck shell=bash

MODEL_HOST=model.test
export MODEL_HOST
# What a CLI is started with in a plain container: nothing, or a program that watches it.
# shellcheck disable=SC2034 # for the files in tests/vendor
WATCH=()
# Further options of its session, and of the engine for a plain container.
# shellcheck disable=SC2034 # likewise
OPTIONS=()
PLAIN_OPTIONS=()

# vendor_setup AGENT: REPO, and NAME and PLAIN for its session and its plain container.
# shellcheck disable=SC2034 # for the tests
vendor_setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    NAME=$1-$BATS_TEST_NUMBER
    PLAIN=coding-agents-test-$1-$$-$BATS_TEST_NUMBER
    new_repository "$REPO"
}

vendor_teardown() {
    if [ -n "${TERMINALS:-}" ]; then
        terminal_show_all
        terminal_teardown
    fi
    if [ -n "${TERMINAL_IMAGE:-}" ]; then
        "$DOCKER" rmi -f "$TERMINAL_IMAGE" >/dev/null
    fi
    stop_model
    stop_plain
}

# start_model SCRIPT: a model server that containers reach as MODEL_HOST. Sets MODEL_PORT, and MODEL_RECORD for what it
# hears. One at a time.
start_model() {
    local gateway script=$BATS_TEST_TMPDIR/script.json port=$BATS_TEST_TMPDIR/port
    stop_model
    # An engine that found its bridge there names no gateway: it is the first address of the network then.
    gateway=$("$DOCKER" network inspect bridge --format '{{with index .IPAM.Config 0}}{{or .Gateway .Subnet}}{{end}}')
    case $gateway in */*) gateway=${gateway%.*}.1 ;; esac
    printf '%s\n' "$1" >"$script"
    MODEL_RECORD=$BATS_TEST_TMPDIR/record.jsonl
    rm -f "$port" "$MODEL_RECORD"
    "$ROOT/tests/vendor/model-server" --address "$gateway" --script "$script" --record "$MODEL_RECORD" \
        --port-file "$port" 3>&- &
    MODEL_PID=$!
    wait_for 10 test -s "$port"
    MODEL_PORT=$(<"$port")
    export MODEL_PORT
}

stop_model() {
    if [ -n "${MODEL_PID:-}" ]; then
        kill "$MODEL_PID"
        wait "$MODEL_PID" || true
        MODEL_PID=
    fi
}

# start_plain IMAGE [ENGINE ARGUMENT...]: PLAIN, a plain container in which a CLI is the positive control, untrapped, in a
# copy of REPO; it stays until the test ends.
start_plain() {
    stop_plain
    "$DOCKER" run --detach --init --name "$PLAIN" --read-only --user 10001:10001 --workdir /workspace \
        --env HOME=/home/agentcli --add-host "$MODEL_HOST:host-gateway" --tmpfs /tmp \
        --tmpfs /home/agentcli:uid=10001,gid=10001,mode=0700 --tmpfs /workspace:exec,uid=10001,gid=10001,mode=0755 \
        "${@:2}" "${PLAIN_OPTIONS[@]}" --entrypoint sleep "$1" infinity
    tar -c -C "$REPO" . | "$DOCKER" exec --interactive "$PLAIN" tar -x --no-same-owner -C /workspace
}

stop_plain() {
    "$DOCKER" rm --force "$PLAIN" >/dev/null 2>&1 || true
}

# untrapped SCRIPT [ARGUMENT...], trapped SCRIPT [ARGUMENT...]: the CLI plays the script, as the test's file says how.
untrapped() {
    start_model "$1"
    play_untrapped "${@:2}"
}

trapped() {
    start_model "$1"
    play_trapped "${@:2}"
}

# places: where in the model server the CLI looked, each once: the paths, or of what came as to a proxy the address.
places() {
    jq -r .path "$MODEL_RECORD" | sort -u | xargs
}

# heard MARK: the model was sent it.
heard() {
    holds --slurp --arg mark "$1" 'any(.[]; any(.marks[]?; . == $mark))' "$MODEL_RECORD" >/dev/null
}

# goes_on ARGUMENT...: told so, the CLI goes on with what was said in an earlier session, untold it does not, and in a session
# without data there is nothing to go on with.
# shellcheck disable=SC2030,SC2031,SC2034 # of this test alone, and of play_trapped
goes_on() {
    local name=$NAME
    export XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
    trapped '[{"run": "echo MARK-earlier"}]'
    heard MARK-earlier
    NAME=$name-on
    trapped '[]' "$@"
    heard MARK-earlier
    NAME=$name-new
    trapped '[]'
    run ! heard MARK-earlier
    NAME=$name-none OPTIONS=(--no-data)
    trapped '[]' "$@" || true
    run ! heard MARK-earlier
    "$CA" remove --all --yes --no-push
}

# interrupt PLAYER CONTAINER PROGRAM CODE: sends the CLI, PROGRAM, what ^C sends, once its command runs, which says so in
# `beats`. The process PLAYER plays it, and ends with CODE, as a turn that was interrupted does.
interrupt() {
    local code=0
    wait_for 60 "$DOCKER" exec "$2" test -s /workspace/beats
    "$DOCKER" exec --user 0 "$2" pkill -INT -f "^$3 "
    wait "$1" || code=$?
    echo "$3 ended with $code"
    [ "$code" -eq "$4" ]
}

# stays_silent CONTAINER: nothing beats there any more.
stays_silent() {
    local beats
    beats=$("$DOCKER" exec "$1" wc -l /workspace/beats)
    sleep 0.5
    [ "$("$DOCKER" exec "$1" wc -l /workspace/beats)" = "$beats" ]
}

# A command that ends by no signal but the one that cannot be kept out.
# shellcheck disable=SC2034 # for the tests
STUBBORN='[{"run": "trap \"\" INT TERM HUP; while :; do echo >>beats; sleep 0.05; done"}]'

# outputs: what the model was told of its calls, a JSON list. A CLI may ask for other things too, a title for one.
outputs() {
    jq -cs 'map(.outputs // []) | max_by(length)' "$MODEL_RECORD"
}

# told_anything: the model heard of a call.
told_anything() { outputs | holds 'arrays | length > 0'; }

# type_go MARK [WORD]: types a prompt, go or another WORD, into the window `one`, behind the CLI's MARK.
type_go() {
    wait_for 120 shows one "$1"
    keys one "${2:-go}"
    wait_for 30 shows one "$1.*${2:-go}"
    keys one Enter
}

# type_prompt MARK: the same, until the model has heard of the call that it makes of it.
type_prompt() {
    type_go "$1"
    wait_for 60 told_anything
}

# press WINDOW KEY SEEN: until it shows: what a program draws it does not at once listen for.
press() {
    local i
    for ((i = 0; i < 20; i++)); do
        keys "$1" "$2"
        if wait_for 2 shows "$1" "$3" 2>/dev/null; then
            return
        fi
    done
    echo "gave up pressing $2 for: $3" >&2
    return 1
}

# come_back SEEN WIDE: leaves `one` and comes back in `two`, which shows what SEEN is, and WIDE once it is wider.
come_back() {
    wait_for 30 shows one "$1"
    keys one C-b d
    wait_for 30 shows one 'ended=0 icanon'
    terminal two "'$CA' connect '$NAME'"
    wait_for 30 shows two "$1"
    run ! shows two "$2"
    resize two 130 40
    wait_for 30 shows two "$2"
}

# ends_and_resumes MARK LIST CHOICE END...: in a launched session the CLI that shows `done` in the window `one` ends when
# the keys END are typed, is started again, shows LIST, its conversations, and takes up the one that CHOICE shows.
ends_and_resumes() {
    local key
    wait_for 30 shows one 'done'
    # Again where it was not listening, or took too long between the keys.
    for _ in {1..4}; do
        for key in "${@:4}"; do
            keys one "$key"
            sleep 0.5
        done
        if wait_for 15 shows_not one 'done'; then break; fi
    done
    shows_not one 'done'
    wait_for 60 shows one "$1"
    keys one /resume
    wait_for 10 shows one /resume
    sleep 0.5
    keys one Enter
    wait_for 30 shows one "$2"
    shows one "$3" || press one Down "$3"
    keys one Enter
    wait_for 30 shows one 'done'
}

shows_not() { ! shows "$@"; }

# reach_calls TOOL KEY: a script that has TOOL, with which the CLI itself reads, look at what lies in a session; the path is
# its argument KEY. The link is a command's.
reach_calls() {
    jq -nc --arg tool "$1" --arg key "$2" '[{run: "ln -s /proc/self/environ link"}] + [(
        "/workspace/file", "/etc/coding-agents/users.tab", "/var/lib/coding-agents/local.git/config", "/proc/self/mountinfo",
        "/proc/self/environ", "/workspace/link", "/proc/1/environ", "/etc/shadow", "/home/agentuser/file",
        "/run/coding-agents/private/file"
        ) | {call: $tool, with: {($key): .}}]'
}

# looks_at_login AGENT FILE CONTENT CALL [ARGUMENT...]: a session with the login that a host has in FILE, in which CALL looks at what came of it.
looks_at_login() {
    export HOME=$BATS_TEST_TMPDIR/home
    unset XDG_CONFIG_HOME
    mkdir -p "$(dirname "$HOME/$2")"
    printf '%s' "$3" >"$HOME/$2"
    chmod 0600 "$HOME/$2"
    trapped "[{\"run\": \"cat /run/agent-secrets/$1/$(basename "$2") 2>&1; true\"}, $4]" "${@:5}"
    # No command could read it, and it was there.
    [[ $(outputs | jq -r '.[0]') != *"$KEY-login"* ]]
    events_of "$NAME" | grep -q '"event":"capability-redeemed"'
}

# reached: which of these it could read, a line each.
reached() {
    local names=(file table repository mounts environment link init shadow home private)
    outputs | jq -r --argjson names "$(jq -nc '$ARGS.positional' --args "${names[@]}")" '.[1:] | to_entries[]
        | select(.value | test("EACCES|Cannot read|does not exist|ENOENT|Path does not") | not) | $names[.key]' | xargs
}

# hard_calls ENDING: a script of what is hard to carry: much on either stream, a commit, and the calls of ENDING, which
# start a command that writes `beats`, ends by no signal but KILL, and outlives its time, and end it as the CLI can.
hard_calls() {
    jq -nc --argjson ending "$1" '[
        {run: "head -c 10000000 /dev/zero | tr \"\\0\" x | fold -w 99"},
        {run: "yes err | head -c 10000000 >&2; exit 5"},
        {run: "echo a >tracked; git add tracked; git -c user.name=a -c user.email=a@example.com commit -q -m made; git log --format=%s -1; git status --short"}]
        + $ending + [{run: "for i in $(seq 40); do n=$(wc -l <beats); sleep 0.5; test $(wc -l <beats) != $n || { rm beats; echo silent; break; }; done"}]'
}

# many_calls: 50, and with SOAK=1 as many as a long piece of work has.
many_calls() {
    jq -nc --argjson count "$([ "${SOAK:-0}" = 1 ] && echo 1000 || echo 50)" '[range($count) | {run: "echo \(.); exit \(. % 7)"}]'
}

# told_the_same SCRIPT [ARGUMENT...]: the model hears of the script in a session what it hears untrapped, byte for byte
# but for what `normalised` takes away. Sets TOLD, what it heard.
told_the_same() {
    local expected
    untrapped "$@"
    expected=$(told | normalised)
    trapped "$@"
    # shellcheck disable=SC2034 # for the tests
    TOLD=$(told | normalised)
    diff <(jq . <<<"$expected") <(jq . <<<"$TOLD")
}

# advised TEXT...: the last session's start said one line about what the repository configures, which has each TEXT.
advised() {
    local line text
    line=$(grep -F 'coding-agents: what the repository has to configure' "$BATS_TEST_TMPDIR/said")
    [ "$(wc -l <<<"$line")" -eq 1 ]
    for text; do
        [[ $line == *"$text"* ]]
    done
}

# session NAME SCRIPT [ARGUMENT...]: a session of this name plays the script; what was said is in `said`.
session() {
    NAME=$1
    start_model "$2"
    play_trapped "${@:3}" 2>"$BATS_TEST_TMPDIR/said"
}

# is_refused AGENT VARIABLE: in a file, and nothing starts.
# shellcheck disable=SC2154 # set by run
is_refused() {
    printf '# key\n%s\n' "$2" >"$BATS_TEST_TMPDIR/variables"
    run -200 "$CA" run "$1" "$REPO" --name "$NAME" --env-file "$BATS_TEST_TMPDIR/variables" -- --version
    [[ $output == *"line 2 sets ${2%%=*}, which is refused"* ]]
}

# trust_of NAME: what its record says about the repository's configuration.
trust_of() {
    events_of "$1" | jq -r 'select(.event == "session-config") | .fields.repository_config'
}

# What a poisoned repository does in a session when it may: a hook makes one file, a server another.
# shellcheck disable=SC2034 # for the tests
POISONED='[{"run": "for i in $(seq 50); do test -e /tmp/hooked -a -e /tmp/served && break; sleep 0.1; done; echo seen $(ls /tmp | grep -E \"hooked|served\")"}]'
