#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2016,SC1003,SC2154
# What confines programs and commands, and the terminal of an interactive session, in a real engine.

load common

IMAGE=${SANDBOX_IMAGE:-$SHELL_IMAGE}
NAME=coding-agents-sandbox-test-$$
LIBEXEC=/usr/libexec/coding-agents
PROGRAM=$LIBEXEC/agentcli-exec
SANDBOX=$LIBEXEC/agent-task-sandbox

setup_file() {
    bats_require_minimum_version 1.5.0
}

setup() {
    bats_require_minimum_version 1.5.0
    CONTAINER=$NAME-$BATS_TEST_NUMBER
    TERMINALS=$CONTAINER
}

teardown() {
    tmux -L "$TERMINALS" kill-server 2>/dev/null || true
    "$DOCKER" rm --force --volumes "$CONTAINER" >/dev/null 2>&1 || true
    "$DOCKER" volume rm --force "$CONTAINER-workspace" "$CONTAINER-tmp" >/dev/null 2>&1 || true
}

# begin [OPTION...]: a container with the shipped capabilities and profile in which nothing runs yet; what
# boot prepares is prepared here, with the idmapped views.
begin() {
    "$DOCKER" run --detach --init --name "$CONTAINER" --read-only --cap-drop ALL \
        --cap-add SYS_ADMIN --cap-add SETUID --cap-add SETGID --cap-add SETPCAP --cap-add CHOWN --cap-add KILL \
        --cap-add SYS_PTRACE \
        --security-opt no-new-privileges:true --security-opt "seccomp=$ROOT/policies/seccomp/agent.json" \
        --security-opt apparmor=coding-agents \
        --tmpfs /run:rw,mode=755 --tmpfs /home:rw,mode=755 \
        --volume "$CONTAINER-workspace:/workspace" --volume "$CONTAINER-tmp:/tmp" \
        --volume "$BUILD/tests/agentcli-untrapped:/untrapped:ro" "$@" \
        --entrypoint sleep "$IMAGE" infinity >/dev/null
    as_root mkdir -p /run/coding-agents /home/agentuser /home/agentcli
    as_root chown 10000:10000 /workspace /tmp /home/agentuser
    as_root chown 10001:10001 /home/agentcli
    views idmapped
}

as_root() { "$DOCKER" exec "$CONTAINER" "$@"; }
as_user() { "$DOCKER" exec --user 10000:10000 "$CONTAINER" "$@"; }
views() { as_root sh -c 'echo "$*" >/run/coding-agents/views' sh "$@"; }
# As a container without session runs its command: the owner's, and so not trapped.
agent() { as_root "$PROGRAM" --agent shell --identity agentuser "$@"; }
# What a vendor's program would do, which nothing but a test can start without the trap.
cli() { as_root /untrapped "$@"; }

# interactive [OPTION...] [-- COMMAND...]: a session in the background; its exit code will be in /run/code.
interactive() {
    "$DOCKER" exec --detach "$CONTAINER" sh -c \
        'exec 9>/run/ready; NOTIFY_FD=9 "$@" >/run/log 2>&1; echo $? >/run/code' \
        sh "$PROGRAM" --agent shell --identity agentuser --interactive "$@"
    eventually as_root grep -qx READY=1 /run/ready
}

eventually() { wait_for 20 "$@"; }

exit_code() {
    eventually as_root test -s /run/code
    as_root cat /run/code
}

# The process that PID 1 would supervise: the parent of tmux.
signal_session() { as_root pkill "-$1" -o -x agentcli-exec; }

# terminal ID: a person's terminal of 100 by 30, attached; what it prints after the end stays visible.
terminal() {
    tmux -L "$TERMINALS" -f /dev/null new-session -d -s "$1" -x 100 -y 30 \
        "$DOCKER exec -it --user 10003:10003 --env TERM=${2:-xterm-256color} $CONTAINER agent-attach; echo attach-ended=\$?; sleep 600"
}

keys() { tmux -L "$TERMINALS" send-keys -t "$1" "${@:2}"; }
screen() { tmux -L "$TERMINALS" capture-pane -p -t "$1"; }
shows() { screen "$1" | grep -q -- "$2"; }

# sized ID SIZE: asks the program's terminal for its size. The engine and tmux both pass a new one on in their
# own time, so a test asks until it is there.
sized() {
    keys "$1" 'stty size' Enter
    sleep 0.3
    shows "$1" "^$2"
}

# --- the confined process ----------------------------------------------------------------------------------

confined='grep -E "^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)" /proc/self/status | tr "\t" " "'

assert_confined() {
    grep -q "^Uid: $1 $1 $1 $1" <<<"$output"
    grep -q "^Gid: $1 $1 $1 $1" <<<"$output"
    grep -qE '^Groups: *$' <<<"$output"
    [ "$(grep -c '^Cap[A-Za-z]*: 0000000000000000$' <<<"$output")" -eq 5 ]
    grep -qx 'NoNewPrivs: 1' <<<"$output"
    grep -qx 'Seccomp: 2' <<<"$output"
}

@test "agent-task-sandbox leaves a command nothing" {
    begin
    run -0 as_root "$SANDBOX" -- sh -c "$confined"
    assert_confined 10000
    run -0 as_root sh -c "exec 7</etc/shadow; FOO=1 exec $SANDBOX --directory /workspace --environment A=1 --environment A=2 -- \
        sh -c 'pwd; ulimit -c; umask; env | sort; exec ls /proc/self/fd'"
    [ "${lines[0]}" = /workspace ]
    [ "${lines[1]}" = 0 ]
    [ "${lines[2]}" = 0022 ]
    [ "$(grep -E '^[A-Z]+=' <<<"$output" | grep -v '^PWD=' | cut -d= -f1 | tr '\n' ' ')" = "A HOME LANG PATH USER " ]
    grep -qx A=2 <<<"$output"
    [ "${lines[*]: -5}" = "USER=agentuser 0 1 2 3" ] # ls itself has the directory open
}

@test "agentcli-exec leaves the agent nothing" {
    begin
    run -0 agent -- sh -c "$confined"
    assert_confined 10000
    run -0 as_root sh -c "exec 7</etc/shadow; exec $PROGRAM --agent shell --identity agentuser -- sh -c 'pwd; exec ls /proc/self/fd'"
    [ "${lines[0]}" = /workspace ]
    [ "${lines[*]:1}" = "0 1 2 3" ] # ls itself has the directory open
}

@test "a command has no network when it shall not, and the session's otherwise" {
    begin
    run -0 as_root "$SANDBOX" --network inherit -- grep -c eth0 /proc/net/dev
    run -1 as_root "$SANDBOX" --network none -- grep -c eth0 /proc/net/dev
}

@test "without the capability for it nothing runs instead of running with a network" {
    "$DOCKER" run --detach --init --name "$CONTAINER" --entrypoint sleep "$IMAGE" infinity >/dev/null
    run -226 --separate-stderr as_root "$SANDBOX" --network none -- echo ran
    [ -z "$output" ]
    [[ $stderr == *"the network"*"Operation not permitted"*"was not run"* ]]
    run -0 as_root "$SANDBOX" --network inherit -- echo ran
    [ "$output" = ran ]
}

@test "whatever is wrong, agent-task-sandbox says one line and runs nothing" {
    begin
    local wrong=("--network some -- echo ran" "--directory /nonexistent -- echo ran" "--environment X -- echo ran"
        "--odd -- echo ran" "--" "-- /nonexistent/program")
    for arguments in "${wrong[@]}"; do
        # shellcheck disable=SC2086
        run -226 --separate-stderr as_root "$SANDBOX" $arguments
        [ -z "$output" ]
        # shellcheck disable=SC2154
        [ "${#stderr_lines[@]}" -eq 1 ]
    done
    run -226 --separate-stderr as_user "$SANDBOX" -- echo ran
    [ -z "$output" ]
}

@test "a user namespace opens without the filter and not below it" {
    begin
    run -0 as_user unshare -Ur true
    run ! as_root "$SANDBOX" -- unshare -Ur true
    run ! agent -- unshare -Ur true
    run -0 as_user unshare -Urm mount -t tmpfs none /mnt
    run ! as_root "$SANDBOX" -- unshare -Urm mount -t tmpfs none /mnt
}

# --- headless ----------------------------------------------------------------------------------------------

@test "headless exit codes are the command's own, and a shell's for what cannot start" {
    begin
    for code in 0 1 42 255; do
        run -"$code" agent -- sh -c "exit $code"
    done
    run -143 agent -- sh -c 'kill -TERM $$'
    run -127 --separate-stderr agent -- no-such-program
    [ "$stderr" = "agentcli-exec: 'no-such-program' was not found" ]
    run -126 --separate-stderr agent -- /etc/passwd
    [ "$stderr" = "agentcli-exec: '/etc/passwd' cannot be executed" ]
    run -219 --separate-stderr as_root "$PROGRAM" --agent nobody -- true
    [ "${#stderr_lines[@]}" -eq 1 ]
}

@test "readiness is told just before the command, which cannot tell it" {
    begin
    run -0 as_root sh -c "exec 9>/run/ready; NOTIFY_FD=9 $PROGRAM --agent shell --identity agentuser -- sh -c 'echo x >&9; echo \${NOTIFY_FD-unset}' 2>/dev/null"
    [ "$output" = unset ]
    [ "$(as_root cat /run/ready)" = READY=1 ]
    run -127 as_root sh -c "exec 9>/run/ready; NOTIFY_FD=9 $PROGRAM --agent shell --identity agentuser -- no-such-program"
    [ -z "$(as_root cat /run/ready)" ]
}

# --- two identities, one workspace -------------------------------------------------------------------------

both_work() {
    cli sh -c 'echo one >/workspace/a && mkdir /workspace/d && echo deep >/workspace/d/b'
    agent -- sh -c 'echo two >>/workspace/a && chmod 750 /workspace/a && mv /workspace/d/b /workspace/d/c && echo x >/workspace/own'
    cli sh -c 'echo three >>/workspace/a && chmod 640 /workspace/own && mv /workspace/own /workspace/d/moved && rm /workspace/d/c'
    run -0 agent -- sh -c 'cat /workspace/a; rm -r /workspace/d'
    [ "$output" = $'one\ntwo\nthree' ]
}

@test "both identities edit, chmod and rename as owners, through an idmapped mount" {
    begin
    run -0 cli grep -E ' /(workspace|tmp) ' /proc/self/mountinfo
    [ "$(grep -cE ' /(workspace|tmp) rw,nosuid,nodev,noexec,.*idmapped' <<<"$output")" -eq 2 ]
    run -0 agent -- cat /proc/self/mountinfo
    [[ $output != *idmapped* ]]
    both_work
    [ "$(as_root stat -c '%u:%g %a' /workspace/a)" = "10000:10000 750" ]
    [ "$(cli stat -c %u:%g /workspace/a)" = 10001:10001 ]
}

@test "the agent program's view executes nothing, and leaves what is another's alone" {
    begin
    agent -- sh -c 'printf "#!/bin/sh\necho ran\n" >/workspace/p && chmod 755 /workspace/p'
    run -0 agent -- /workspace/p
    run -126 cli /workspace/p
    as_root "$SANDBOX" -- mkdir /tmp/open
    as_root "$SANDBOX" -- chmod 777 /tmp/open
    as_root sh -c 'echo root >/tmp/open/file; chmod 666 /tmp/open/file'
    run -0 agent -- sh -c 'echo more >>/tmp/open/file'
    run ! cli sh -c 'echo more >>/tmp/open/file'
    [ "$(cli stat -c %u /tmp/open/file)" = 65534 ]
}

@test "the fallback is a shared group" {
    begin
    views shared-group 10005
    as_root chown 10000:10005 /workspace
    as_user chmod 2770 /workspace 2>/dev/null || true
    as_root "$SANDBOX" -- chmod 2770 /workspace
    run -0 cli sh -c 'id -G; umask; cat /proc/self/mountinfo'
    [ "${lines[0]}" = "10001 10005" ]
    [ "${lines[1]}" = 0002 ]
    [[ $output != *idmapped* ]]
    cli sh -c 'echo one >/workspace/a; mkdir /workspace/d; echo deep >/workspace/d/b'
    agent -- sh -c 'echo two >>/workspace/a; mv /workspace/d/b /workspace/d/c'
    run -0 as_root "$SANDBOX" -- sh -c 'id -G; cat /workspace/a /workspace/d/c'
    [ "$output" = $'10000 10005\none\ntwo\ndeep' ]
}

@test "a program that needs a view does not start without one" {
    begin
    as_root rm /run/coding-agents/views
    run -0 agent -- true
    run -219 --separate-stderr as_root "$PROGRAM" --agent shell --identity agentcli -- echo ran
    [ -z "$output" ]
    [[ $stderr == *"needs a view of the workspace"* ]]
    views nonsense
    run -219 agent -- true
}

# --- interactive -------------------------------------------------------------------------------------------

@test "a person attaches, types, resizes, detaches, comes back, and gets the exit code" {
    begin
    interactive
    terminal one
    eventually shows one '\$'
    keys one 'echo $((6 * 7))-answer' Enter
    eventually shows one 42-answer
    eventually sized one '29 100'
    tmux -L "$TERMINALS" resize-window -t one -x 120 -y 40
    eventually sized one '39 120'
    keys one 'clear; echo $((6 * 7))-answer' Enter
    eventually shows one 42-answer
    keys one C-b d
    eventually shows one attach-ended=0
    run -0 as_root cat /run/ready
    terminal two
    eventually shows two 42-answer
    keys two 'exit 42' Enter
    eventually shows two attach-ended=42
    [ "$(exit_code)" = 42 ]
    [ -z "$(as_root cat /run/log)" ]
}

@test "signals, job control and full-screen programs work in the session" {
    begin
    interactive -- bash --norc
    terminal one
    eventually shows one '\$'
    keys one 'sleep 100' Enter
    sleep 0.5
    keys one C-c
    keys one 'echo code=$?' Enter
    eventually shows one code=130
    keys one 'sleep 100' Enter
    sleep 0.5
    keys one C-z
    keys one 'jobs; kill %1; echo x >/dev/tty' Enter
    eventually shows one Stopped
    keys one 'printf "a\nb\n" | less' Enter
    eventually shows one END
    keys one q 'exit 0' Enter
    eventually shows one attach-ended=0
}

@test "the command reaches the pane byte for byte, without a shell in between" {
    begin
    interactive -- bash -c 'printf "%s|" "$@" >/workspace/arguments; exit 5' x 'a b' "it's" '"q"' '$(id)' '#{pane_id}' $'new\nline' '\' ';' ''
    [ "$(exit_code)" = 5 ]
    [ "$(as_root cat /workspace/arguments)" = $'a b|it\'s|"q"|$(id)|#{pane_id}|new\nline|\\|;||' ]
}

@test "several terminals at once: a killed or stopped one disturbs nobody" {
    begin
    interactive
    terminal one
    eventually shows one '\$'
    terminal two
    eventually shows two '\$'
    keys one 'echo both-$((1 + 1))' Enter
    eventually shows two both-2
    # One that takes no more bytes, while the session writes more than all buffers hold.
    as_root pkill -STOP -n agent-attach
    keys one 'seq 200000; echo done-$((2 + 2))' Enter
    eventually shows one done-4
    as_root pkill -KILL -n agent-attach
    eventually shows two 'attach-ended=137'
    keys one 'echo still-$((3 + 3))' Enter
    eventually shows one still-6
    terminal three vt-without-description
    eventually shows three still-6
    keys three 'exit 0' Enter
    eventually shows one attach-ended=0
    eventually shows three attach-ended=0
}

# A client of the attach socket as uid $1 that sends the packed words of perl expression $2 and prints what it gets.
raw_client() {
    "$DOCKER" exec --user "$1" "$CONTAINER" perl -MSocket -e '
        socket(S, AF_UNIX, SOCK_STREAM, 0) or die; alarm 4;
        connect(S, pack_sockaddr_un("/run/agent-attach/attach.sock")) or die "connect: $!";
        $SIG{PIPE} = "IGNORE"; syswrite(S, eval($ARGV[0])); $all .= $b while sysread(S, $b, 4096);
        print unpack("H*", $all)' "$2"
}

@test "only the attach user is served, and only with the protocol" {
    begin
    interactive
    hello='pack("LL LSS a64", 1, 72, 1, 24, 80, "xterm")'
    for uid in 0:0 10000:10000 10001:10001 65534:65534; do
        run -0 raw_client "$uid" "$hello"
        [ -z "$output" ]
    done
    refused=$(printf '%08x' 0x04000000)0800000004000000
    local odd=('pack("LL", 9, 1)' 'pack("LL", 2, 4294967295)' 'pack("LL", 1, 71)' 'pack("LLa", 2, 1, "x")'
        'pack("LL LSS a64", 1, 72, 2, 24, 80, "xterm")' 'pack("LL LSS a64", 1, 72, 1, 24, 80, "../x")'
        "$hello . $hello" "$hello"' . pack("LLSS", 3, 4, 0, 80)' "$hello"' . pack("LLLl", 4, 8, 1, 0)')
    for bytes in "${odd[@]}"; do
        run -0 raw_client 10003:10003 "$bytes"
        [[ $output == *"${refused}00000000" ]] || { echo "$bytes: $output"; false; }
    done
    terminal one
    eventually shows one '\$'
    keys one 'exit 3' Enter
    [ "$(exit_code)" = 3 ]
}

@test "as many terminals as there may be; the next takes the place of the one that was silent the longest" {
    begin
    interactive
    for i in 1 2 3 4 5 6 7 8; do
        terminal "t$i"
        eventually shows "t$i" '\$'
    done
    keys t1 'echo still-$((0 + 1))' Enter
    eventually shows t1 still-1
    terminal ninth
    eventually shows ninth '\$'
    eventually shows t2 attach-ended=206
    shows t2 'took this one.s place'
    keys ninth 'echo still-$((1 + 1))' Enter
    for i in 1 3 4 5 6 7 8; do
        eventually shows "t$i" still-2
    done
}

@test "TERM reaches the command; a shell, which ignores it, gets HUP" {
    begin
    interactive -- bash -c 'trap "echo bye >/workspace/bye; exit 9" TERM; trap "echo hup >/workspace/hup" HUP; while :; do sleep 0.1; done'
    signal_session TERM
    [ "$(exit_code)" = 9 ]
    [ "$(as_root cat /workspace/bye)" = bye ]
    run ! as_root test -e /workspace/hup
    as_root rm /run/code /run/ready
    interactive -- bash
    terminal one
    eventually shows one '\$'
    signal_session TERM
    [ "$(exit_code)" = 129 ]
    eventually shows one attach-ended=129
    run ! as_root pgrep tmux
}

@test "a second TERM ends tmux under a command that will not go" {
    begin
    interactive -- bash -c 'trap "" TERM HUP; while :; do sleep 0.1; done'
    signal_session TERM
    sleep 0.5
    run ! as_root test -s /run/code
    signal_session TERM
    [ "$(exit_code)" = 223 ]
}

@test "a persistent session starts its program again, and ends when it is told to" {
    begin
    interactive --persistent -- bash -c 'echo x >>/workspace/starts; echo go-$((1 + 1)); read -r line; exit 4'
    terminal one
    eventually shows one go-2
    keys one Enter
    eventually as_root sh -c '[ "$(wc -l </workspace/starts)" -ge 2 ]'
    run ! as_root test -s /run/code
    signal_session TERM
    [ "$(exit_code)" = 143 ]
}

@test "an agent that left no status is lost, not successful" {
    begin
    interactive
    terminal one
    eventually shows one '\$'
    as_root pkill -KILL -f 'tmux -D'
    [ "$(exit_code)" = 223 ]
    eventually shows one attach-ended=223
    shows one 'server exited'
    run -206 "$DOCKER" exec -t --user 10003:10003 "$CONTAINER" agent-attach
}

@test "agent-attach says why it cannot" {
    begin
    run -200 "$DOCKER" exec --user 10003:10003 "$CONTAINER" agent-attach
    terminal one
    eventually shows one attach-ended=206
    shows one 'not interactive'
}
