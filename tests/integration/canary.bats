#!/usr/bin/env bats
# A login of each vendor's CLI, as its vendor ships it, in a whole session that is looked at from its first row to after its
# removal: the login is nowhere but with who holds it and with the CLI.
# runs as: root
# takes long

load common
load session
load vendor
load kill-points
load canary

setup_file() {
    session_setup_file
}

teardown_file() {
    session_teardown_file
}

setup() {
    vendor_setup canary
    export HOME=$BATS_TEST_TMPDIR/home XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/home/.config
    unset ANTHROPIC_API_KEY CLAUDE_API_KEY CLAUDE_CONFIG_DIR OPENAI_API_KEY CODEX_API_KEY CODEX_HOME GH_TOKEN GITHUB_TOKEN
    mkdir -p "$HOME"
}

teardown() {
    cat "$POINTS" || true
    vendor_teardown
}

# variables [NAME=VALUE...]: what the CLI is told beside its login, in VARIABLES.
variables() {
    VARIABLES=$BATS_TEST_TMPDIR/variables
    printf '%s\n' "$@" >"$VARIABLES"
}

@test "the login of Claude is with who holds it and with Claude alone, at every row, call and end of a session" {
    canary_setup claude
    . "$ROOT/tests/vendor/claude.bash"
    start_model "$(canary_script)"
    mkdir -m 700 "$HOME/.claude"
    printf '{"claudeAiOauth":{"accessToken":"%s%s","refreshToken":"%s%s-r","expiresAt":%s,"scopes":["user:inference"]}}' \
        "$WORD_FIRST" "$WORD_SECOND" "$WORD_FIRST" "$WORD_SECOND" "$(($(date +%s) * 1000 + 36000000))" >"$HOME/.claude/.credentials.json"
    variables "ANTHROPIC_BASE_URL=http://$MODEL_HOST:$MODEL_PORT"
    canary_session "$CA" run claude "$REPO" --name "canary-claude" --env-file "$VARIABLES" --engine-arg "--add-host=$MODEL_HOST:host-gateway" --prompt go
    judge_canary claude 'file /run/agent-secrets/claude/.credentials.json'
}

# bats test_tags=soak
@test "the login of Codex is with who holds it and with Codex alone" {
    canary_setup codex
    . "$ROOT/tests/vendor/codex.bash"
    start_model "$(canary_script '{"yield_time_ms": 30000}')"
    mkdir -m 700 "$HOME/.codex"
    printf '{"OPENAI_API_KEY":"%s%s"}' "$WORD_FIRST" "$WORD_SECOND" >"$HOME/.codex/auth.json"
    canary_session "$CA" run codex "$REPO" --name "canary-codex" --engine-arg "--add-host=$MODEL_HOST:host-gateway" --prompt go \
        -- -c model_provider=test -c "model_providers.test={name=\"test\", base_url=\"http://$MODEL_HOST:$MODEL_PORT/v1\",
            requires_openai_auth=true, wire_api=\"responses\", request_max_retries=0, stream_max_retries=0, supports_websockets=false}"
    judge_canary codex 'file /run/agent-secrets/codex/auth.json'
}

# bats test_tags=soak
@test "the token of Copilot is with who holds it and in Copilot's own environment alone" {
    canary_setup copilot
    . "$ROOT/tests/vendor/copilot.bash"
    start_model "$(canary_script)"
    provider
    variables "${PROVIDER[@]}"
    printf '%s%s\n' "$WORD_FIRST" "$WORD_SECOND" | "$CA" secrets set copilot
    canary_session "$CA" run copilot "$REPO" --name "canary-copilot" --env-file "$VARIABLES" --engine-arg "--add-host=$MODEL_HOST:host-gateway" --prompt go
    judge_canary MainThread 'file /run/agent-secrets/copilot/variables/COPILOT_GITHUB_TOKEN'
}

# plant PLACE...: a file with the word in each directory.
plant() {
    local place
    for place; do printf '%s%s' "$WORD_FIRST" "$WORD_SECOND" >"$place/planted"; done
}

@test "a word that is planted in an argument, the environment, memory, a file, a layer, the log or a label is found" {
    local first kind place places
    canary_setup shell
    NAME=canary-planted
    # shellcheck disable=SC2034 # of kill-points.bash
    OUT=$BATS_TEST_TMPDIR/session.out SESSION='' STATE='' PROCS='' IS_ALONE=no
    : >"$OUT"
    # Of a plain shell session: in its arguments, what it says, and what its engine keeps.
    "$CA" run shell "$REPO" --name "$NAME" --no-push --engine-arg "--add-host=$WORD_FIRST$WORD_SECOND:127.0.0.1" -- \
        bash -c "X=$WORD_FIRST$WORD_SECOND sleep 600 & echo $WORD_FIRST$WORD_SECOND; touch held-1; read -r _ <> <(:)" >"$OUT" 2>&1 </dev/null 3>&- &
    LAUNCHER=$!
    soon find_created
    learn_places
    wait_for 60 held 1
    first=$(head -n 1 "$PROCS")
    places=("$REPO" "$XDG_STATE_HOME/coding-agents/sessions/$SESSION" "$LAYER" "$VOLUME"
        "/proc/$first/root/"{run/agent-secrets,run/agent-data,tmp,home/agentcli,workspace,dev/shm})
    for place in "${XDG_RUNTIME_DIR:-/nonexistent}/coding-agents/$SESSION" "/dev/shm/coding-agents-$(id -u)/$SESSION"; do
        [ ! -d "$place" ] || places+=("$place")
    done
    [ "${#places[@]}" -ge 11 ]
    plant "${places[@]}"
    look planted
    for kind in argv environ memory; do grep -qE "^planted: $kind (bash|sleep) " "$POINTS"; done
    for place in "${places[@]}"; do
        grep -qxF "planted: file ${place%/}/planted" "$POINTS"
    done
    grep -qF "planted: file $ENGINE_ROOT/containers/$CONTAINER_ID/" "$POINTS"
    grep -qx 'planted: said by the engine' "$POINTS"
    "$CA" kill "$NAME"
    wait "$LAUNCHER" || true
    "$CA" remove "$NAME" --yes --no-push
}
