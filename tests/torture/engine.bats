#!/usr/bin/env bats
# The items of the torture that need an engine: sessions with the shipped flags, and what becomes of them and their work.
# runs as: root
# shellcheck disable=SC2016 # what stands in single quotes is for the shell inside

load ../integration/common
load ../integration/session
load ../integration/terminal

setup_file() {
    session_setup_file
    export HOLD=$BUILD/tests/torture/hold CUT=$BUILD/tests/torture/cut_notification ACTOR=$BUILD/tests/torture/actor
    export FIXTURE=$BUILD/tests/fixtures/fixture_boot
    make -s -C "$ROOT" BUILD="$BUILD" "$HOLD" "$CUT" "$ACTOR" "$FIXTURE"
    export HELD_IMAGE=coding-agents-test/torture:$$
    local context=$BATS_FILE_TMPDIR/image
    mkdir "$context"
    # A boot that stops itself before it begins, so that nobody has to be quick.
    printf '%s\n' '#!/bin/sh' 'case " $* " in *" --shutdown "* | *" --recover "*) ;; *) kill -STOP $$ ;; esac' \
        'exec /usr/libexec/coding-agents/agent-boot.real "$@"' >"$context/agent-boot"
    chmod 0755 "$context/agent-boot"
    cp "$ACTOR" "$context/actor"
    printf '%s\n' "FROM $SHELL_IMAGE" \
        "COPY --from=$SHELL_IMAGE /usr/libexec/coding-agents/agent-boot /usr/libexec/coding-agents/agent-boot.real" \
        'COPY agent-boot /usr/libexec/coding-agents/agent-boot' 'COPY actor /usr/local/bin/actor' >"$context/Dockerfile"
    DOCKER_BUILDKIT=1 "$DOCKER" build -q -t "$HELD_IMAGE" "$context" >/dev/null
}

teardown_file() {
    session_teardown_file
    "$DOCKER" rmi -f "$HELD_IMAGE" >/dev/null 2>&1 || true
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    NAME=torture-$BATS_TEST_NUMBER-$$
    OUT=$BATS_TEST_TMPDIR/out
    LAUNCHER=
    GROUPS_MADE=()
    terminal_setup
    new_repository "$REPO"
}

teardown() {
    terminal_show_all
    terminal_teardown
    [ -z "$LAUNCHER" ] || kill -KILL "$LAUNCHER" 2>/dev/null || true
    "$CA" remove --all --yes --no-push >/dev/null 2>&1 || true
    [ -z "${DISK:-}" ] || umount -l "$DISK"
    for group in "${GROUPS_MADE[@]}"; do rmdir "$group"; done
    [ -z "${STUBBED:-}" ] || "$DOCKER" rm -f "$STUBBED" >/dev/null 2>&1 || true
    "$DOCKER" rmi -f "coding-agents-test/torture-driver:$$" >/dev/null 2>&1 || true
}

background() {
    : >"$OUT" # before who waits for a word looks at it
    "$CA" run shell "$REPO" --name "$NAME" "$@" >"$OUT" 2>&1 </dev/null 3>&- &
    LAUNCHER=$!
}

# ends_with CODE: the launcher, and not of its own patience.
ends_with() {
    local code=0
    wait "$LAUNCHER" || code=$?
    LAUNCHER=
    cat "$OUT"
    echo "ended with $code"
    [ "$code" -eq "$1" ]
}

# The session's id, also when it is not on record any more.
session_said() {
    sed -n 's/^coding-agents: session .* (\([a-z2-7]*\)) works on.*/\1/p' "$OUT"
}

# The host's pid of the boot that stands at its door.
find_held() {
    local init
    CONTAINER=coding-agents-$(session_said)
    init=$("$DOCKER" inspect --format '{{.State.Pid}}' "$CONTAINER") && [ "$init" -gt 0 ] || return 1
    read -r HELD _ <"/proc/$init/task/$init/children" || true
    [ -n "$HELD" ] && grep -q '^State:.T' "/proc/$HELD/status"
}

wait_for_held() {
    for _ in $(seq 300); do
        if find_held 2>/dev/null; then return 0; fi
        sleep 0.1
    done
    cat "$OUT"
    return 1
}

# Nothing of the refused session is left in the engine, here, or in the repository.
left_nothing() {
    local id
    id=$(session_said)
    [ -n "$id" ]
    [ -z "$("$DOCKER" ps -aq --filter "name=coding-agents-$id")" ]
    [ -z "$("$DOCKER" volume ls -q --filter "name=coding-agents-$id")" ]
    [ -z "$("$DOCKER" network ls -q --filter "name=coding-agents-$id")" ]
    [ "$(grep -c "$id" /proc/self/mountinfo)" -eq 0 ]
    [ ! -e "$XDG_STATE_HOME/coding-agents/sessions/$id" ]
    [ "$(git -C "$REPO" for-each-ref --format='%(refname)')" = refs/heads/main ]
}

@test "boot: TERM in the middle of every step" {
    local step calls
    # The control: held and let go, it boots, and tells how long each step is.
    background --image "$HELD_IMAGE" -- sh -c 'exit 42'
    wait_for_held
    "$HOLD" "$HELD" >"$BATS_TEST_TMPDIR/steps"
    ends_with 42
    cat "$BATS_TEST_TMPDIR/steps"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/steps")" -eq 14 ]
    "$CA" remove --all --yes --no-push
    git -C "$REPO" for-each-ref --format='delete %(refname)' refs/heads/shell | git -C "$REPO" update-ref --stdin
    while read -r step calls <&4; do
        echo "== $step"
        background --image "$HELD_IMAGE" -- sh -c 'echo the-command-ran'
        wait_for_held
        "$HOLD" "$HELD" "$step" $((calls / 2))
        "$DOCKER" kill -s TERM "$CONTAINER" >/dev/null
        ends_with 143
        grep -q "boot was refused at step '$step': stopped on request" "$OUT"
        run ! grep -q '^the-command-ran' "$OUT"
        [ "$(jq -s "map(select(.session == \"$(session_said)\" and .event == \"boot-refused\").fields.exit_code)[0]" \
            "$XDG_STATE_HOME/coding-agents/security-events.log")" -eq 143 ]
        # Its report is out before the last step, so the launcher looks for work rather than lose some.
        [ "$step" = agent ] || left_nothing
        "$CA" remove --all --yes --no-push >/dev/null
    done 4<"$BATS_TEST_TMPDIR/steps"
}

# allow_processes COUNT: in the session's container, from now on, under either driver and version of control groups.
allow_processes() {
    local id path
    id=$("$DOCKER" inspect --format '{{.Id}}' "$CONTAINER")
    for path in /sys/fs/cgroup/{,pids/}{docker/"$id",system.slice/docker-"$id".scope}/pids.max; do
        if [ -e "$path" ]; then echo "$1" >"$path"; fi
    done
}

@test "processes: none is left for the boot" {
    background --image "$HELD_IMAGE" -- sh -c 'echo the-command-ran'
    wait_for_held
    allow_processes 2 # PID 1 and the boot
    kill -CONT "$HELD"
    ends_with 211
    [ "$(grep -c '^agent-boot: .*Resource temporarily unavailable' "$OUT")" -eq 1 ]
    run ! grep -q '^the-command-ran' "$OUT"
    left_nothing
}

# no_process_for_shutdown NAME: a session that is stopped when nothing more can be started in it.
no_process_for_shutdown() {
    NAME=$1
    background -- sh -c 'echo work >work; echo up; exec sleep 600'
    wait_for 60 grep -qx up "$OUT"
    CONTAINER=coding-agents-$(session_said)
    allow_processes 1
    "$DOCKER" kill -s TERM "$CONTAINER" >/dev/null
    wait_for 30 grep -q 'cannot make a process for .*agent-boot: Resource temporarily unavailable' "$OUT"
}

@test "processes: none is left for the shutdown, for a while or for good" {
    no_process_for_shutdown "$NAME-while"
    allow_processes 64
    ends_with 143
    grep -q '^  git  *down' "$OUT"
    [ "$(git -C "$REPO" show "shell/$NAME:work")" = work ]
    no_process_for_shutdown "${NAME%-while}-good"
    # Rather than to wait for the end of the grace.
    for _ in second third; do
        sleep 0.5
        "$DOCKER" kill -s TERM "$CONTAINER" >/dev/null
    done
    ends_with 143
    # The launcher has made up for it.
    run ! grep -q '^  git  *down' "$OUT"
    [ "$(git -C "$REPO" show "shell/$NAME:work")" = work ]
}

@test "push: hooks that hang" {
    background -- bash -c '
        bare=$(git remote get-url local)
        mkdir -p .git/hooks "$bare/hooks"
        for name in pre-commit commit-msg post-commit pre-push reference-transaction; do
            printf "#!/bin/sh\nsleep 600\n" >.git/hooks/$name
        done
        for name in pre-receive update post-receive post-update reference-transaction proc-receive; do
            printf "#!/bin/sh\nsleep 600\n" >"$bare/hooks/$name"
        done 2>/dev/null
        chmod +x .git/hooks/* "$bare"/hooks/* 2>/dev/null
        echo work >work
        git add work
        timeout 1 git commit -q -m work
        [ $? -eq 124 ] && exit 42 # the control: they do hang'
    ends_with 42
    [ "$(git -C "$REPO" show "shell/$NAME:work")" = work ]
}

@test "memory: main is killed for it, PID 1 and the work live on" {
    background --memory 64m -- sh -c 'echo work >work; exec tail /dev/zero'
    ends_with 137
    [ "$("$CA" status "$NAME" --json | jq -r .was_oom_killed)" = true ]
    [ "$(git -C "$REPO" show "shell/$NAME:work")" = work ]
}

# memory_group LIMIT PID: a control group of its own for the process, of either version. Sets GROUP; without a LIMIT none.
memory_group() {
    local base=/sys/fs/cgroup file=memory.max
    if [ -d "$base/memory" ]; then base=$base/memory file=memory.limit_in_bytes; fi
    GROUP=$base/$NAME-$2-${1:-none}
    GROUPS_MADE+=("$GROUP")
    mkdir "$GROUP"
    [ -z "$1" ] || echo "$1" >"$GROUP/$file"
    echo "$2" >"$GROUP/cgroup.procs"
}

# How many were killed in GROUP for want of memory.
killed_in_group() {
    sed -n 's/^oom_kill //p' "$GROUP"/memory.{oom_control,events} 2>/dev/null
}

# host_pid SERVICE: of the session in CONTAINER, as seen from here.
host_pid() {
    local inside init
    inside=$("$DOCKER" exec "$CONTAINER" agent-initctl status --json | jq --arg name "$1" '.services[] | select(.name == $name).pid')
    init=$("$DOCKER" inspect --format '{{.State.Pid}}' "$CONTAINER")
    # shellcheck disable=SC2046 # a list of numbers
    awk -v pid="$inside" '/^NSpid:/ && $NF == pid { split(FILENAME, part, "/"); print part[3] }' \
        $(sed 's#[0-9][0-9]*#/proc/&/status#g' "/proc/$init/task/$init/children")
}

# Commands of the agent that came to a good end so far.
count_succeeded() {
    "$DOCKER" exec "$CONTAINER" grep -c ' 0 [0-9]*$' /workspace/statuses || true
}

has_succeeded() {
    [ "$(count_succeeded)" -ge "$1" ]
}

# restarts_are SERVICE COUNT
restarts_are() {
    "$DOCKER" exec "$CONTAINER" agent-initctl status --json |
        holds --arg name "$1" --argjson count "$2" '.state == "running" and any(.services[]; .name == $name and .restarts == $count)'
}

# The kernel kills who has most, which in a container is never the runner with its two megabytes: so the runner has a
# group of its own, with less than it needs.
@test "memory: the task runner is killed for it, the session says so and lives on" {
    local image=coding-agents-test/torture-driver:$$ service
    driver_image "$image" "$BATS_TEST_TMPDIR/driver"
    seq -f $'/bin/sh\t-c\tsleep 0.05; echo %.0f' 5000 >"$REPO/commands"
    background --image "$image" -- "$DRIVER" /workspace/commands 1 /workspace/statuses 1
    wait_for 60 grep -q '^  agent' "$OUT"
    CONTAINER=coding-agents-$(session_said)
    wait_for 30 has_succeeded 1
    for service in runner sandbox; do
        echo "== $service"
        # The control: in a group without a limit it lives, and commands run.
        memory_group '' "$(host_pid "$service")"
        wait_for 30 has_succeeded $(($(count_succeeded) + 3))
        [ "$(killed_in_group)" -eq 0 ]
        restarts_are "$service" 0
        memory_group 4096 "$(host_pid "$service")"
        wait_for 30 restarts_are "$service" 1
        [ "$(killed_in_group)" -ge 1 ]
        wait_for 30 has_succeeded $(($(count_succeeded) + 3))
        "$DOCKER" exec "$CONTAINER" agent-initctl events --json |
            holds --slurp --arg name "$service" 'any(.event == "service-exited" and .service == $name and .signal == 9)'
    done
    "$DOCKER" exec --user 10000 "$CONTAINER" rm /workspace/commands
    ends_with 0
    git -C "$REPO" cat-file -e "shell/$NAME:statuses"
}

# with_stub COMMAND: a container, STUBBED, with little memory, whose PID 1 supervises main and an optional service of that
# command.
with_stub() {
    STUBBED=coding-agents-torture-$$
    printf '%s\n' "service stub flags=restart limit=2 backoff=50 -- $1" \
        'service main flags=main -- trap "exit 12" TERM; echo main is up; while :; do sleep 0.1; done' \
        'ready 8000' >"$BATS_TEST_TMPDIR/scenario"
    "$DOCKER" rm -f "$STUBBED" >/dev/null 2>&1 || true
    "$DOCKER" run -d --name "$STUBBED" --network none --memory 64m --memory-swap 64m -v "$FIXTURE:/fixture_boot:ro" \
        -v "$BATS_TEST_TMPDIR/scenario:/scenario:ro" --entrypoint /usr/local/bin/agent-init "$SHELL_IMAGE" \
        --boot=/fixture_boot -- /scenario
    wait_for 30 says 'main is up'
}

says() {
    "$DOCKER" logs "$STUBBED" 2>&1 | grep -q "$1"
}

# stub_is STATE RESTARTS
stub_is() {
    "$DOCKER" exec "$STUBBED" agent-initctl status --json | holds --arg state "$1" --argjson restarts "$2" \
        '.state == "running" and any(.services[]; .name == "stub" and .state == $state and .restarts == $restarts)'
}

# How often somebody was killed for want of memory in the container, under either version of control groups.
killed_for_memory() {
    "$DOCKER" exec "$STUBBED" sed -n 's/^oom_kill //p' /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control \
        2>/dev/null | tail -n 1
}

@test "memory: an optional service is killed for it until it has failed, the session says so and lives on" {
    # The control: with the same limit, one that needs nothing.
    with_stub 'exec sleep 600'
    stub_is ready 0
    [ "$(killed_for_memory)" -eq 0 ]
    with_stub 'exec tail /dev/zero'
    wait_for 60 stub_is failed 2
    [ "$(killed_for_memory)" -ge 3 ]
    "$DOCKER" exec "$STUBBED" agent-initctl events --json >"$BATS_TEST_TMPDIR/events"
    cat "$BATS_TEST_TMPDIR/events"
    holds --slurp '[.[] | select(.service == "stub" and .event == "service-exited" and .signal == 9)] | length == 3' \
        "$BATS_TEST_TMPDIR/events"
    holds --slurp 'any(.service == "stub" and .event == "service-failed")' "$BATS_TEST_TMPDIR/events"
    says '^agent-init: service stub failed and is not started again$'
    "$DOCKER" stop "$STUBBED"
    [ "$("$DOCKER" inspect --format '{{.State.ExitCode}}' "$STUBBED")" -eq 12 ]
}

# cut_runner CALLS: kills it so far into a notification. One that is answered earlier than that is not the one.
cut_runner() {
    local code
    for _ in $(seq 50); do
        code=0
        "$CUT" "$(host_pid runner)" "$1" || code=$?
        [ "$code" -eq 3 ] || return "$code"
    done
    return 1
}

@test "the task runner is killed in the middle of a notification: nobody hangs, nothing runs twice" {
    local image=coding-agents-test/torture-driver:$$ calls at before restarts=0
    driver_image "$image" "$BATS_TEST_TMPDIR/driver"
    seq -f $'/bin/sh\t-c\techo %.0f >>/workspace/executed; sleep 0.05' 5000 >"$REPO/commands"
    background --image "$image" -- "$DRIVER" /workspace/commands 1 /workspace/statuses 1
    wait_for 60 grep -q '^  agent' "$OUT"
    CONTAINER=coding-agents-$(session_said)
    wait_for 30 has_succeeded 1
    # The control: one is followed to its answer, and nobody is killed.
    calls=$("$CUT" "$(host_pid runner)")
    echo "calls between receipt and answer: $calls"
    [ "$calls" -ge 2 ]
    wait_for 30 has_succeeded $(($(count_succeeded) + 3))
    restarts_are runner 0
    for at in 0 1 $((calls / 2)) "$calls"; do
        before=$(count_succeeded)
        cut_runner "$at"
        restarts=$((restarts + 1))
        wait_for 30 restarts_are runner "$restarts"
        wait_for 30 has_succeeded $((before + 3))
        echo "killed $at calls after a receipt"
    done
    "$DOCKER" exec "$CONTAINER" agent-initctl events --json |
        holds --slurp '[.[] | select(.event == "service-exited" and .service == "runner" and .signal == 9)] | length == 4'
    "$DOCKER" exec --user 10000 "$CONTAINER" rm /workspace/commands
    ends_with 0
    # A kill costs one command at most, and whoever was told of success has run.
    git -C "$REPO" show "shell/$NAME:statuses" >"$BATS_TEST_TMPDIR/statuses"
    git -C "$REPO" show "shell/$NAME:executed" | sort >"$BATS_TEST_TMPDIR/executed"
    awk -v patience="$(awk '$2 == "TASK_CLIENT_PATIENCE_MS" { print $3 }' "$ROOT/sandbox/task-client/connection.h")" '
        $(NF - 1) != 0 { print; failed++ }
        $NF > patience { print; slow++ }
        END { exit failed > 4 || slow > 0 }' "$BATS_TEST_TMPDIR/statuses"
    [ -z "$(uniq -d "$BATS_TEST_TMPDIR/executed")" ]
    awk '$(NF - 1) == 0 { print $2 }' "$BATS_TEST_TMPDIR/statuses" | sort |
        comm -23 - "$BATS_TEST_TMPDIR/executed" >"$BATS_TEST_TMPDIR/lost"
    [ ! -s "$BATS_TEST_TMPDIR/lost" ]
}

@test "PID 1 in a session is traced and read by nobody" {
    background --image "$HELD_IMAGE" -- actor spy-as-it-is
    wait_for_held
    kill -CONT "$HELD"
    ends_with 42 # it could reach a child of its own, and nothing of PID 1
}

# sleeps SECONDS: the program that the shell in the terminal was told to run is there.
sleeps() {
    "$DOCKER" exec "$CONTAINER" sh -c 'grep -lz "^'"$1"'$" /proc/[0-9]*/cmdline' | grep -q .
}

@test "terminal: ^C, ^Z and fg in a session, and a stop after ^Z" {
    terminal one "'$CA' run shell '$REPO' --name '$NAME'"
    wait_for 60 shows one 'agentuser@.*\$'
    CONTAINER=$(container_of "$NAME")
    keys one 'echo work >work; sleep 601' Enter
    wait_for 20 sleeps 601
    keys one C-c
    keys one 'echo code-$?' Enter
    wait_for 20 shows one '^code-130'
    keys one 'clear; sleep 602' Enter
    wait_for 20 sleeps 602
    keys one C-z
    wait_for 20 shows one 'Stopped .*sleep 602'
    keys one 'clear; fg' Enter
    wait_for 20 shows one '^sleep 602'
    keys one C-z
    wait_for 20 shows one 'Stopped .*sleep 602'
    "$CA" stop "$NAME"
    wait_for 60 shows one 'ended=129 icanon'
    [ "$(git -C "$REPO" show "shell/$NAME:work")" = work ]
}

@test "disk: full in the middle of the work" {
    DISK=$BATS_TEST_TMPDIR/disk
    mkdir "$DISK" "$BATS_TEST_TMPDIR/bin"
    mount -t tmpfs -o size=24m,mode=0755 tmpfs "$DISK"
    # The volume lies on it; everything else is the engine's as always.
    cat >"$BATS_TEST_TMPDIR/bin/docker" <<END
#!/bin/bash
if [ "\$1 \$2" = 'volume create' ]; then
    exec "$DOCKER" volume create --opt type=none --opt o=bind --opt device="$DISK" "\${@:3}"
fi
exec "$DOCKER" "\$@"
END
    chmod 0755 "$BATS_TEST_TMPDIR/bin/docker"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH background -- bash -c '
        echo first >first; git add first; git commit -q -m first; git push -q
        dd if=/dev/zero of=fill bs=64k 2>/dev/null && exit 1
        echo late >late; echo second >second; exit 42'
    ends_with 42
    # What was committed came out, the rest is said to be in the volume, and comes once there is room.
    [ "$(git -C "$REPO" show "shell/$NAME:first")" = first ]
    grep -q 'git  *failed .* the work is in the volume' "$OUT"
    grep -q 'is in its volume; coding-agents sync' "$OUT"
    run ! git -C "$REPO" cat-file -e "shell/$NAME:fill"
    mount -o remount,size=64m "$DISK"
    "$CA" sync "$NAME"
    git -C "$REPO" cat-file -e "shell/$NAME:fill"
}
