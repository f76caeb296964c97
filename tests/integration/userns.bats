#!/usr/bin/env bats
# runs as: root
# An engine that maps users (userns-remap): root of a container is another on the host. A second real engine, of this
# file's own.

load common
load session
load engine

CANARY=c4n4ry-remapped-not-a-real-token
LOGIN="{\"claudeAiOauth\":{\"accessToken\":\"$CANARY\",\"refreshToken\":\"$CANARY\"}}"
# Numbers that nobody else was given: subuid(5).
MAPPED=coding-agents-mapped
FIRST=1500000000

setup_file() {
    session_setup_file
    forget_mapped # of a run that was killed
    useradd --system --no-create-home "$MAPPED"
    printf '%s:%s:65536\n' "$MAPPED" "$FIRST" | tee -a /etc/subuid >>/etc/subgid
    # Root of a container has to reach the engine's layers.
    chmod o+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/file" "$BATS_FILE_TMPDIR"
    export ENGINE_OPTIONS=--userns-remap=$MAPPED
    engine_setup_file
    export LOGIN_IMAGE=coding-agents-login-$$:test
    claude_stand_in "$LOGIN_IMAGE"
}

teardown_file() {
    engine_teardown_file
    forget_mapped
}

forget_mapped() {
    userdel "$MAPPED" 2>/dev/null || true
    sed -i "/^$MAPPED:/d" /etc/subuid /etc/subgid
}

setup() {
    export HOME=$BATS_TEST_TMPDIR/home XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/home/.config
    unset ANTHROPIC_API_KEY CLAUDE_API_KEY CLAUDE_CONFIG_DIR
    mkdir -p "$HOME"
    REPO=$BATS_TEST_TMPDIR/repo
    NAME=userns-$BATS_TEST_NUMBER
    new_repository "$REPO"
    chmod -R o+rX "$REPO"
}

teardown() {
    tail -5 "$ENGINE/log" || true
}

@test "doctor: all that a session needs is there, and who is who is said" {
    run "$CA" doctor
    echo "$output"
    [ "$status" -eq 0 ]
    grep -q '^warn  user-namespaces .*userns-remap' <<<"$output"
    grep -q "^ok    login-peer .*root of a container is uid $FIRST to a broker" <<<"$output"
    grep -q '^ok    fresh-proc' <<<"$output"
}

@test "commands run in their sandboxes, the work comes back, and the kernel's settings are nobody's" {
    run "$CA" run shell "$REPO" --name "$NAME" --network restricted -- sh -c '
        cat /proc/self/uid_map
        cat /proc/1/comm
        for file in /proc/sys/kernel/core_pattern /proc/sys/net/ipv4/ip_forward /proc/sysrq-trigger; do
            (echo 0 >"$file") 2>/dev/null && echo "wrote $file"
        done
        head -c 1 /proc/kcore | wc -c
        head -c 1 /proc/keys | wc -c
        cat /proc/self/attr/current >/dev/null 2>&1
        echo done >>file'
    echo "$output"
    [ "$status" -eq 0 ]
    grep -qE "^ *0 +$FIRST +65536\$" <<<"$output"
    grep -q 'weaker: no idmapped view' <<<"$output"
    [ "$(grep -cx 0 <<<"$output")" -eq 2 ]
    run -1 grep '^wrote' <<<"$output"
    [ "$(git -C "$REPO" show "shell/$NAME:file")" = $'hello\ndone' ]
    [ "$("$CA" record "$NAME" --json | jq -s 'map(select(.verdict == "sandbox" and .exit_code == 0)) | length')" -ge 1 ]
    chain_holds "$NAME"
}

@test "the container's root and the agent's uid cannot set the kernel either" {
    "$CA" launch shell "$REPO" --name "$NAME" --network restricted
    local container user
    container=$(container_of "$NAME")
    for user in 0 10000 10001; do
        for file in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/vm/drop_caches; do
            run -0 "$DOCKER" exec --user "$user" "$container" sh -c "echo 1 >/tmp/control-$user"
            run ! "$DOCKER" exec --user "$user" "$container" sh -c "echo 1 >$file"
        done
        # The control: who may not read that one does read, and is told so.
        run -0 "$DOCKER" exec --user "$user" "$container" head -c 1 /proc/version
        run -1 "$DOCKER" exec --user "$user" "$container" head -c 1 /proc/kcore
    done
    "$CA" kill "$NAME"
}

@test "a login is redeemed once, by the mapped uid, and is gone with the session" {
    mkdir -p -m 700 "$HOME/.claude"
    printf '%s' "$LOGIN" >"$HOME/.claude/.credentials.json"
    run timeout 120 "$CA" run claude "$REPO" --name "$NAME" --image "$LOGIN_IMAGE" --network restricted -- /tmp
    echo "$output"
    [ "$status" -eq 0 ]
    grep -qx "key 0 login ${#LOGIN}" <<<"$output"
    [ "$(events_of "$NAME" | jq -c 'select(.event == "capability-redeemed") | .fields.uid')" -eq $((FIRST + 10001)) ]
    run -1 grep -r "$CANARY" "$XDG_STATE_HOME"
    chain_holds "$NAME"
}

# Its kernel tells it the container's own uids, as it has the same map.
# bats test_tags=soak
@test "through a sidecar likewise, by the container's own uid" {
    mkdir -p -m 700 "$HOME/.claude"
    printf '%s' "$LOGIN" >"$HOME/.claude/.credentials.json"
    run timeout 120 "$CA" run claude "$REPO" --name "$NAME" --image "$LOGIN_IMAGE" --network restricted --broker sidecar -- /tmp
    echo "$output"
    [ "$status" -eq 0 ]
    grep -qx "key 0 login ${#LOGIN}" <<<"$output"
    [ "$(events_of "$NAME" | jq -c 'select(.event == "capability-redeemed") | .fields.uid')" -eq 10001 ]
    run ! grep -r "$CANARY" "$XDG_STATE_HOME"
    chain_holds "$NAME"
}

@test "a repository that is yours alone: refused, with the remedy, and nothing is left" {
    chmod 0700 "$REPO"
    run "$CA" run shell "$REPO" --name "$NAME" --network restricted -- true
    echo "$output"
    [ "$status" -ne 0 ]
    grep -q 'as nobody, which is who you are to an engine with userns-remap: give others the right to read it' <<<"$output"
    chmod o+rX "$REPO"
    "$CA" run shell "$REPO" --name "$NAME-readable" --network restricted -- true
}

# fresh_proc [MASKED]: the verdict in a user namespace below this machine's own, where a mask over MASKED cannot be taken off.
fresh_proc() {
    # shellcheck disable=SC2016 # expanded inside
    unshare --mount sh -euc '
        mkdir -p /etc/coding-agents
        mount --bind "$0/etc/coding-agents" /etc/coding-agents
        [ -z "$1" ] || mount --bind /dev/null "$1"
        exec unshare --user --map-root-user --mount --pid --fork "$0/usr/libexec/coding-agents/agent-boot" --check
        ' "$BUILD/image" "${1:-}"
}

# bats test_tags=soak
@test "where no sandbox could have a /proc of its own the boot is refused, with the remedy" {
    run fresh_proc /proc/timer_list
    echo "$output"
    grep -q '^fresh-proc  *fails  *mount a /proc of its own: Operation not permitted' <<<"$output"
    grep -q 'remedy: use an engine of this machine itself' <<<"$output"
    run fresh_proc
    echo "$output"
    grep -q '^fresh-proc  *ok' <<<"$output"
}
