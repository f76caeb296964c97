#!/usr/bin/env bats
# Codex, as its vendor ships it, with a model that plays scripts: in a session, where each command is trapped, and as the
# positive control untrapped in a plain container, where the same script finds the same. There Codex also refuses any key
# of its configuration that it does not know.

load common
load session
load terminal
load vendor
load ../vendor/codex

setup_file() {
    bats_require_minimum_version 1.5.0
    session_setup_file
}

teardown_file() {
    session_teardown_file
}

setup() {
    vendor_setup codex
}

teardown() {
    vendor_teardown
}

# told: what the model was told of its calls, each as [exit code, output], or as the text it is when a call told no exit code.
told() {
    outputs | jq -c 'map(. as $text
        | [capture("Process exited with code (?<code>[0-9]+)[\\s\\S]*?Output:\\n(?<output>[\\s\\S]*)$")
            | [(.code | tonumber), .output]]
        | first // $text)'
}

# What commands say and how they end, with all that a call can tell: either stream, a signal, no input, a terminal. The
# two streams are two pipes, between which nobody keeps an order.
CALLS='[
    {"run": "printf \"one\\ntwo\\n\"; exit 3"},
    {"run": "printf \"three\\n\" >&2"},
    {"run": "kill -KILL $$"},
    {"run": "cat; echo \"no input\""},
    {"run": "seq 2000", "with": {"max_output_tokens": 100}},
    {"run": "test -t 0 && test -t 1 && stty size && exit 4", "with": {"tty": true}},
    {"run": "pwd; umask; echo \"$-\"; command -v git"},
    {"run": "nonesuch-program"}
]'

@test "a session goes on with the conversation of an earlier one, and one without data has none" {
    goes_on resume --last
}

@test "exit codes and output reach the model as they do untrapped, by the tools of either kind of model" {
    local kind expected
    # The first kind of model calls tools, the second writes programs that do, which a process of Codex's runs.
    for kind in test-model ''; do
        untrapped "$CALLS" ${kind:+--model "$kind"}
        expected=$(told)
        [ "$(jq length <<<"$expected")" -eq 8 ]
        [ "$(jq -c '.[0]' <<<"$expected")" = '[3,"one\ntwo\n"]' ]
        [ "$(jq -c '.[5]' <<<"$expected")" = '[4,"24 80\r\n"]' ]
        [ "$(jq -c '.[7][0]' <<<"$expected")" = 127 ]
        trapped "$CALLS" ${kind:+--model "$kind"}
        diff <(jq . <<<"$expected") <(told | jq .)
        "$CA" remove "$NAME" --yes --no-push
    done
}

# normalised: names that Codex makes up for its commands are left out, and how long they took.
normalised() {
    sed -E 's/session ID [0-9]+/session ID NUMBER/g; s/(Chunk ID: )[0-9a-f]+/\1NAME/g; s/(Wall time: )[0-9.]+/\1TIME/g'
}

# In a terminal, that its keys reach: the one that no program can ignore is not among them, so it ends by itself.
STUBBORN_CALLS='[
    {"run": "trap \"\" TERM INT HUP; for i in $(seq 40); do echo >>beats; sleep 0.05; done; echo late", "with": {"tty": true, "yield_time_ms": 250}},
    {"call": "write_stdin", "with": {"session_id": "$session", "chars": "\u0003", "yield_time_ms": 10000}}
]'

@test "long output, a commit and a command that outlives its time reach the model as they do untrapped" {
    told_the_same "$(hard_calls "$STUBBORN_CALLS")" --model test-model
    [ "$(jq -c '.[1][0]' <<<"$TOLD")" = 5 ]
    [ "$(jq -c '.[2]' <<<"$TOLD")" = '[0,"made\n"]' ]
    [ "$(jq -c '.[4] | [.[0], (.[1] | endswith("late\r\n"))]' <<<"$TOLD")" = '[0,true]' ]
    [ "$(jq -c '.[5]' <<<"$TOLD")" = '[0,"silent\n"]' ]
    [ "$(git -C "$REPO" log --format=%s -1 "codex/$NAME")" = made ]
}

@test "many calls in a row reach the model as they do untrapped" {
    told_the_same "$(many_calls)" --model test-model
    [ "$(jq -c '.[49]' <<<"$TOLD")" = '[0,"49\n"]' ]
}

WHO='[{"run": "id -u; id -un"}, {"run": "sh -c \"id -u\"; echo x >made"}]'

@test "each command is agentuser's, and the record names it" {
    untrapped "$WHO"
    [ "$(told)" = '[[0,"10001\nagentcli\n"],[0,"10001\n"]]' ]
    trapped "$WHO"
    [ "$(told)" = '[[0,"10000\nagentuser\n"],[0,"10000\n"]]' ]
    [ "$(git -C "$REPO" show "codex/$NAME:made")" = x ]
    run -0 --separate-stderr "$CA" record "$NAME" --json
    local record=$output
    [ "$(jq -c 'select(.argv[2] // "" | startswith("id -u;")) | [.uid, .program, .argv[0], .verdict, .exit_code]' <<<"$record")" = \
        '[10001,"/usr/bin/bash","/bin/bash","sandbox",0]' ]
    # What Codex itself became is there too: its first start, and the moment before each command.
    [ "$(jq -r 'select(.verdict == "direct") | .rule' <<<"$record" | sort | uniq -c | awk '{ print $1, $2 }')" = \
        $'2 codex-command\n1 codex-start' ]
}

EDIT='[
    {"edit": "*** Begin Patch\n*** Add File: hello\n+#!/bin/sh\n+echo \"edited for $(id -un)\"\n*** End Patch"},
    {"run": "chmod +x hello && ./hello"}
]'

# bats test_tags=soak
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

# bats test_tags=soak
@test "a server that one command leaves in the background is reached by the next" {
    untrapped "$SERVER"
    [ "$(told | jq -c '.[1]')" = '[0,"HEAD\n"]' ]
    trapped "$SERVER"
    [ "$(told | jq -c '.[1]')" = '[0,"HEAD\n"]' ]
}

# Ends by ^C alone, and says when it has.
ENDLESS='trap \"echo ended by an interrupt; exit 9\" INT; trap \"\" TERM; while :; do echo >>/tmp/beats; sleep 0.05; done'
TYPED='[
    {"run": "'$ENDLESS'", "with": {"tty": true, "yield_time_ms": 500}},
    {"call": "write_stdin", "with": {"session_id": "$session", "chars": "\u0003", "yield_time_ms": 5000}}
]'

# bats test_tags=soak
@test "^C typed by the model interrupts the command in its terminal" {
    local player
    for player in untrapped trapped; do
        "$player" "$TYPED" --model test-model
        [ "$(told | jq -r '.[1][0]')" = 9 ]
        [[ $(told | jq -r '.[1][1]') == *'ended by an interrupt'* ]]
    done
}

@test "an interrupt of Codex ends the command that runs" {
    start_model "$STUBBORN"
    play_untrapped &
    interrupt $! "$PLAIN" "$CODEX" 1
    stays_silent "$PLAIN"

    start_model "$STUBBORN"
    play_trapped &
    local player=$!
    wait_for 60 "$CA" status "$NAME"
    interrupt "$player" "$(container_of "$NAME")" "$CODEX" 1
    [ "$("$CA" record "$NAME" --json | jq -c 'select((.argv[2] // "") | contains("beats")) | [.state, .signal]')" = \
        '["ended",9]' ]
}

@test "the key goes to the model's provider, and no command sees it" {
    local look='[{"run": "printenv TEST_WORD"}, {"run": "cat /proc/*/environ 2>/dev/null | grep -acz c4n[4]ry; true"}]'
    untrapped "$look"
    [ "$(told | jq -c '.[0]')" = "[0,\"$KEY\\n\"]" ]
    [ "$(told | jq -r '.[1][1]')" -gt 0 ]
    trapped "$look"
    [ "$(jq -r 'select(.outputs) | .authorization' "$MODEL_RECORD" | sort -u)" = "Bearer $KEY" ]
    [ "$(told)" = '[[1,""],[0,"0\n"]]' ]
    # Nor does it lie about: the session's files, its log and its container know nothing of it.
    run -1 grep -r "$KEY" "$XDG_STATE_HOME/coding-agents"
    lacks "$KEY" "$(container_of "$NAME")" "$DOCKER" inspect "$(container_of "$NAME")"
    lacks "$KEY" 'boot finished' "$DOCKER" logs "$(container_of "$NAME")"
}

# bats test_tags=soak
@test "a login that came as a file is nothing that Codex shows its model" {
    local tool='{"call": "view_image", "with": {"path": "/run/agent-secrets/codex/auth.json"}}'
    looks_at_login codex .codex/auth.json "{\"OPENAI_API_KEY\":\"$KEY-login\"}" "$tool" --model test-model
    lacks "$KEY-login" auth.json outputs
    [ "$(outputs | jq length)" -eq 2 ]
}

@test "a denial tells the model why" {
    local push='[{"run": "git push --force origin HEAD"}]'
    trapped "$push"
    [[ $(told | jq -r '.[0][1]') == *'denied by rule git-force-push'* ]]
    [ "$(told | jq '.[0][0]')" -eq 126 ]
}

# poison: a hook, and two servers, the one of them Codex's own program.
poison() {
    mkdir -p "$REPO/.codex"
    cat >"$REPO/.codex/config.toml" <<CONFIG
[mcp_servers.x]
command = "/usr/bin/touch"
args = ["/tmp/served"]
[mcp_servers.y]
command = "$CODEX"
args = ["mcp-server"]
CONFIG
    cat >"$REPO/.codex/hooks.json" <<HOOKS
{"hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": "touch /tmp/hooked"}]}]}}
HOOKS
}

# codexes NAME: how Codex's program was judged when it was started as a server.
codexes() {
    "$CA" record "$1" --json |
        jq -r --arg program "$CODEX" 'select(.program == $program and .argv[1] == "mcp-server") | .verdict' | xargs
}

# bats test_tags=soak
@test "what a repository configures counts once it is accepted, as long as it is the same, and until that is revoked" {
    local name=$NAME
    poison
    session "$name-a" "$POISONED" --model test-model
    [ "$(told)" = '[[0,"seen\n"]]' ]
    advised 'codex (.codex/config.toml and 1 more)' 'does nothing' "trust-config codex $REPO"
    [ "$(trust_of "$NAME")" = untrusted ]
    [ "$(codexes "$NAME")" = '' ]

    "$CA" trust-config codex "$REPO" --yes
    session "$name-b" "$POISONED" --model test-model
    [ "$(told)" = '[[0,"seen hooked served\n"]]' ]
    [ "$(trust_of "$NAME")" = trusted ]
    [ "$(codexes "$NAME")" = sandbox ]

    # One character less.
    sed -i '$ s/}$//' "$REPO/.codex/hooks.json"
    session "$name-c" "$POISONED" --model test-model
    [ "$(told)" = '[[0,"seen\n"]]' ]
    advised 'changed since it was accepted'

    "$CA" trust-config codex "$REPO" --yes
    "$CA" trust-config codex "$REPO" --revoke
    session "$name-d" "$POISONED" --model test-model
    [ "$(told)" = '[[0,"seen\n"]]' ]
    advised 'was never accepted'
}

@test "a variable that moves what Codex trusts is refused, and would have started a server that nobody accepted" {
    local variable=CODEX_HOME=/workspace/home
    mkdir "$REPO/home"
    printf '[mcp_servers.x]\ncommand = "/usr/bin/touch"\nargs = ["/tmp/served"]\n' >"$REPO/home/config.toml"
    start_model '[]'
    provider
    start_plain "$CODEX_IMAGE" --env "TEST_WORD=$KEY" --env "$variable"
    "$DOCKER" exec "$PLAIN" "$CODEX" exec --skip-git-repo-check "${PROVIDER[@]}" -- go </dev/null
    "$DOCKER" exec "$PLAIN" test -e /tmp/served
    is_refused codex "$variable"
}

# bats test_tags=soak
@test "in a terminal Codex does not ask about a repository that was accepted" {
    poison
    start_model '[{"run": "id -u"}]'
    provider
    echo "TEST_WORD=$KEY" >"$BATS_TEST_TMPDIR/variables"
    "$CA" trust-config codex "$REPO" --yes
    terminal_setup
    terminal one "'$CA' run codex '$REPO' --name '$NAME' --no-push --env-file '$BATS_TEST_TMPDIR/variables' \
        --interactive --engine-arg '--add-host=$MODEL_HOST:host-gateway' -- $(printf ' %q' "${PROVIDER[@]}")"
    type_prompt '›'
    run ! shows one 'Trust this folder'
    "$CA" stop "$NAME" --no-push
}

# bats test_tags=soak
@test "in a terminal Codex draws its screen, as tmux and the wrapper in its pane may run for every agent" {
    terminal_setup
    terminal one "'$CA' run codex '$REPO' --name '$NAME' --no-push"
    wait_for 60 shows one 'Welcome to Codex'
    "$CA" stop "$NAME" --no-push
    wait_for 60 shows one 'ended=143 icanon'
}

# bats test_tags=soak
@test "in a terminal Codex asks before it trusts a repository, does what is typed, is left and found again, and ends by ^C" {
    poison
    # About hooks it asks once more, for itself.
    rm "$REPO/.codex/hooks.json"
    start_model '[{"run": "id -u"}]'
    provider
    echo "TEST_WORD=$KEY" >"$BATS_TEST_TMPDIR/variables"
    terminal_setup
    terminal one "'$CA' run codex '$REPO' --name '$NAME' --no-push --env-file '$BATS_TEST_TMPDIR/variables' \
        --interactive --engine-arg '--add-host=$MODEL_HOST:host-gateway' -- $(printf ' %q' "${PROVIDER[@]}")"
    wait_for 60 shows one 'Trust this folder'
    run -1 "$DOCKER" exec "$(container_of "$NAME")" test -e /tmp/served
    press one Enter 'Ask Codex'
    wait_for 60 "$DOCKER" exec "$(container_of "$NAME")" test -e /tmp/served
    type_prompt '›'
    told
    [ "$(told)" = '[[0,"10000\n"]]' ]
    come_back 'done' 'Worked for.\{112\}'
    keys two C-c
    wait_for 60 shows two 'ended=0 icanon'
}

# bats test_tags=soak
@test "in a session that was launched Codex is started again when it ends, and takes up its conversation" {
    start_model '[{"run": "id -u"}]'
    provider
    echo "TEST_WORD=$KEY" >"$BATS_TEST_TMPDIR/variables"
    terminal_setup
    "$CA" launch codex "$REPO" --name "$NAME" --no-push --env-file "$BATS_TEST_TMPDIR/variables" \
        --engine-arg "--add-host=$MODEL_HOST:host-gateway" -- "${PROVIDER[@]}"
    terminal one "'$CA' connect '$NAME'"
    wait_for 60 shows one 'Trust this folder'
    press one Enter 'Ask Codex'
    type_prompt '›'
    ends_and_resumes 'Ask Codex' 'Resume a previous session' 'ago *go' C-c
    "$CA" stop "$NAME" --no-push
}
