# Claude Code and a model that plays scripts: how it is told of the model, and how it is started in a plain container and in
# a session. Beside tests/integration/vendor.bash.
# shellcheck shell=bash

CLAUDE_IMAGE=coding-agents/claude:$VERSION
CLAUDE=/opt/coding-agents/claude/bin/claude
KEY=c4n4ry

# provider: variables that name the model server and its key, in PROVIDER.
provider() {
    PROVIDER=("ANTHROPIC_BASE_URL=http://$MODEL_HOST:$MODEL_PORT" "ANTHROPIC_API_KEY=$KEY")
}

# play_untrapped [ARGUMENT...]: Claude listens to the model in a plain container.
play_untrapped() {
    provider
    start_plain "$CLAUDE_IMAGE" "${PROVIDER[@]/#/--env=}"
    "$DOCKER" exec "$PLAIN" "${WATCH[@]}" "$CLAUDE" "$@" -p -- go </dev/null
}

# play_trapped [ARGUMENT...]: the same in a session.
play_trapped() {
    provider
    printf '%s\n' "${PROVIDER[@]}" >"$BATS_TEST_TMPDIR/variables"
    "$CA" run claude "$REPO" --name "$NAME" --env-file "$BATS_TEST_TMPDIR/variables" "${OPTIONS[@]}" \
        --engine-arg "--add-host=$MODEL_HOST:host-gateway" --prompt go ${1:+--} "$@" </dev/null
}

# prepare_terminal [SCRIPT]: a model that plays it, and TERMINAL_IMAGE, in which what Claude asks at its first start is answered:
# colours, and whether the key may be used. Its builder says where; whoever starts a session cannot.
prepare_terminal() {
    local script='[{"run": "id -u"}]'
    start_model "${1:-$script}"
    provider
    TERMINAL_IMAGE=coding-agents-claude-terminal-$$:test
    mkdir "$REPO/config" "$BATS_TEST_TMPDIR/image"
    echo '{"hasCompletedOnboarding": true, "customApiKeyResponses": {"approved": ["'"$KEY"'"]}}' \
        >"$REPO/config/.claude.json"
    { cat "$ROOT/policies/agent-environment.tab" && echo 'claude  CLAUDE_CONFIG_DIR=/workspace/config'; } \
        >"$BATS_TEST_TMPDIR/image/agent-environment.tab"
    printf 'FROM %s\nCOPY agent-environment.tab /etc/coding-agents/\n' "$CLAUDE_IMAGE" >"$BATS_TEST_TMPDIR/image/Dockerfile"
    "$DOCKER" build -q -t "$TERMINAL_IMAGE" "$BATS_TEST_TMPDIR/image" >/dev/null
    printf '%s\n' "${PROVIDER[@]}" >"$BATS_TEST_TMPDIR/variables"
    terminal_setup
}
