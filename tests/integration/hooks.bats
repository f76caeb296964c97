#!/usr/bin/env bats
# Setup hooks of an image, by way of --dotnet-preview and an image derived in three lines.
# runs as: user
# shellcheck disable=SC2016 # what stands in single quotes is for the shell inside

load common
load session

setup_file() {
    session_setup_file
    export HOOK_IMAGE=coding-agents-test/hooks:$$
    local context=$BATS_FILE_TMPDIR/image
    mkdir "$context"
    cat >"$context/dotnet-preview" <<'END'
#!/bin/sh
case $1 in
0.1) echo "the channel $1 has ended"; exit 3 ;;
0.2) touch /workspace/hangs; sleep 600 ;;
esac
echo "hook for channel $1"
echo "$1" >"$HOME/channel"
echo "$1" >channel
{ id -u; id -G; pwd; echo "$#"; grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status | cut -f2; } >"$HOME/proof"
touch /etc/coding-agents/setup.d/x /run/coding-agents/x 2>"$HOME/refused"
unshare --user true 2>>"$HOME/refused"
ls -l /proc/self/fd/ | awk '$NF ~ /socket/' >"$HOME/sockets"
END
    chmod 0755 "$context/dotnet-preview"
    cat >"$context/Dockerfile" <<END
FROM $SHELL_IMAGE
COPY dotnet-preview /etc/coding-agents/setup.d/dotnet-preview
LABEL org.opencontainers.image.title="A test's own image"
END
    "$DOCKER" build -q -t "$HOOK_IMAGE" "$context"
}

teardown_file() {
    session_teardown_file
    "$DOCKER" rmi "$HOOK_IMAGE" >/dev/null 2>&1 || true
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    NAME=hooks-$BATS_TEST_NUMBER-$$
    new_repository "$REPO"
}

@test "a hook runs before the agent, in its home and workspace, and can no more than a command" {
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --image "$HOOK_IMAGE" --dotnet-preview 11.0-preview -- \
        sh -c 'cat ~/channel; cat ~/proof; grep -c . ~/refused; wc -l <~/sockets'
    echo "$stderr"
    [ "$status" -eq 0 ]
    [ "$output" = "11.0-preview
10000
10000
/workspace
1
0000000000000000
0000000000000000
0000000000000000
0000000000000000
0000000000000000
1
2
3
0" ]
    [[ "$stderr" =~ 'hook for channel 11.0-preview'.*'setup '\ *'up ' ]]
    [ "$(git -C "$REPO" show "shell/$NAME:channel")" = 11.0-preview ]
    # Without the option the hook stays where it is.
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME-without" --image "$HOOK_IMAGE" -- test ! -e channel
    [ "$status" -eq 0 ]
    [[ "$stderr" =~ 'setup '\ *'skipped ' ]]
}

@test "a hook that fails refuses the boot by its name, and nothing of the agent runs" {
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --image "$HOOK_IMAGE" --dotnet-preview 0.1 -- \
        touch /workspace/ran
    echo "$stderr"
    [ "$status" -eq 218 ]
    [ -z "$output" ]
    [[ "$stderr" == *'the channel 0.1 has ended'* ]]
    [ "$(grep -c '^coding-agents: .*dotnet-preview' <<<"$stderr")" -eq 1 ]
    [[ "$(tail -1 <<<"$stderr")" == "coding-agents: boot was refused at step 'setup': the setup hook 'dotnet-preview' failed with code 3"* ]]
    left_nothing
}

@test "a hook that the image does not have refuses the boot by its name" {
    printf 'FROM %s\nCOPY Dockerfile /etc/coding-agents/setup.d/dotnet-preview\n' "$SHELL_IMAGE" >"$BATS_TEST_TMPDIR/Dockerfile"
    "$DOCKER" build -q -t "$HOOK_IMAGE-none" "$BATS_TEST_TMPDIR"
    run --separate-stderr "$CA" run shell "$REPO" --name "$NAME" --image "$HOOK_IMAGE-none" --dotnet-preview 10.0 -- true
    "$DOCKER" rmi "$HOOK_IMAGE-none" >/dev/null
    echo "$stderr"
    [ "$status" -eq 218 ]
    [[ "$(tail -1 <<<"$stderr")" == *"setup hook 'dotnet-preview'"*'ermission denied'* ]]
    left_nothing
}

@test "a hook that hangs is ended by a stop" {
    "$CA" run shell "$REPO" --name "$NAME" --image "$HOOK_IMAGE" --dotnet-preview 0.2 -- \
        touch /workspace/ran >"$BATS_TEST_TMPDIR/output" 2>&1 3>&- &
    wait_for 20 "$CA" status "$NAME"
    wait_for 20 "$DOCKER" exec "$(container_of "$NAME")" test -e /workspace/hangs
    local start=$SECONDS
    run "$CA" stop "$NAME"
    echo "$status: $output"
    [[ "$output" == *'has ended with code 143'* ]]
    local code=0
    wait $! || code=$?
    cat "$BATS_TEST_TMPDIR/output"
    [ "$code" -eq 143 ]
    # Well within the grace of a stop: nobody had to be killed.
    [ $((SECONDS - start)) -lt 10 ]
    stderr=$(cat "$BATS_TEST_TMPDIR/output")
    [[ "$(tail -1 <<<"$stderr")" == "coding-agents: boot was refused at step 'setup': stopped on request" ]]
    left_nothing
}

# left_nothing: no branch, session, container, volume or network of the refused session in $stderr.
left_nothing() {
    local id
    id=$(sed -n 's/^coding-agents: session [^ ]* (\([a-z2-7]*\)) works on.*/\1/p' <<<"$stderr")
    [ -n "$id" ]
    [ "$(git -C "$REPO" for-each-ref --format='%(refname)')" = refs/heads/main ]
    [ ! -e "$XDG_STATE_HOME/coding-agents/sessions/$id" ]
    [ -z "$("$DOCKER" ps -aq --filter "name=coding-agents-$id")" ]
    [ -z "$("$DOCKER" volume ls -q --filter "name=coding-agents-$id")" ]
    [ -z "$("$DOCKER" network ls -q --filter "name=coding-agents-$id")" ]
    # What is kept is the record that it was refused.
    jq -r 'select(.event == "boot-refused").session' "$XDG_STATE_HOME/coding-agents/security-events.log" | grep -qx "$id"
}
