#!/usr/bin/env bats
# Codex, as its vendor ships it, with a model that plays scripts: in a session, where each command is trapped, and as the
# positive control untrapped in a plain container, where the same script finds the same.

load common
load session
load vendor

setup_file() {
    bats_require_minimum_version 1.5.0
    session_setup_file
}

teardown_file() {
    session_teardown_file
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    NAME=codex-$BATS_TEST_NUMBER
    new_repository "$REPO"
}

teardown() {
    stop_model
}

CODEX_IMAGE=coding-agents/codex:$VERSION
CODEX=/opt/coding-agents/codex/bin/codex

# provider: arguments that name the model server. The key is in a variable whose name says nothing of a key, so that
# Codex's own care for such names is not what keeps it from commands.
provider() {
    PROVIDER=(-c model_provider=test
        -c "model_providers.test={name=\"test\", base_url=\"http://$MODEL_HOST:$MODEL_PORT/v1\", env_key=\"TEST_CANARY\",
            wire_api=\"responses\", request_max_retries=0, stream_max_retries=0, supports_websockets=false}")
}

# untrapped SCRIPT [ARGUMENT...]: Codex plays the script in a plain container.
untrapped() {
    start_model "$1"
    provider
    shift
    "$DOCKER" run --rm --read-only --user 10001:10001 --workdir /workspace --env HOME=/home/agentcli \
        --env TEST_CANARY=canary --add-host "$MODEL_HOST:host-gateway" --tmpfs /tmp \
        --tmpfs /home/agentcli:uid=10001,gid=10001,mode=0700 --tmpfs /workspace:exec,uid=10001,gid=10001,mode=0755 \
        --entrypoint "$CODEX" "$CODEX_IMAGE" exec --skip-git-repo-check "${PROVIDER[@]}" "$@" -- go </dev/null
}

# trapped SCRIPT [ARGUMENT...]: Codex plays the script in a session.
trapped() {
    start_model "$1"
    provider
    shift
    echo 'TEST_CANARY=canary' >"$BATS_TEST_TMPDIR/variables"
    "$CA" run codex "$REPO" --name "$NAME" --env-file "$BATS_TEST_TMPDIR/variables" \
        --engine-arg "--add-host=$MODEL_HOST:host-gateway" --prompt go -- "${PROVIDER[@]}" "$@" </dev/null
}

# What commands say and how they end, with all that a call can tell: both streams, a signal, no input, a terminal.
CALLS='[
    {"run": "printf \"one\\ntwo\\n\"; printf \"three\\n\" >&2; exit 3"},
    {"run": "kill -KILL $$"},
    {"run": "cat; echo \"no input\""},
    {"run": "seq 20000", "with": {"max_output_tokens": 500}},
    {"run": "test -t 0 && test -t 1 && stty size && exit 4", "with": {"tty": true}},
    {"run": "pwd; umask; echo \"$-\"; command -v git"},
    {"run": "nonesuch-program"}
]'

@test "exit codes and output reach the model as they do untrapped, by the tools of either kind of model" {
    local kind expected
    # The first kind of model calls tools, the second writes programs that do, which a process of Codex's runs.
    for kind in test-model ''; do
        untrapped "$CALLS" ${kind:+--model "$kind"}
        expected=$(told)
        [ "$(jq length <<<"$expected")" -eq 7 ]
        [ "$(jq -c '.[0]' <<<"$expected")" = '[3,"one\ntwo\nthree\n"]' ]
        [ "$(jq -c '.[4]' <<<"$expected")" = '[4,"24 80\r\n"]' ]
        [ "$(jq -c '.[6][0]' <<<"$expected")" = 127 ]
        trapped "$CALLS" ${kind:+--model "$kind"}
        diff <(jq . <<<"$expected") <(told | jq .)
        "$CA" remove "$NAME" --yes --no-push
    done
}

WHO='[{"run": "id -u; id -un"}, {"run": "sh -c \"id -u\"; echo x >made"}]'

@test "each command is agentuser's, and the record names it" {
    untrapped "$WHO"
    [ "$(told)" = '[[0,"10001\nagentcli\n"],[0,"10001\n"]]' ]
    trapped "$WHO"
    [ "$(told)" = '[[0,"10000\nagentuser\n"],[0,"10000\n"]]' ]
    [ "$(git -C "$REPO" show "codex/$NAME:made")" = x ]
}

EDIT='[
    {"edit": "*** Begin Patch\n*** Add File: hello\n+#!/bin/sh\n+echo \"edited for $(id -un)\"\n*** End Patch"},
    {"run": "chmod +x hello && ./hello"}
]'

@test "a file that Codex edits itself can be changed and run by a command" {
    local kind
    for kind in test-model ''; do
        untrapped "$EDIT" ${kind:+--model "$kind"}
        [ "$(told | jq -r '.[1][1]')" = 'edited for agentcli' ]
        trapped "$EDIT" ${kind:+--model "$kind"}
        [ "$(told | jq -r '.[1][1]')" = 'edited for agentuser' ]
        [ "$(git -C "$REPO" ls-tree "codex/$NAME" hello | cut -d' ' -f1)" = 100755 ]
        "$CA" remove "$NAME" --yes --no-push
        git -C "$REPO" branch -q -D "codex/$NAME"
    done
}

SERVER='[
    {"run": "git init -q /tmp/served && cd /tmp/served && git -c user.name=a -c user.email=a@example.com commit -q --allow-empty -m served && exec git daemon --listen=127.0.0.1 --port=8123 --export-all --base-path=/tmp", "with": {"yield_time_ms": 1000}},
    {"run": "git ls-remote git://127.0.0.1:8123/served HEAD | cut -f2"}
]'

@test "a server that one command leaves in the background is reached by the next" {
    untrapped "$SERVER"
    [ "$(told | jq -c '.[1]')" = '[0,"HEAD\n"]' ]
    trapped "$SERVER"
    [ "$(told | jq -c '.[1]')" = '[0,"HEAD\n"]' ]
}

@test "the key goes to the model's provider, and no command sees it" {
    local look='[{"run": "printenv TEST_CANARY"}, {"run": "cat /proc/*/environ 2>/dev/null | grep -az canary; true"}]'
    untrapped "$look"
    [ "$(told | jq -c '.[0]')" = '[0,"canary\n"]' ]
    trapped "$look"
    [ "$(jq -r 'select(.outputs) | .authorization' "$MODEL_RECORD" | sort -u)" = 'Bearer canary' ]
    [ "$(told)" = '[[1,""],[0,""]]' ]
    # Nor does it lie about: the session's files, its log and its container know nothing of it.
    run ! grep -r canary "$XDG_STATE_HOME/coding-agents"
    run ! grep canary <<<"$("$DOCKER" inspect "$(container_of "$NAME")")"
}

@test "a denial tells the model why" {
    local push='[{"run": "git push --force origin HEAD"}]'
    trapped "$push"
    [[ $(told | jq -r '.[0][1]') == *'denied by rule git-force-push'* ]]
    [ "$(told | jq '.[0][0]')" -eq 126 ]
}
