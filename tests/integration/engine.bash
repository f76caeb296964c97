# A second real engine, of a test file's own: it can be stopped, killed and given a small disk.
# shellcheck shell=bash

# engine_setup_file [IMAGE...]: it has the shell's image, and these.
engine_setup_file() {
    export ENGINE=$BATS_FILE_TMPDIR/engine
    # Sockets have short names.
    export SOCKETS=/run/coding-agents-test-$$
    mkdir -p "$ENGINE" "$SOCKETS"
    local first=$DOCKER
    export DOCKER_HOST=unix://$SOCKETS/engine.sock
    start_engine
    env -u DOCKER_HOST "$first" save "$SHELL_IMAGE" "$@" | "$DOCKER" load -q
}

# What it looks for begins with where the engine is: without one that would be everybody's.
engine_teardown_file() {
    if [ -z "${ENGINE:-}" ] || [ -z "${SOCKETS:-}" ]; then return; fi
    "$CA" remove --all --yes --no-push >/dev/null 2>&1 || true
    stop_engine TERM || true
    kill_what_runs
    kill -TERM "$(cat "$SOCKETS/containerd.pid")" 2>/dev/null || true
    # What an engine that was killed left mounted.
    grep -o " ${ENGINE}[^ ]*\| ${SOCKETS}[^ ]*" /proc/self/mountinfo | sort -r | xargs -r umount -l 2>/dev/null || true
    rm -rf "$SOCKETS"
}

# kill_what_runs: each container of this engine and what stands between it and the engine.
kill_what_runs() {
    local shims
    shims=$(pgrep -f -- "containerd-shim.* -address $SOCKETS/") || return 0
    # shellcheck disable=SC2046,SC2086 # several
    kill -KILL $(for shim in $shims; do pgrep -P "$shim"; done) $shims
}

answers() {
    "$DOCKER" info >/dev/null 2>&1
}

# As distributions run it: containerd has a life of its own.
start_containerd() {
    printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n' >"$ENGINE/containerd.toml"
    containerd --config "$ENGINE/containerd.toml" --address "$SOCKETS/containerd.sock" --root "$ENGINE/containerd" \
        --state "$SOCKETS/containerd" >>"$ENGINE/containerd.log" 2>&1 </dev/null 3>&- &
    echo "$!" >"$SOCKETS/containerd.pid"
    disown
}

start_engine() {
    if [ ! -s "$SOCKETS/containerd.pid" ] || has_ended "$(cat "$SOCKETS/containerd.pid")"; then
        start_containerd
    fi
    rm -f "$SOCKETS/engine.pid"
    # In a network of its own: an engine without a bridge takes docker0 away, which is the other engine's.
    unshare --net dockerd --host "$DOCKER_HOST" --containerd "$SOCKETS/containerd.sock" --data-root "$ENGINE/data" \
        --exec-root "$SOCKETS/exec" --pidfile "$SOCKETS/engine.pid" --bridge=none --iptables=false --ip6tables=false \
        --ip-masq=false ${ENGINE_OPTIONS:+"$ENGINE_OPTIONS"} >>"$ENGINE/log" 2>&1 </dev/null 3>&- &
    wait_for 60 answers
}

# stop_engine SIGNAL: and waits until it has ended.
stop_engine() {
    local pid
    pid=$(cat "$SOCKETS/engine.pid")
    kill -"$1" "$pid"
    wait_for 90 has_ended "$pid"
}

has_ended() {
    [ ! -d "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status"
}
