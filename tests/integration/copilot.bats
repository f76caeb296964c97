#!/usr/bin/env bats
# Copilot, as its vendor ships it, with a model that plays scripts: in a session, where each command is trapped, and as
# the positive control untrapped in a plain container, where the same script finds the same.

load common
load session
load terminal
load vendor
load ../vendor/copilot

setup_file() {
    bats_require_minimum_version 1.5.0
    session_setup_file
}

teardown_file() {
    session_teardown_file
}

setup() {
    vendor_setup copilot
}

teardown() {
    vendor_teardown
}

# told: what the model was told of its calls, each as [exit code, output], or as text when a call told no exit code.
told() {
    outputs | jq -c 'map(. as $text
        | [capture("^(?<output>[\\s\\S]*)\n<shellId: [a-z0-9]+ completed with exit code (?<code>[0-9]+)>$")
            | [(.code | tonumber), .output]]
        | first // $text)'
}

# What commands say and how they end, and what the tools say with which Copilot searches.
CALLS='[
    {"run": "printf \"one\\ntwo\\n\"; exit 3"},
    {"run": "echo more >/dev/stderr; false"},
    {"run": "python3 -c \"import os; os.kill(os.getpid(), 9)\""},
    {"run": "cat; echo \"no input\""},
    {"run": "seq 2000"},
    {"run": "mkdir -p deep && cd deep && echo needle >stack"},
    {"run": "pwd; umask; echo \"$-\"; command -v git"},
    {"call": "grep", "with": {"pattern": "needle", "path": "/workspace/deep"}},
    {"call": "glob", "with": {"pattern": "**/sta*"}},
    {"run": "nonesuch-program"}
]'

# bats test_tags=soak
@test "a session goes on with the conversation of an earlier one, and one without data has none" {
    goes_on --continue
}

@test "exit codes and output reach the model as they do untrapped" {
    local expected
    untrapped "$CALLS"
    expected=$(told)
    [ "$(jq length <<<"$expected")" -eq 10 ]
    [ "$(jq -c '.[0]' <<<"$expected")" = '[3,"one\ntwo"]' ]
    [ "$(jq -c '.[1]' <<<"$expected")" = '[1,"more"]' ]
    [ "$(jq -c '.[7:9]' <<<"$expected")" = '["/workspace/deep/stack","./deep/stack"]' ]
    [ "$(jq -c '.[9][0]' <<<"$expected")" = 127 ]
    trapped "$CALLS"
    diff <(jq . <<<"$expected") <(told | jq .)
}

# normalised: names that Copilot makes up for its files are left out.
normalised() {
    sed -E 's/[0-9]{13}-copilot-tool-output-[0-9]+-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/FILE/g'
}

STUBBORN_CALLS='[
    {"run": "trap \"\" TERM INT HUP; while :; do echo >>beats; sleep 0.05; done", "with": {"mode": "async", "shellId": "stubborn"}},
    {"run": "until test -s beats; do sleep 0.1; done"},
    {"call": "stop_bash", "with": {"shellId": "stubborn"}}
]'

# bats test_tags=soak
@test "long output, a commit and a command that has to be killed reach the model as they do untrapped" {
    told_the_same "$(hard_calls "$STUBBORN_CALLS")"
    [[ $(jq -r '.[0]' <<<"$TOLD") == *'Output too large to read at once (9.6 MB)'* ]]
    [[ $(jq -r '.[1]' <<<"$TOLD") == *'Output too large to read at once (9.5 MB)'* ]]
    [ "$(jq -c '.[2]' <<<"$TOLD")" = '[0,"made"]' ]
    [ "$(jq -c '.[6]' <<<"$TOLD")" = '[0,"silent"]' ]
    [ "$(git -C "$REPO" log --format=%s -1 "copilot/$NAME")" = made ]
}

# bats test_tags=soak
@test "many calls in a row reach the model as they do untrapped" {
    told_the_same "$(many_calls)"
    [ "$(jq -c '.[49]' <<<"$TOLD")" = '[0,"49"]' ]
}

WHO='[{"run": "id -u; id -un"}, {"run": "sh -c \"id -u\"; echo x >made"}]'

# bats test_tags=soak
@test "each command is agentuser's, and the record names it" {
    untrapped "$WHO"
    [ "$(told)" = '[[0,"10001\nagentcli"],[0,"10001"]]' ]
    trapped "$WHO"
    [ "$(told)" = '[[0,"10000\nagentuser"],[0,"10000"]]' ]
    [ "$(git -C "$REPO" show "copilot/$NAME:made")" = x ]
    run -0 --separate-stderr "$CA" record "$NAME" --json
    local record=$output
    [ "$(jq -c 'select((.argv // []) | any(startswith("id -u; id -un"))) | [.uid, .program, .argv[0], .verdict, .exit_code]' <<<"$record")" = \
        '[10001,"/usr/bin/bash","/bin/bash","sandbox",0]' ]
    # Copilot itself became nothing but what it was started as.
    [ "$(jq -r 'select(.verdict == "direct") | .rule' <<<"$record")" = copilot-start ]
}

EDIT='[
    {"call": "create", "with": {"path": "/workspace/hello", "file_text": "#!/bin/sh\necho \"edited for $(id -un)\"\n"}},
    {"run": "chmod +x hello && ./hello && echo \"made by a command\" >other"},
    {"call": "edit", "with": {"path": "/workspace/other", "old_str": "made by a command", "new_str": "changed"}},
    {"run": "cat other; echo again >>other; tail -n 1 other"}
]'

@test "a file that Copilot edits itself can be changed and run by a command, and the other way round" {
    untrapped "$EDIT"
    [ "$(told | jq -r '.[1][1]')" = 'edited for agentcli' ]
    [ "$(told | jq -c '.[3]')" = '[0,"changed\nagain"]' ]
    trapped "$EDIT"
    [ "$(told | jq -r '.[1][1]')" = 'edited for agentuser' ]
    [ "$(told | jq -c '.[3]')" = '[0,"changed\nagain"]' ]
    [ "$(git -C "$REPO" ls-tree "copilot/$NAME" hello | cut -d' ' -f1)" = 100755 ]
    [ "$(git -C "$REPO" show "copilot/$NAME:other")" = $'changed\nagain' ]
}

# It serves one connection and ends, as Copilot waits for what it left in the background.
SERVER='[
    {"run": "python3 -c \"import socket; c, _ = socket.create_server((\\\"127.0.0.1\\\", 8123)).accept(); c.sendall(b\\\"served\\\")\"", "with": {"mode": "async", "shellId": "server"}},
    {"run": "for try in $(seq 100); do (cat </dev/tcp/127.0.0.1/8123) 2>/dev/null && break; sleep 0.1; done"}
]'

# bats test_tags=soak
@test "a server that one command leaves in the background is reached by the next" {
    local player
    for player in untrapped trapped; do
        "$player" "$SERVER"
        [[ $(told | jq -r '.[0]') == *'started in background'* ]]
        [ "$(told | jq -c '.[1]')" = '[0,"served"]' ]
    done
}

# Copilot sends TERM and nothing else.
BEATS='[{"run": "while :; do echo >>beats; sleep 0.05; done"}]'

# bats test_tags=soak
@test "an interrupt of Copilot ends the command that runs" {
    start_model "$BEATS"
    play_untrapped &
    interrupt $! "$PLAIN" "$COPILOT" 0
    stays_silent "$PLAIN"

    start_model "$BEATS"
    play_trapped &
    local player=$!
    wait_for 60 "$CA" status "$NAME"
    interrupt "$player" "$(container_of "$NAME")" "$COPILOT" 0
    [ "$("$CA" record "$NAME" --json | jq -c 'select((.argv // []) | any(contains("beats"))) | [.state, .signal]')" = \
        '["ended",15]' ]
}

# Counted, as Copilot takes out of what it shows whatever it knows to be secret. No pattern matches itself.
LOOK='[
    {"run": "printenv TEST_WORD | grep -c c4n[4]ry; true"},
    {"run": "cat /proc/*/environ 2>/dev/null | grep -acz c4n[4]ry; true"}
]'

@test "the key goes to the model's provider, and no command sees it" {
    untrapped "$LOOK"
    [ "$(told | jq -c '.[0]')" = '[0,"1"]' ]
    [ "$(told | jq -r '.[1][1]')" -gt 1 ]
    trapped "$LOOK"
    [ "$(jq -r 'select(.outputs) | .authorization' "$MODEL_RECORD" | sort -u)" = "Bearer $KEY" ]
    [ "$(told)" = '[[0,"0"],[0,"0"]]' ]
    # Nor does it lie about: the session's files, its log and its container know nothing of it.
    run -1 grep -r "$KEY" "$XDG_STATE_HOME/coding-agents"
    lacks "$KEY" "$(container_of "$NAME")" "$DOCKER" inspect "$(container_of "$NAME")"
    lacks "$KEY" 'boot finished' "$DOCKER" logs "$(container_of "$NAME")"
}

# bats test_tags=soak
@test "what Copilot itself can read for the model is the session's, and none of its keys" {
    trapped "$(reach_calls view path)"
    [ "$(reached)" = 'file table repository mounts' ]
    lacks "$KEY" hello outputs
    # The positive control: of a copy of the program that its user can read, the environment can be read too.
    start_model "$(reach_calls view path)"
    start_untrapped
    "$DOCKER" exec --user 0 "$PLAIN" sh -c "cp $COPILOT /workspace/copilot && chmod 0755 /workspace/copilot"
    "$DOCKER" exec "$PLAIN" /workspace/copilot --yolo --prompt=go </dev/null
    [[ " $(reached) " == *' environment '* ]]
    grep "$KEY" <(outputs)
}

@test "a login that came as a file is what Copilot itself can read, and so its model, and no command" {
    looks_at_login copilot .copilot/config.json "{\"copilot_tokens\": {\"https://github.com:x\": \"$KEY-login\"}}" \
        '{"call": "view", "with": {"path": "/run/agent-secrets/copilot/config.json"}}'
    outputs | jq -r '.[1]' | grep -F copilot_tokens
}

# bats test_tags=soak
@test "a denial tells the model why" {
    trapped '[{"run": "git push --force origin HEAD"}]'
    [[ $(told | jq -r '.[0][1]') == *'denied by rule git-force-push'* ]]
    [ "$(told | jq '.[0][0]')" -eq 126 ]
}

@test "what a repository configures does nothing, and nothing that Copilot executes lies where commands write" {
    local look='[{"run": "find /tmp -mindepth 1 | wc -l"}]'
    mkdir -p "$REPO/.github/hooks"
    echo '{"version": 1, "hooks": {"sessionStart": [{"type": "command", "bash": "touch /tmp/hooked"}]}}' \
        >"$REPO/.github/hooks/start.json"
    echo '{"mcpServers": {"x": {"command": "/usr/bin/touch", "args": ["/tmp/served"]}}}' >"$REPO/.mcp.json"
    git -C "$REPO" add --all
    git -C "$REPO" commit -q -m Poison
    trapped "$look"
    [ "$(told)" = '[[0,"0"]]' ]

    # The same repository, trusted, without the variable that keeps compiled code out of /tmp.
    start_model "$look"
    start_untrapped
    "$DOCKER" exec "$PLAIN" "$COPILOT" --yolo --trust-folder --prompt=go </dev/null
    "$DOCKER" exec "$PLAIN" test -e /tmp/hooked -a -e /tmp/served -a -d /tmp/node-compile-cache
}

# poison: a hook and a server, the one of them Copilot's own program.
poison() {
    mkdir -p "$REPO/.github/hooks"
    echo '{"version": 1, "hooks": {"sessionStart": [{"type": "command", "bash": "touch /tmp/hooked"}]}}' \
        >"$REPO/.github/hooks/start.json"
    echo '{"mcpServers": {"x": {"command": "/usr/bin/touch", "args": ["/tmp/served"]},
        "y": {"command": "'"$COPILOT"'", "args": ["--acp"]}}}' >"$REPO/.mcp.json"
}

# copilots NAME: how each process of Copilot's program was judged in the session.
copilots() {
    "$CA" record "$1" --json | jq -r --arg program "$COPILOT" 'select(.program == $program) | .verdict' | xargs
}

# bats test_tags=soak
@test "what a repository configures counts once it is accepted, as long as it is the same, and until that is revoked" {
    local name=$NAME
    poison
    session "$name-a" "$POISONED"
    [ "$(told)" = '[[0,"seen"]]' ]
    advised 'copilot (.github/hooks/start.json and 1 more)' 'does nothing' "trust-config copilot $REPO"
    [ "$(trust_of "$NAME")" = untrusted ]
    [ "$(copilots "$NAME")" = direct ]

    "$CA" trust-config copilot "$REPO" --yes
    session "$name-b" "$POISONED"
    [ "$(told)" = '[[0,"seen hooked served"]]' ]
    [ "$(trust_of "$NAME")" = trusted ]
    [ "$(copilots "$NAME")" = 'direct sandbox' ]

    # Another file that nobody has read, and nothing of it counts.
    echo '{}' >"$REPO/.github/hooks/other.json"
    session "$name-c" "$POISONED"
    [ "$(told)" = '[[0,"seen"]]' ]
    advised 'changed since it was accepted'

    "$CA" trust-config copilot "$REPO" --yes
    "$CA" trust-config copilot "$REPO" --revoke
    session "$name-d" "$POISONED"
    [ "$(told)" = '[[0,"seen"]]' ]
    advised 'was never accepted'
}

@test "a variable that makes Copilot load code is refused, and would have made it" {
    local variable=COPILOT_CLI_DIST_DIR=/workspace/dist
    mkdir "$REPO/dist"
    echo 'require("fs").writeFileSync("/tmp/loaded", ""); process.exit(0)' | tee "$REPO/dist/index.js" >"$REPO/dist/app.js"
    start_model '[]'
    provider
    start_plain "$COPILOT_IMAGE" "${PROVIDER[@]/#/--env=}" --env "$variable"
    "$DOCKER" exec "$PLAIN" "$COPILOT" --yolo --prompt=go </dev/null
    "$DOCKER" exec "$PLAIN" test -e /tmp/loaded
    is_refused copilot "$variable"
    # Nor is what the image says of it gone round: what the file of variables has goes before it.
    is_refused copilot COPILOT_CACHE_HOME=/workspace/cache
    is_refused copilot COPILOT_PKG_CACHE_HOME=/workspace/cache
    # Refused although this program, which Node is built into, does not heed it.
    is_refused copilot NODE_OPTIONS=--require=/workspace/dist/app.js
}

@test "a variable that moves what Copilot trusts is refused, and would have started a server that nobody accepted" {
    local variable=COPILOT_HOME=/workspace/home
    mkdir "$REPO/home"
    echo '{"mcpServers": {"x": {"type": "local", "command": "/usr/bin/touch", "args": ["/tmp/served"], "tools": ["*"]}}}' \
        >"$REPO/home/mcp-config.json"
    start_model '[]'
    start_untrapped --env "$variable"
    "$DOCKER" exec "$PLAIN" "$COPILOT" --yolo --prompt=go </dev/null
    "$DOCKER" exec "$PLAIN" test -e /tmp/served
    is_refused copilot "$variable"
}

# bats test_tags=soak
@test "in a terminal Copilot does not ask about a repository that was accepted" {
    poison
    start_model '[{"run": "id -u"}]'
    provider
    printf '%s\n' "${PROVIDER[@]}" >"$BATS_TEST_TMPDIR/variables"
    "$CA" trust-config copilot "$REPO" --yes
    terminal_setup
    terminal one "'$CA' run copilot '$REPO' --name '$NAME' --no-push --env-file '$BATS_TEST_TMPDIR/variables' \
        --engine-arg '--add-host=$MODEL_HOST:host-gateway'"
    type_prompt '❯'
    run ! shows one 'Do you trust the files'
    [ "$(told)" = '[[0,"10000"]]' ]
    "$DOCKER" exec "$(container_of "$NAME")" test -e /tmp/hooked
    "$CA" stop "$NAME" --no-push
}

# bats test_tags=soak
@test "in a terminal Copilot asks before it trusts a repository, does what is typed, is left and found again, and ends by ^C" {
    poison
    start_model '[{"run": "id -u"}]'
    provider
    printf '%s\n' "${PROVIDER[@]}" >"$BATS_TEST_TMPDIR/variables"
    terminal_setup
    terminal one "'$CA' run copilot '$REPO' --name '$NAME' --no-push --env-file '$BATS_TEST_TMPDIR/variables' \
        --interactive --engine-arg '--add-host=$MODEL_HOST:host-gateway' -- --no-color"
    wait_for 60 shows one 'Do you trust the files'
    run -1 "$DOCKER" exec "$(container_of "$NAME")" sh -c 'test -e /tmp/served || test -e /tmp/hooked'
    press one Enter 'MCP Servers reloaded'
    wait_for 60 "$DOCKER" exec "$(container_of "$NAME")" test -e /tmp/served
    type_prompt '❯'
    [ "$(told)" = '[[0,"10000"]]' ]
    come_back 'done' '─\{120\}'
    keys two C-c
    wait_for 10 shows two 'again to exit'
    keys two C-c
    wait_for 60 shows two 'ended=0 icanon'
}

# bats test_tags=soak
@test "in a session that was launched Copilot is started again when it ends, and takes up its conversation" {
    start_model '[{"run": "id -u"}]'
    provider
    printf '%s\n' "${PROVIDER[@]}" >"$BATS_TEST_TMPDIR/variables"
    terminal_setup
    "$CA" launch copilot "$REPO" --name "$NAME" --no-push --env-file "$BATS_TEST_TMPDIR/variables" \
        --engine-arg "--add-host=$MODEL_HOST:host-gateway"
    terminal one "'$CA' connect '$NAME'"
    wait_for 60 shows one 'Do you trust the files'
    press one Down '❯ 2'
    press one Enter 'MCP Servers reloaded'
    type_prompt '❯'
    ends_and_resumes 'tab next tab' 'enter open' '❯ ○ go' C-c C-c
    "$CA" stop "$NAME" --no-push
}

@test "Copilot takes TERM as a wish to leave" {
    start_model '[]'
    provider
    printf '%s\n' "${PROVIDER[@]}" >"$BATS_TEST_TMPDIR/variables"
    terminal_setup
    terminal one "'$CA' run copilot '$REPO' --name '$NAME' --no-push --env-file '$BATS_TEST_TMPDIR/variables' \
        --engine-arg '--add-host=$MODEL_HOST:host-gateway'"
    wait_for 60 shows one 'Do you trust the files'
    "$CA" stop "$NAME" --no-push
    wait_for 60 shows one 'ended=0 icanon'
}
