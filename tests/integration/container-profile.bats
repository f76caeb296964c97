#!/usr/bin/env bats
# The container's seccomp profile in a real engine: what it must block, and what must get through.

load common

setup() {
    bats_require_minimum_version 1.5.0
}

# probe OPTION...: what the probe says in a container with these options.
probe() {
    "$DOCKER" run --rm --network none --cap-drop ALL --security-opt no-new-privileges:true "$@" \
        --volume "$BUILD/tests/helpers/profile-probe:/probe:ro" --entrypoint /probe "$BASE_IMAGE"
}

# other_table OPTION...: what comes of calls of the 32-bit table.
other_table() {
    "$DOCKER" run --rm --network none "$@" --volume "$BUILD/tests/helpers/other-table:/probe:ro" --entrypoint /probe "$BASE_IMAGE"
}

@test "the profile refuses what nothing needs" {
    run -0 probe --security-opt "seccomp=$ROOT/policies/seccomp/agent.json"
    for call in bpf perf_event_open keyctl userfaultfd io_uring_setup kexec_load init_module finit_module \
        clock_settime settimeofday reboot swapon open_by_handle_at quotactl acct fanotify_init sethostname \
        socket_alg socket_vsock socket_packet socket_audit; do
        grep -qx "$call EPERM" <<<"$output" || { echo "$call is not refused: $output"; false; }
    done
    grep -qx "clone3 ENOSYS" <<<"$output"
}

@test "the profile lets through what sessions need" {
    run -0 probe --security-opt "seccomp=$ROOT/policies/seccomp/agent.json"
    for call in socket_unix socket_inet socket_route openat2 close_range pidfd_open open_tree unshare seccomp landlock; do
        grep -qx "$call reached" <<<"$output" || { echo "$call is refused: $output"; false; }
    done
}

@test "without the profile the same calls reach the kernel" {
    run -0 probe --security-opt seccomp=unconfined
    for call in bpf perf_event_open keyctl userfaultfd io_uring_setup open_by_handle_at clone3 socket_alg; do
        grep -qx "$call reached" <<<"$output" || { echo "$call: $output"; false; }
    done
}

@test "namespaces and mounts need the capability as well" {
    run hardened_run --entrypoint unshare "$BASE_IMAGE" --mount true
    [ "$status" -ne 0 ]
    run -0 hardened_run --cap-add SYS_ADMIN --entrypoint unshare "$BASE_IMAGE" --mount true
}

@test "calls of the 32-bit table kill the caller" {
    local without=0
    other_table --security-opt seccomp=unconfined || without=$?
    if [ "$without" -eq 3 ]; then
        # A machine without 32-bit calls has nothing that could be killed.
        run -3 other_table --security-opt "seccomp=$ROOT/policies/seccomp/agent.json"
        return
    fi
    [ "$without" -eq 0 ]
    run other_table --security-opt "seccomp=$ROOT/policies/seccomp/agent.json"
    echo "status $status: $output"
    [ "$status" -eq 159 ]
}
