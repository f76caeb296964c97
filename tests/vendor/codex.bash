# Codex and a model that plays scripts: how it is told of the model, and how it is started in a plain container and in
# a session. Beside tests/integration/vendor.bash.
# shellcheck shell=bash

CODEX_IMAGE=coding-agents/codex:$VERSION
CODEX=/opt/coding-agents/codex/bin/codex

# The key is in a variable whose name says nothing of a key, so that Codex's own care for such names is not what keeps
# it from commands.
KEY=c4n4ry

# provider: arguments that name the model server, in PROVIDER.
provider() {
    PROVIDER=(-c model_provider=test
        -c "model_providers.test={name=\"test\", base_url=\"http://$MODEL_HOST:$MODEL_PORT/v1\", env_key=\"TEST_WORD\",
            wire_api=\"responses\", request_max_retries=0, stream_max_retries=0, supports_websockets=false}")
}

# play_untrapped [ARGUMENT...]: Codex listens to the model in a plain container.
play_untrapped() {
    provider
    start_plain "$CODEX_IMAGE" --env "TEST_WORD=$KEY"
    "$DOCKER" exec "$PLAIN" "${WATCH[@]}" "$CODEX" exec --strict-config --skip-git-repo-check "${PROVIDER[@]}" "$@" -- go </dev/null
}

# play_trapped [ARGUMENT...]: the same in a session.
play_trapped() {
    provider
    echo "TEST_WORD=$KEY" >"$BATS_TEST_TMPDIR/variables"
    "$CA" run codex "$REPO" --name "$NAME" --env-file "$BATS_TEST_TMPDIR/variables" "${OPTIONS[@]}" \
        --engine-arg "--add-host=$MODEL_HOST:host-gateway" --prompt go -- "${PROVIDER[@]}" "$@" </dev/null
}
