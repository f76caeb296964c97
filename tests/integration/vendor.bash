# What tests of vendors' CLIs share: a model that plays a script, and what it was told.
# shellcheck shell=bash

MODEL_HOST=model.test
export MODEL_HOST

# start_model SCRIPT: a model server that containers reach as MODEL_HOST. Sets MODEL_PORT, and MODEL_RECORD for what it
# hears. One at a time.
start_model() {
    local gateway script=$BATS_TEST_TMPDIR/script.json port=$BATS_TEST_TMPDIR/port
    stop_model
    gateway=$("$DOCKER" network inspect bridge --format '{{(index .IPAM.Config 0).Gateway}}')
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

# outputs: what the model was told of its calls, a JSON list.
outputs() {
    jq -cs 'map(select(.outputs)) | last.outputs' "$MODEL_RECORD"
}

# told: the same, each as [exit code, output], or as the text it is when a call told no exit code.
told() {
    outputs | jq -c 'map(. as $text
        | [capture("Process exited with code (?<code>[0-9]+)[\\s\\S]*?Output:\\n(?<output>[\\s\\S]*)$")
            | [(.code | tonumber), .output]]
        | first // $text)'
}
