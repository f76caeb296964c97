# Copilot and a model that plays scripts: how it is told of the model, and how it is started in a plain container and in
# a session. Beside tests/integration/vendor.bash.
# shellcheck shell=bash

COPILOT_IMAGE=coding-agents/copilot:$VERSION
COPILOT=/opt/coding-agents/copilot/bin/copilot

# The key is also in a variable whose name says nothing of a key, so that Copilot's own care for such names is not what
# keeps it from commands.
KEY=c4n4ry

# provider: variables that name the model server and its key, in PROVIDER.
provider() {
    PROVIDER=("COPILOT_PROVIDER_BASE_URL=http://$MODEL_HOST:$MODEL_PORT/v1" "COPILOT_PROVIDER_API_KEY=$KEY"
        COPILOT_MODEL=test-model "COPILOT_OFFLINE=${IS_OFFLINE:-true}" "TEST_WORD=$KEY")
}

# start_untrapped [ENGINE ARGUMENT...]: the plain container of this file, with the variables that a session has from the image.
start_untrapped() {
    provider
    start_plain "$COPILOT_IMAGE" "${PROVIDER[@]/#/--env=}" --env COPILOT_CACHE_HOME=/opt/coding-agents/copilot "$@"
}

# play_untrapped [ARGUMENT...]: Copilot listens to the model in a plain container.
play_untrapped() {
    start_untrapped
    "$DOCKER" exec "$PLAIN" "${WATCH[@]}" "$COPILOT" --yolo "$@" --prompt=go </dev/null
}

# play_trapped [ARGUMENT...]: the same in a session.
play_trapped() {
    provider
    printf '%s\n' "${PROVIDER[@]}" >"$BATS_TEST_TMPDIR/variables"
    "$CA" run copilot "$REPO" --name "$NAME" --env-file "$BATS_TEST_TMPDIR/variables" "${OPTIONS[@]}" \
        --engine-arg "--add-host=$MODEL_HOST:host-gateway" --prompt go ${1:+--} "$@" </dev/null
}
