#!/usr/bin/env bats
# What of the vendors' CLIs takes long to show: what a person does to them in a terminal in the middle of their work, what they
# say without a login, and a way to start commands that no session uses.

load ../integration/common
load ../integration/session
load ../integration/terminal
load ../integration/vendor

setup_file() {
    bats_require_minimum_version 1.5.0
    session_setup_file
}

teardown_file() {
    session_teardown_file
}

teardown() {
    vendor_teardown
    "$CA" kill "$NAME" >/dev/null 2>&1 || true
    session_teardown_file
}

# opens AGENT CONFIGURATION [OPTION...]: its CLI in the window `one`, on a repository that was accepted with the file
# CONFIGURATION in it, so that it asks nothing.
opens() {
    local agent=$1
    mkdir -p "$(dirname "$REPO/$2")"
    echo "${CONTENT-}" >"$REPO/$2"
    "$CA" trust-config "$agent" "$REPO" --yes
    terminal one "'$CA' run $agent '$REPO' --name '$NAME' --env-file '$BATS_TEST_TMPDIR/variables' \
        --engine-arg '--add-host=$MODEL_HOST:host-gateway' ${3:+$(printf ' %q' "${@:3}")}"
}

# A command without an end, and one that comes when the person says more.
INTERRUPTED='[
    {"run": "while :; do echo >>beats; sleep 0.05; done", "with": {}},
    {"run": "echo more >more"}
]'

# beating: what is on record of the command without an end.
beating() {
    "$CA" record "$NAME" --json |
        jq -c 'select(.verdict == "sandbox" and ((.argv // []) | any(contains("beats")))) | [.state, .signal != null]'
}

has_ended() { [ "$(beating)" = '["ended",true]' ]; }

# runs_endlessly MARK CONTAINER: the CLI, whose prompt stands behind MARK, is asked, and its command runs.
runs_endlessly() {
    type_go "$1"
    wait_for 300 "$DOCKER" exec "$2" test -s /workspace/beats
}

# takes_another MARK: the CLI takes another prompt, and does what it is told; and the session keeps what was done.
takes_another() {
    local i
    type_go "$1" more
    # Again where it was not listening yet: to an empty prompt it says nothing.
    for ((i = 0; i < 20; i++)); do
        if wait_for 15 "$DOCKER" exec "$(container_of "$NAME")" test -s /workspace/more; then break; fi
        keys one Enter
    done
    "$DOCKER" exec "$(container_of "$NAME")" test -s /workspace/more
    wait_for 120 shows one 'done'
    "$CA" stop "$NAME"
    [ "$(git -C "$REPO" show "$(branch_of)":more)" = more ]
}

# interrupted MARK: ^C while the command runs ends it, which is on record, and nothing else.
interrupted() {
    wait_for 300 shows one "$1"
    runs_endlessly "$1" "$(container_of "$NAME")"
    [ "$(beating)" = '["running",false]' ]
    keys one C-c
    wait_for 120 has_ended
    stays_silent "$(container_of "$NAME")"
    takes_another "$1"
}

branch_of() { echo "${NAME%%-*}/$NAME"; }

@test "^C while a command of Claude runs ends the command, and the session goes on" {
    vendor_setup claude
    # shellcheck source=tests/vendor/claude.bash
    . "$ROOT/tests/vendor/claude.bash"
    prepare_terminal "$INTERRUPTED"
    CONTENT={} opens claude .claude/settings.json --image "$TERMINAL_IMAGE"
    interrupted '❯'
}

# turn_interrupted CONTAINER: ^C ends what Codex waits for, and not the command, which /stop ends.
turn_interrupted() {
    wait_for 300 shows one '›'
    runs_endlessly '›' "$1"
    keys one C-c
    wait_for 120 shows one 'Conversation interrupted'
    run ! stays_silent "$1"
    keys one /stop
    wait_for 30 shows one '›.*/stop'
    sleep 0.5
    keys one Enter
    wait_for 120 stays_silent "$1"
}

@test "^C while a command of Codex runs ends the turn alone, as untrapped, /stop the command, and the session goes on" {
    local trusted='projects={"/workspace"={trust_level="trusted"}}'
    vendor_setup codex
    # shellcheck source=tests/vendor/codex.bash
    . "$ROOT/tests/vendor/codex.bash"
    # It waits as long as it can.
    start_model "${INTERRUPTED/'{}'/'{"yield_time_ms": 30000}'}"
    provider
    start_plain "$CODEX_IMAGE" --env "TEST_WORD=$KEY"
    terminal_setup
    terminal one "'$DOCKER' exec -it '$PLAIN' '$CODEX' -c '$trusted' $(printf ' %q' "${PROVIDER[@]}")"
    turn_interrupted "$PLAIN"
    tmux -L "$TERMINALS" kill-session -t one

    echo "TEST_WORD=$KEY" >"$BATS_TEST_TMPDIR/variables"
    opens codex .codex/config.toml --interactive -- "${PROVIDER[@]}"
    wait_for 300 "$CA" status "$NAME"
    turn_interrupted "$(container_of "$NAME")"
    wait_for 120 has_ended
    takes_another '›'
}

@test "^C while a command of Copilot runs ends the command, and the session goes on" {
    vendor_setup copilot
    # shellcheck source=tests/vendor/copilot.bash
    . "$ROOT/tests/vendor/copilot.bash"
    start_model "$INTERRUPTED"
    provider
    printf '%s\n' "${PROVIDER[@]}" >"$BATS_TEST_TMPDIR/variables"
    terminal_setup
    CONTENT='{"mcpServers": {}}' opens copilot .mcp.json
    interrupted '❯'
}

# says_no_login AGENT SAYS [OPTION...]: started in a terminal without a login, the launcher says that it has none, and the CLI
# SAYS so too, when it asks. What a command made meanwhile is kept when the CLI is left.
says_no_login() {
    local agent=$1 says=$2 container
    shift 2
    terminal one "'$CA' run $agent '$REPO' --name '$NAME' ${*@Q}"
    wait_for 300 shows one "$says"
    container=$(container_of "$NAME")
    "$DOCKER" exec --user agentuser "$container" agent-task-runnerctl exec -- sh -c 'echo kept >kept' </dev/null
    leave "$agent" "$says"
    screen one -S - | grep "^coding-agents: $agent is given no login and has to ask for one: --env-file FILE hands it "
    [ "$(git -C "$REPO" show "$(branch_of):kept")" = kept ]
}

# leave AGENT SAYS: by ^C, which two of them want twice, and do not hear while they start, until it does not show SAYS.
leave() {
    local i
    for ((i = 0; i < 10; i++)); do
        keys one C-c
        if [ "$1" != codex ]; then
            wait_for 5 shows one 'again to exit' || continue
            keys one C-c
        fi
        if wait_for 20 shows_not one "$2"; then break; fi
    done
    wait_for 300 shows one 'ended='
}

@test "in a terminal Claude without a login says so, as the launcher does, and what was done is kept" {
    vendor_setup claude
    # shellcheck source=tests/vendor/claude.bash
    . "$ROOT/tests/vendor/claude.bash"
    prepare_terminal
    mkdir "$REPO/.claude"
    echo '{}' >"$REPO/.claude/settings.json"
    "$CA" trust-config claude "$REPO" --yes
    says_no_login claude 'Not logged in' --network restricted --image "$TERMINAL_IMAGE"
}

@test "in a terminal Codex without a login says so, as the launcher does, and what was done is kept" {
    vendor_setup codex
    terminal_setup
    says_no_login codex 'Sign in' --network restricted
}

@test "in a terminal Copilot without a login says so, as the launcher does, and what was done is kept" {
    vendor_setup copilot
    echo '{"mcpServers": {}}' >"$REPO/.mcp.json"
    "$CA" trust-config copilot "$REPO" --yes
    terminal_setup
    says_no_login copilot 'Please use /login'
}

# Copilot waits 30 seconds at least.
OUTLIVES='[
    {"run": "echo begun; until test -e enough; do sleep 0.1; done; echo ended >&2; exit 6", "with": {"initial_wait": 30, "shellId": "slow"}},
    {"run": "touch enough"},
    {"call": "read_bash", "with": {"shellId": "slow", "delay": 30}}
]'

# told, normalised: all that the model was told, as it was.
told() { outputs; }
normalised() { cat; }

@test "a command that outlives the time that Copilot's model gave it is told of, goes on and ends as it does untrapped" {
    vendor_setup copilot
    # shellcheck source=tests/vendor/copilot.bash
    . "$ROOT/tests/vendor/copilot.bash"
    told_the_same "$OUTLIVES"
    [[ $(jq -r '.[0]' <<<"$TOLD") == begun*'is still running after 30 seconds'* ]]
    [[ $(jq -r '.[2]' <<<"$TOLD") == *ended*'completed with exit code 6>' ]]
    [ "$("$CA" record "$NAME" --json | jq -c 'select((.argv // []) | any(contains("echo begun"))) | [.state, .exit_code]')" = \
        '["ended",6]' ]
}

# A wrapper that hands each command to the task runner, as Claude's image could have it.
wrapper_image() {
    local directory=$BATS_TEST_TMPDIR/image
    TERMINAL_IMAGE=coding-agents-claude-wrapper-$$:test
    mkdir "$directory"
    { cat "$ROOT/policies/agent-environment.tab" && echo "claude  $1"; } >"$directory/agent-environment.tab"
    printf '#!/bin/sh\nexec agent-task-runnerctl exec -- bash -c "$1"\n' >"$directory/wrapper"
    chmod 0755 "$directory/wrapper"
    printf 'FROM %s\nCOPY agent-environment.tab /etc/coding-agents/\nCOPY wrapper /usr/local/bin/\n' "$CLAUDE_IMAGE" \
        >"$directory/Dockerfile"
    "$DOCKER" build -q -t "$TERMINAL_IMAGE" "$directory" >/dev/null
}

# asked_by: who asked for the sandboxes of the command, in order.
asked_by() {
    "$CA" record "$NAME" --json |
        jq -r 'select(.verdict == "sandbox" and ((.argv // []) | any(contains("echo wrapped")))).uid' | xargs
}

@test "a wrapper of commands that goes to the task runner costs each a second sandbox, asked for by a command, and buys nothing" {
    local name variable=CLAUDE_CODE_SHELL_PREFIX=/usr/local/bin/wrapper plain
    local script='[{"run": "id -u; echo wrapped; exit 3"}]'
    vendor_setup claude
    # shellcheck source=tests/vendor/claude.bash
    . "$ROOT/tests/vendor/claude.bash"
    name=$NAME
    trapped "$script"
    plain=$(outputs)
    [ "$(asked_by)" = 10001 ]
    wrapper_image "$variable"
    # shellcheck disable=SC2034 # for play_trapped
    OPTIONS=(--image "$TERMINAL_IMAGE")
    NAME=$name-wrapped
    trapped "$script"
    [ "$(outputs)" = "$plain" ]
    [ "$(asked_by)" = '10001 10000' ]
    # It is the image's alone to say.
    is_refused claude "$variable"
}

# moves_codex ADDRESS: all with which a repository could lead what goes to the provider to ADDRESS, and a server there that wants
# the key.
moves_codex() {
    mkdir -p "$REPO/.codex"
    cat >"$REPO/.codex/config.toml" <<CONFIG
model_provider = "moved"
openai_base_url = "$1/moved/v1"
chatgpt_base_url = "$1/moved"
[model_providers.moved]
name = "moved"
base_url = "$1/moved/v1"
env_key = "CODEX_API_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
supports_websockets = false
[mcp_servers.x]
url = "$1/served"
bearer_token_env_var = "CODEX_API_KEY"
CONFIG
    printf '%s\n' "http_proxy=$1" "HTTP_PROXY=$1" "ALL_PROXY=$1" "OPENAI_BASE_URL=$1/moved/v1" |
        tee "$REPO/.codex/.env" >"$REPO/.env"
}

# play_vendors NAME: a session with the vendor's own provider, which only the command line has elsewhere.
play_vendors() {
    NAME=$1
    rm -f "$MODEL_RECORD"
    "$CA" run codex "$REPO" --name "$NAME" --env-file "$BATS_TEST_TMPDIR/variables" \
        --engine-arg "--add-host=$MODEL_HOST:host-gateway" \
        --prompt go -- -c "openai_base_url=\"http://$MODEL_HOST:$MODEL_PORT/v1\"" </dev/null
}

@test "no setting of a repository moves the provider of Codex, accepted or not; a server that it names gets the key once accepted" {
    vendor_setup codex
    # shellcheck source=tests/vendor/codex.bash
    . "$ROOT/tests/vendor/codex.bash"
    local name=$NAME key
    start_model '[{"run": "sleep 2; echo made >made"}]'
    moves_codex "http://$MODEL_HOST:$MODEL_PORT"
    echo "CODEX_API_KEY=$KEY" >"$BATS_TEST_TMPDIR/variables"
    play_vendors "$name-a"
    [ "$(places)" = /v1/responses ]
    [ "$(git -C "$REPO" show "codex/$NAME:made")" = made ]

    "$CA" trust-config codex "$REPO" --yes
    play_vendors "$name-b" 2>&1 | tee "$BATS_TEST_TMPDIR/said"
    for key in openai_base_url chatgpt_base_url model_provider model_providers; do
        grep "Ignored unsupported project-local config keys in .*[ ]${key}[,.]" "$BATS_TEST_TMPDIR/said"
    done
    [ "$(places)" = '/served /v1/responses' ]
    [ "$(jq -r 'select(.path == "/served").authorization' "$MODEL_RECORD" | sort -u)" = "Bearer $KEY" ]

    # The positive controls: the same files as Codex's own do move it, each in its way.
    rm "$MODEL_RECORD"
    start_plain "$CODEX_IMAGE" --env "CODEX_API_KEY=$KEY" --env CODEX_HOME=/workspace/.codex
    run -1 "$DOCKER" exec "$PLAIN" "$CODEX" exec --skip-git-repo-check -- go </dev/null
    [[ " $(places) " == *" http://$MODEL_HOST:$MODEL_PORT/moved/v1/responses "* ]]
    "$DOCKER" exec "$PLAIN" rm .codex/.env
    run -1 "$DOCKER" exec "$PLAIN" "$CODEX" exec --skip-git-repo-check -- go </dev/null
    [[ " $(places) " == *' /moved/v1/responses '* ]]
}

# moves_copilot ADDRESS: the same for Copilot.
moves_copilot() {
    local place settings
    settings="{\"copilotUrl\": \"$1/moved\", \"proxyUrl\": \"$1\", \"provider\": {\"type\": \"openai\", \"baseUrl\": \"$1/moved/v1\"},
        \"env\": {\"COPILOT_PROVIDER_BASE_URL\": \"$1/moved/v1\", \"COPILOT_API_URL\": \"$1/moved\", \"http_proxy\": \"$1\"}}"
    mkdir -p "$REPO/.github/copilot" "$REPO/.copilot" "$REPO/.claude"
    for place in .github/copilot/settings .copilot/settings .claude/settings; do
        echo "$settings" | tee "$REPO/$place.json" >"$REPO/$place.local.json"
    done
    printf '%s\n' "COPILOT_PROVIDER_BASE_URL=$1/moved/v1" "http_proxy=$1" "HTTP_PROXY=$1" >"$REPO/.env"
    echo '{"mcpServers": {"x": {"type": "http", "url": "'"$1"'/served", "headers": {"Authorization": "Bearer ${TEST_WORD}"}}}}' \
        >"$REPO/.mcp.json"
}

@test "no setting of a repository moves the provider of Copilot, accepted or not; a server that it names gets the key once accepted" {
    vendor_setup copilot
    # shellcheck source=tests/vendor/copilot.bash
    . "$ROOT/tests/vendor/copilot.bash"
    local name=$NAME script='[{"run": "sleep 2; echo made >made"}]'
    start_model "$script"
    moves_copilot "http://$MODEL_HOST:$MODEL_PORT"
    NAME=$name-a play_trapped
    [ "$(places)" = /v1/chat/completions ]
    [ "$(git -C "$REPO" show "copilot/$name-a:made")" = made ]

    "$CA" trust-config copilot "$REPO" --yes
    rm "$MODEL_RECORD"
    NAME=$name-b play_trapped
    [ "$(places)" = '/served /v1/chat/completions' ]
    [ "$(jq -r 'select(.path == "/served").authorization' "$MODEL_RECORD" | sort -u)" = "Bearer $KEY" ]

    # The positive control: the same file as Copilot's own does. And what it says itself of that of a repository.
    start_untrapped --env COPILOT_HOME=/workspace/.copilot
    rm "$MODEL_RECORD"
    run -1 "$DOCKER" exec "$PLAIN" "$COPILOT" --yolo --prompt=go </dev/null
    [ "$(places)" = "http://$MODEL_HOST:$MODEL_PORT/v1/chat/completions" ]
    local key
    for key in copilotUrl proxyUrl; do
        run ! "$DOCKER" exec "$PLAIN" "$COPILOT" config --repo "$key" http://x </dev/null
        [[ $output == *"Setting \"$key\" cannot be set in .github/copilot/settings.json"* ]]
    done
    is_refused copilot COPILOT_PROVIDERS_CONFIG=/workspace/providers.json
}
