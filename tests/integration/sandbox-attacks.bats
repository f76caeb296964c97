#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154
# What a command tries against its sandbox. Each attempt has its control: the same program, uid and arguments without
# the fence it is about succeed, or are answered by somebody else.

load common
load services

NAME=coding-agents-attack-test-$$
ATTACK=/usr/local/bin/sandbox-attack
HIDDEN=/usr/local/bin/hidden-exec

setup_file() {
    export CONTAINER=$NAME
    export CONTROL=$NAME-control
    local helper=(--volume "$BUILD/tests/helpers/sandbox-attack:$ATTACK:ro"
        --volume "$BUILD/tests/helpers/idmapped-view:/usr/local/bin/idmapped-view:ro"
        --volume "$BUILD/tests/helpers/hidden-exec:$HIDDEN:ro"
        --volume "$BUILD/tests/helpers/privilege-probe:/usr/local/bin/privilege-probe:ro"
        --volume "$BUILD/tests/attack/descriptors:/usr/local/bin/descriptors:ro")
    services_container "${helper[@]}"
    services_policy test <<'EOF'
{
  "version": 1,
  "profiles": {
    "limited": {"network": "inherit", "linger_seconds": 2, "warm": 0,
      "processes": 100, "file_size_bytes": 1048576, "open_files": 64},
    "brief": {"network": "inherit", "linger_seconds": 0, "warm": 0}
  },
  "rules": [
    {"id": "limited", "match": {"program": "sandbox-attack", "arguments": [["processes", "file-size", "descriptors"], "..."]},
     "action": "sandbox", "profile": "limited", "tier": "read"},
    {"id": "brief", "match": {"program": "setsid", "arguments": ["..."]},
     "action": "sandbox", "profile": "brief", "tier": "read"},
    {"id": "offline", "match": {"program": "cat", "arguments": ["/proc/net/dev"]},
     "action": "sandbox", "profile": "offline", "tier": "read"}
  ]
}
EOF
    start_services
    # No fence of ours: only the uid and the absence of capabilities are the same.
    "$DOCKER" run --detach --init --name "$CONTROL" --cap-drop ALL --security-opt seccomp=unconfined --user 10000:10000 \
        --volume "$CONTAINER-workspace:/workspace" "${helper[@]}" --entrypoint sleep "$SHELL_IMAGE" infinity >/dev/null
}

teardown_file() {
    "$DOCKER" rm --force --volumes "$CONTROL" >/dev/null 2>&1 || true
    services_remove
}

# Without a keeper the runner says what is on record. records: how many lines there are.
records() { as_root sh -c 'wc -l </run/runner.log'; }

# recorded BEFORE PATTERN: behind line BEFORE.
recorded() { eventually as_root sh -c 'tail -n "+$(($1 + 1))" /run/runner.log | grep -qE "$2"' - "$1" "$2"; }

control() { "$DOCKER" exec "$CONTROL" "$@"; }

# refused ERRNO NAME [ARGUMENT]: in the sandbox, and on record as what it was, of whom.
refused() {
    local expected=$1 before
    shift
    before=$(records)
    run sandboxed "$ATTACK" "$@"
    echo "$* in the sandbox: $output, not $expected" >&2
    [ "$output" = "$expected" ]
    recorded "$before" "exec start [a-z0-9]+ uid 10000 pid [0-9]+ rule [a-z]+ status 0 $ATTACK\$"
}

# answered WHAT NAME [ARGUMENT]: without the fence.
answered() {
    local expected=$1
    shift
    run control "$ATTACK" "$@"
    echo "$* without the fence: $output, not $expected" >&2
    [ "$output" = "$expected" ]
}

# privileged WHAT NAME [ARGUMENT]: as root with the capability that it takes, and without a filter.
privileged() {
    local expected=$1
    shift
    run stripped --cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined "$ATTACK" "$@"
    echo "$* as root: $output, not $expected" >&2
    [ "$output" = "$expected" ]
}

@test "namespaces, mounts and roots are final" {
    refused EPERM unshare
    answered success unshare
    refused EPERM clone
    answered success clone
    refused EPERM mount /tmp
    answered success mount /tmp
    refused EPERM chroot /tmp
    answered success chroot /tmp
    refused EPERM unmount /proc/sys
    privileged success unmount /proc/sys
    refused EPERM setns /proc/self/ns/mnt
    privileged success setns /proc/self/ns/mnt
}

@test "corners of the kernel are closed" {
    refused ENOSYS io-uring
    answered success io-uring
    refused EPROTONOSUPPORT netlink
    answered success netlink
    refused EPERM key
    answered success key
    refused EPERM userfaultfd
    answered success userfaultfd
    # Without the filter these are told that what they say makes no sense.
    refused EPERM perf
    answered EFAULT perf
    refused EPERM bpf
    privileged EINVAL bpf
    # Packets, crypto, virtual machines.
    local family
    for family in 17 38 40; do
        refused EAFNOSUPPORT family "$family"
    done
    answered EPERM family 17
    # Of the others the control is what the kernel itself says, where it has them: not that there is no such family. The
    # filter's unit test has a row for each of the three.
    local there=0
    for family in 38 40; do
        run control "$ATTACK" family "$family"
        echo "family $family without the fence: $output" >&2
        [ "$output" = EAFNOSUPPORT ] || there=$((there + 1))
    done
    [ "$there" -ge 1 ] || skip_unless "a kernel with neither family" false
}

@test "no command types into a terminal, whatever the high bits of the request" {
    local request
    for request in 0x5412 0x541c; do
        refused EPERM ioctl "$request"
        answered ENOTTY ioctl "$request"
    done
    # TCGETS: the filter refuses by name only.
    refused ENOTTY ioctl 0x5401
}

@test "there is one listener, and it is the sandbox's" {
    refused EBUSY listener
    answered EFAULT listener
}

@test "the first process of a sandbox cannot be looked into" {
    refused EPERM trace 1
    refused success trace-child
    refused EPERM take-descriptor 1
    refused success take-descriptor-of-child
    refused EPERM read-memory 1
    refused success read-memory-of-child
    local file
    for file in mem environ maps fd ns/mnt exe cwd root; do
        refused EACCES open "/proc/1/$file"
    done
    refused success open /proc/self/maps
}

@test "the first process of a sandbox cannot be killed from inside" {
    run -0 sandboxed sh -c 'kill -KILL 1; kill -TERM 1; kill -STOP 1; sleep 0.2; echo alive'
    [ "$output" = alive ]
    # The same signal from outside ends it, and the command with it.
    "$DOCKER" exec --detach --user 10000:10000 "$CONTAINER" sh -c \
        'agent-task-runnerctl exec -- sleep 4711; echo $? >/tmp/killed'
    eventually as_root pgrep -f '^sleep 4711'
    as_root sh -c 'kill -KILL "$(ps -o ppid= -p "$(pgrep -f "^sleep 4711")")"'
    eventually as_root test -s /tmp/killed
    run -1 as_root pgrep -f '^sleep 4711'
}

@test "an exec inside is judged and on record as what it is, by whatever way it is called" {
    local way before
    for way in plain descriptor many; do
        before=$(records)
        run -126 sandboxed "$HIDDEN" "$way" /usr/bin/git push --force
        [[ "$output" = *'denied by rule git-force-push: '* ]]
        recorded "$before" 'exec nested .* rule git-force-push .* /usr/bin/git$'
        # The same way with something that no rule is about.
        before=$(records)
        run -0 sandboxed "$HIDDEN" "$way" /usr/bin/git version
        [[ "$output" = 'git version'* ]]
        recorded "$before" 'exec nested .* rule read-git .* /usr/bin/git$'
    done
    before=$(records)
    run -126 sandboxed bash -c 'exec 99</usr/bin/git; /proc/self/fd/99 push --force'
    [[ "$output" = *'denied by rule git-force-push: '* ]]
    recorded "$before" 'exec nested .* rule git-force-push .* /usr/bin/git$'
    # The name of whoever calls it, not of the one who judges.
    before=$(records)
    run -0 sandboxed sh -c '/proc/self/exe -c "echo \$((6 * 7))"; exit $?'
    [ "$output" = 42 ]
    recorded "$before" "exec nested .* $(as_root realpath /bin/sh)\$"
}

@test "an exec inside that cannot be read is on record as that, and denied where a rule could deny it" {
    local way before
    for way in undumpable argument path kernel link; do
        before=$(records)
        run -126 sandboxed "$HIDDEN" "$way" /usr/bin/git push origin --force
        echo "$way: $output" >&2
        [[ "$output" = *'Permission denied'* ]]
        recorded "$before" 'exec nested .* rule unreadable '
        # Nothing but the listener refuses that.
        run -0 control "$HIDDEN" "$way" /usr/bin/git --version
        [[ "$output" = 'git version'* ]]
    done
    # No rule denies this program anything.
    before=$(records)
    run -0 sandboxed "$HIDDEN" argument /usr/bin/basename /some/name
    [ "$output" = name ]
    recorded "$before" 'exec nested .* rule unreadable .* /usr/bin/basename$'
    # What is not there is not there, as everywhere.
    run -126 sandboxed "$HIDDEN" plain /usr/bin/no-such-program
    [[ "$output" = *'No such file or directory'* ]]
}

@test "processes of others are not there" {
    "$DOCKER" exec --detach --user 10000:10000 "$CONTAINER" agent-task-runnerctl exec -- sleep 4712
    eventually as_user pgrep -f '^sleep 4712'
    run -0 sandboxed sh -c 'ls /proc | grep -c "^[0-9]"; pgrep -f "^sleep 4712" || echo none'
    [ "${lines[1]}" = none ]
    [ "${lines[0]}" -le 5 ]
    as_user pkill -f '^sleep 4712'
}

@test "a sandbox shows what its table says, and nothing else of the container" {
    local path
    for path in /run/coding-agents/sandbox.sock /run/coding-agents/exec.d/test.json /home/agentcli /root /run/runner.log \
        /dev/console /dev/mem /dev/kmsg /dev/fuse /sys/kernel /boot /mnt /media /srv; do
        refused ENOENT open "$path"
    done
    for path in /run/coding-agents/exec.d/test.json /run/runner.log /sys/kernel /boot /mnt; do
        as_user test -e "$path"
    done
    refused ENOENT connect /run/coding-agents/sandbox.sock
    refused success connect /run/agent-task-runner/runner.sock
    run -0 sandboxed ls -A /run
    [ "$output" = agent-task-runner ]
    run -0 sandboxed ls -A /
    [ "$(echo "$output" | sort | tr '\n' ' ')" = \
        "bin dev etc home lib lib64 opt proc run sbin sys tmp usr var workspace " ]
}

@test "what is not the session's cannot be written" {
    local path
    for path in /usr/x /etc/x /opt/x /x /home/x /var/lib/x /run/agent-task-runner/x /dev/x; do
        run sandboxed "$ATTACK" create "$path"
        echo "$path: $output" >&2
        [[ "$output" =~ ^(EROFS|EACCES)$ ]]
    done
    for path in /workspace/x /tmp/x /home/agentuser/x /dev/shm/x; do
        refused success create "$path"
    done
    as_user rm -f /workspace/x /tmp/x /home/agentuser/x
    for path in /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname; do
        run sandboxed "$ATTACK" write "$path"
        echo "$path: $output" >&2
        [[ "$output" =~ ^(EROFS|EACCES)$ ]]
    done
    refused success write /proc/self/comm
    # Root in a container whose /proc is as the kernel made it.
    run -0 stripped --security-opt systempaths=unconfined "$ATTACK" write /proc/sys/kernel/core_pattern
    [ "$output" = success ]
}

@test "every mount is nosuid, and only /dev has devices" {
    run -0 sandboxed cat /proc/self/mountinfo
    [ "${#lines[@]}" -gt 20 ]
    local line
    for line in "${lines[@]}"; do
        read -r -a fields <<<"$line"
        [[ ",${fields[5]}," = *,nosuid,* || ${fields[4]} = /proc/* ]]
        [[ ",${fields[5]}," = *,nodev,* || ${fields[4]} = /dev/* || ${fields[4]} = /proc/* ]]
        # Nothing propagates.
        [[ "$line" != *shared:* && "$line" != *master:* ]]
    done
    run -0 sandboxed sh -c 'cat /proc/keys; test -c /proc/keys; wc -c </proc/timer_list'
    [ "$output" = 0 ]
    # Landlock before the missing capability.
    refused EACCES device /tmp/device
    answered EPERM device /tmp/device
    # Root with the capabilities that an engine gives by itself.
    run -0 stripped "$ATTACK" device /tmp/device
    [ "$output" = success ]
}

@test "a command is nobody, and stays that" {
    run -0 sandboxed sh -c 'grep -E "^(NoNewPrivs|Cap[A-Z][a-z]*|Groups|Seccomp):" /proc/self/status; id -u; id -G'
    local line
    for line in "${lines[@]}"; do
        case $line in
        Cap*) [ "${line##*$'\t'}" = 0000000000000000 ] ;;
        NoNewPrivs:*) [ "${line##*$'\t'}" = 1 ] ;;
        Seccomp:*) [ "${line##*$'\t'}" = 2 ] ;;
        esac
    done
    [ "${lines[-1]}" = 10000 ]
    [ "${lines[-2]}" = 10000 ]
}

# stripped [OPTION...] COMMAND...: as root in the image with none of our flags but the workspace.
stripped() {
    local options=()
    while [[ $1 = --* ]]; do options+=("$1" "$2") && shift 2; done
    "$DOCKER" run --rm --network none --volume "$CONTAINER-workspace:/workspace" \
        --volume "$BUILD/tests/helpers/sandbox-attack:$ATTACK:ro" \
        --volume "$BUILD/tests/helpers/privilege-probe:/usr/local/bin/privilege-probe:ro" "${options[@]}" \
        --entrypoint "$1" "$SHELL_IMAGE" "${@:2}"
}

@test "files with a set-id bit or capabilities: none in the image, and one that is brought gives nothing" {
    run -0 as_root privilege-probe find /
    [ -z "$output" ]
    stripped sh -c 'cd /workspace && cp /usr/local/bin/privilege-probe setuid && cp setuid capable &&
        chmod 4755 setuid && privilege-probe grant capable'
    run -0 as_root privilege-probe find /workspace
    [ "$(sort <<<"$output")" = $'/workspace/capable\n/workspace/setuid' ]
    local program
    for program in setuid capable; do
        run -0 sandboxed "/workspace/$program" identity
        [ "$output" = plain ]
        run -0 stripped --user 10000:10000 "/workspace/$program" identity
        [ "$output" = privileged ]
    done
    stripped rm /workspace/setuid /workspace/capable
}

@test "links lead nowhere outside" {
    run sandboxed sh -c 'ln -sfn /home/agentcli /workspace/way; ls /workspace/way/ 2>&1; ln -sfn /proc/1/root /workspace/way; ls /workspace/way/ 2>&1'
    [[ "${lines[0]}" = *"No such file"* ]]
    [[ "${lines[1]}" = *"Permission denied"* ]]
    refused EXDEV link /etc/passwd
    refused EXDEV link /usr/bin/true
}

@test "abstract sockets of others are out of reach" {
    "$DOCKER" exec --detach --user 10000:10000 "$CONTAINER" "$ATTACK" listen @attack
    eventually as_user "$ATTACK" connect @attack
    run as_user "$ATTACK" connect @attack
    [ "$output" = success ]
    run sandboxed "$ATTACK" connect @attack
    as_user pkill -f 'sandbox-attack listen'
    if [ "$output" = success ]; then
        skip_unless "Landlock older than version 6" false
    fi
    [ "$output" = EPERM ]
}

# left PATH: the words of a shell that leaves a listener there.
left() { echo "$ATTACK listen $1 >/dev/null & until test -S $1; do sleep 0.05; done"; }

@test "sockets with a name: another user's is closed, one that was left ends with what the profile lets linger" {
    "$DOCKER" exec --detach --user 10001:10001 "$CONTAINER" sh -c "umask 077; exec $ATTACK listen /tmp/theirs"
    eventually "$DOCKER" exec --user 10001:10001 "$CONTAINER" test -S /tmp/theirs
    refused EACCES connect /tmp/theirs
    run "$DOCKER" exec --user 10001:10001 "$CONTAINER" "$ATTACK" connect /tmp/theirs
    [ "$output" = success ]
    as_root pkill -f 'listen /tmp/theirs'
    run -0 sandboxed setsid --wait sh -c "$(left /tmp/brief)"
    eventually as_root sh -c '! pgrep -f "[l]isten /tmp/brief"'
    refused ECONNREFUSED connect /tmp/brief
    # Commands of one session trust each other: what lingers serves the next one.
    run -0 sandboxed sh -c "$(left /tmp/lingering)"
    refused success connect /tmp/lingering
    as_root pkill -f 'listen /tmp/lingering'
    as_user rm -f /tmp/brief /tmp/lingering
}

@test "the tmux of a session cannot be asked to run anything: it is not there" {
    local ask=(tmux -S /run/agent-tmux/tmux.sock new-window -d 'exec sleep 4721')
    as_root sh -c 'mkdir -m 0700 /run/agent-tmux && chown 10000:10000 /run/agent-tmux'
    as_user tmux -S /run/agent-tmux/tmux.sock new-session -d 'exec sleep 4720'
    run ! sandboxed "${ask[@]}"
    [[ "$output" = *'No such file or directory'* ]]
    run -1 as_root pgrep -f '^sleep 4721'
    # The same words of the same user outside of a sandbox.
    as_user "${ask[@]}"
    eventually as_root pgrep -f '^sleep 4721'
    as_user tmux -S /run/agent-tmux/tmux.sock kill-server
}

@test "floods end at the profile's limits, and the next command runs" {
    refused EAGAIN processes
    refused EMFILE descriptors /dev/null
    refused EFBIG file-size /tmp/large
    # The control: a profile without limits.
    answered success file-size /tmp/large
    answered EMFILE descriptors /dev/null
    run -0 sandboxed echo next
    [ "$output" = next ]
}

@test "what a command leaves behind lives as long as its profile says" {
    run -0 sandboxed setsid sh -c 'sleep 4713 & exit 0'
    sleep 0.3
    run -1 as_root pgrep -f '^sleep 4713'
    run -0 sandboxed sh -c 'sleep 4714 >/dev/null 2>&1 & exit 0'
    sleep 0.3
    as_root pgrep -f '^sleep 4714'
    run -0 as_user agent-task-runnerctl ps
    [[ "$output" = *lingering* ]]
    as_root pkill -f '^sleep 4714'
}

said_by() { as_user agent-task-runnerctl logs "$1" | grep -q "$2"; }

@test "descriptors that linger, sent to the task runner: others are served while they stand" {
    local id
    id=$(as_user agent-task-runnerctl run -- sh -c \
        'sleep 4715 | descriptors /run/agent-task-runner/runner.sock 5')
    eventually said_by "$id" standing
    run -0 as_user agent-task-runnerctl logs "$id"
    echo "$output"
    # Who just receives stands still.
    [ "$(grep -c '^naive .*: stands still$' <<<"$output")" -eq 4 ]
    # The runner is sent descriptors, so they arrive.
    [ "$(grep -c '^attack .*: sent$' <<<"$output")" -ge 15 ]
    run -0 timeout 60 "$DOCKER" exec --user 10000:10000 "$CONTAINER" agent-task-runnerctl exec -- echo served
    [ "$output" = served ]
    as_root pkill -f '^sleep 4715'
    # Nobody but root talks to the service that makes sandboxes.
    run -0 sandboxed descriptors /run/coding-agents/sandbox.sock
    [ "$(grep -c '^attack .*: \(Permission denied\|No such file or directory\)$' <<<"$output")" -eq 4 ]
}

@test "a profile without network has a loopback that is down, and nothing else" {
    run -0 sandboxed cat /proc/net/dev
    [ "$(grep -c : <<<"$output")" = 1 ]
    [[ "$output" = *lo:* ]]
    run -0 sandboxed cat /proc/net/dev /dev/null
    [ "$(grep -c : <<<"$output")" -ge 1 ]
}

# As the vendor's program, which sees the workspace and /tmp through an idmapped mount.
vendor() { as_root idmapped-view sh -c "$1"; }

@test "files of the vendor's view are opened anew, and what they are stays" {
    run -0 vendor 'umask 077; cd /tmp; rm -f out
        agent-task-runnerctl exec -- sh -c "echo one; echo two >>/dev/stderr; echo three | tee -a /dev/stdout" >>out 2>&1
        cat out; stat -c %u out'
    [ "$output" = $'one\ntwo\nthree\nthree\n10001' ]
    # Without the view it is another user's file: still written to, but not opened again.
    run "$DOCKER" exec --user 10001:10001 "$CONTAINER" sh -c 'umask 077; cd /tmp; rm -f other
        agent-task-runnerctl exec -- sh -c "echo one; echo two >>/dev/stderr" >>other 2>&1; cat other'
    [[ "${lines[0]}" = one ]]
    [[ "${lines[1]}" = *"Permission denied"* ]]
}

@test "offsets of files of the vendor's view go on from one command to the next" {
    run -0 vendor 'umask 077; cd /tmp; printf "first\nsecond\n" >in
        {   agent-task-runnerctl exec -- sh -c "read line; echo \$line"
            agent-task-runnerctl exec -- sh -c "read line; echo \$line >&2"; } <in >out 2>&1
        { echo before; agent-task-runnerctl exec -- echo command; echo after; } >>out; cat out'
    [ "$output" = $'first\nsecond\nbefore\ncommand\nafter' ]
}

@test "a pipe of another user can be opened by its name in /dev" {
    run -0 vendor 'echo in | agent-task-runnerctl exec -- sh -c "echo err >/dev/stderr; cat /dev/stdin" 2>&1 | cat'
    [ "$output" = $'err\nin' ]
}

@test "a policy that cannot be loaded leaves the one in force" {
    as_root sh -c 'echo "{\"version\": 1, \"nonsense\": 1}" >/run/coding-agents/exec.d/zz.json'
    as_root sh -c 'kill -HUP "$(cat /run/sandbox.pid)"'
    eventually as_root grep -q 'zz.json:1.*nonsense.*the policy in force stays\|the policy in force stays.*zz.json:1.*nonsense' /run/sandbox.log
    run -0 sandboxed echo works
    as_root rm /run/coding-agents/exec.d/zz.json
    as_root sh -c 'echo "{\"version\": 1, \"rules\": [{\"id\": \"no-yes\", \"match\": {\"program\": \"yes\"}, \"action\": \"deny\", \"tier\": \"read\", \"message\": \"enough\"}]}" >/run/coding-agents/exec.d/aa.json'
    as_root sh -c 'kill -HUP "$(cat /run/sandbox.pid)"'
    eventually generation_is 2
    local before
    before=$(records)
    run -126 sandboxed yes
    [[ "$output" = *"no-yes: enough"* ]]
    recorded "$before" 'exec start .* uid 10000 .* rule no-yes .* /usr/bin/yes: denied'
    # Inside another command, where the shell's own rules do not see it.
    as_user sh -c 'echo "yes; echo \$?" >/tmp/script'
    before=$(records)
    run -0 sandboxed sh /tmp/script
    [[ "$output" = *"no-yes: enough"* ]]
    recorded "$before" 'exec nested .* rule no-yes .* /usr/bin/yes$'
    # The engine brings the two streams in any order.
    grep -qx 126 <<<"$output"
}
