#!/usr/bin/env bats
# Every process of a session against policies/capabilities.tab, from the outside: /proc/PID/status on the host.
# runs as: user, root in soak
# shellcheck disable=SC2016 # what stands in single quotes is for the shell inside

load common
load session

setup_file() {
    session_setup_file
}

teardown_file() {
    session_teardown_file
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    NAME=processes-$BATS_TEST_NUMBER-$$
    new_repository "$REPO"
    read_table
}

teardown() {
    tmux -L "$NAME" kill-server 2>/dev/null || true
    "$CA" remove "$NAME" --yes --no-push >/dev/null 2>&1 || true
    "$DOCKER" rmi "$NAME" >/dev/null 2>&1 || true
}

# read_table: MASK[process/set] from the table; the numbers are the kernel's, linux/capability.h.
read_table() {
    local -A number=([CHOWN]=0 [KILL]=5 [SETGID]=6 [SETUID]=7 [SETPCAP]=8 [SYS_PTRACE]=19 [SYS_ADMIN]=21)
    local process capability set
    declare -gA MASK=()
    while read -r process capability set _; do
        case $process in '' | '#'*) continue ;; esac
        if [ "$capability" != none ]; then
            # The kernel's name for a process has 15 bytes.
            MASK[${process:0:15}/$set]=$((${MASK[${process:0:15}/$set]:-0} | 1 << ${number[$capability]:?}))
        fi
    done <"$ROOT/policies/capabilities.tab"
}

# field NAME: of the status in $status_text; a capability set as a number.
field() {
    local value
    value=$(sed -n "s/^$1:[[:space:]]*//p" <<<"$status_text")
    case $1 in Cap*) echo $((16#$value)) ;; Uid) echo "${value%%[[:space:]]*}" ;; *) echo "$value" ;; esac
}

# within PART WHOLE: the set has nothing that the other lacks.
within() {
    [ $(($1 & ~$2)) -eq 0 ]
}

# judge FILTERS: one line for each thing in $status_text that the table and the design do not allow. FILTERS: how many
# PID 1 has.
judge() {
    local comm uid mask expected
    comm=$(field Name) uid=$(field Uid)
    complain() { echo "$comm (uid $uid): $*"; }
    [ "$(field CapInh)" -eq 0 ] && [ "$(field CapAmb)" -eq 0 ] || complain "inheritable or ambient capabilities"
    [ "$(field NoNewPrivs)" -eq 1 ] || complain "may gain privileges"
    [ "$(field Seccomp)" -eq 2 ] || complain "no seccomp filter"
    mask=${MASK[$comm/permitted]:-${MASK[$comm/starting]:-0}}
    [ "$uid" -eq 0 ] || mask=0
    if [ "$comm" = agent-init ]; then
        [ "$(field CapPrm)" -eq "$mask" ] || complain "permitted $(field CapPrm)"
        [ "$(field CapEff)" -eq "${MASK[agent-init/effective]}" ] || complain "effective $(field CapEff)"
        [ "$(field CapBnd)" -eq "${MASK[container/granted]}" ] || complain "bounding $(field CapBnd)"
    else
        within "$(field CapPrm)" "$mask" || complain "permitted $(field CapPrm)"
        within "$(field CapEff)" "$(field CapPrm)" || complain "effective $(field CapEff)"
    fi
    case $comm/$uid in
    agent-init/0 | agent-boot/0) expected=$1 ;;
    # The service; and what makes sandboxes, its children, below the half of their filter that they inherit.
    agent-task-sand/0)
        expected=$1
        [ "$(cat "/proc/$(field PPid)/comm")" != agent-task-sand ] || expected=$(($1 + 1))
        [ "$(field CapBnd)" -eq 0 ] || complain "bounding $(field CapBnd)"
        ;;
    # Root with a filter of its own on top.
    agent-task-runn/0) expected=$(($1 + 1)) ;;
    # The engine starts it, with the container's bounding set, and no way to anything in it.
    agent-attach/10003)
        expected=$1
        [ "$(field CapBnd)" -eq "${MASK[container/granted]}" ] || complain "bounding $(field CapBnd)"
        ;;
    */10000 | */10001)
        expected=$(($1 + 1))
        # In a sandbox, which is a process namespace inside the container's: the filter that tells of execs as well.
        [ "$(field NSpid | wc -w)" -lt 3 ] || expected=$(($1 + 2))
        [ "$(field CapBnd)" -eq 0 ] || complain "bounding $(field CapBnd)"
        ;;
    *) complain "nobody expects it here" && return ;;
    esac
    [ "$(field Seccomp_filters)" -eq "$expected" ] || complain "$(field Seccomp_filters) seccomp filters, not $expected"
}

# judge_all: every process of $CONTAINER; PROCESSES has their names and uids.
judge_all() {
    local pids pid filters status_text
    pids=$("$DOCKER" top "$CONTAINER" -eo pid | tail -n +2)
    filters=$(sed -n 's/^Seccomp_filters:[[:space:]]*//p' "/proc/$("$DOCKER" inspect --format '{{.State.Pid}}' "$CONTAINER")/status")
    PROCESSES=
    for pid in $pids; do
        status_text=$(cat "/proc/$pid/status" 2>/dev/null) || continue # it has ended
        PROCESSES+=" $(field Name)/$(field Uid)"
        judge "$filters"
    done >"$BATS_TEST_TMPDIR/deviations"
    echo "$PROCESSES"
    cat "$BATS_TEST_TMPDIR/deviations"
}

no_deviations() {
    judge_all
    [ ! -s "$BATS_TEST_TMPDIR/deviations" ]
}

has_process() {
    [[ "$PROCESSES " == *" $1 "* ]] || { echo "no process $1"; return 1; }
}

@test "a headless session: PID 1 has what the table says, everything else nothing" {
    "$CA" run shell "$REPO" --name "$NAME" --no-push -- \
        sh -c 'setsid sleep 601 & sh -c "sleep 602; :" & touch /tmp/up; exec sleep 600' 3>&- &
    wait_for 20 sh -c "'$CA' status '$NAME'"
    CONTAINER=$(container_of "$NAME")
    wait_for 20 "$DOCKER" exec --user 10000 "$CONTAINER" test -e /tmp/up
    no_deviations
    has_process agent-init/0
    has_process sleep/10000
    # What PID 1 started is the command's relay.
    has_process agent-exec-rela/10001
    # And nothing else but what has commands run.
    [ "$(tr ' ' '\n' <<<"$PROCESSES" | grep -vcE '^(agent-task-|agent-exec-|$)')" -eq 5 ]
    has_process agent-task-runn/0
    "$CA" stop "$NAME" --no-push
    wait
}

@test "the comparison notices what an operator starts with other privileges" {
    "$CA" launch shell "$REPO" --name "$NAME"
    CONTAINER=$(container_of "$NAME")
    no_deviations
    "$DOCKER" exec --detach "$CONTAINER" sleep 600
    wait_for 10 sh -c "'$DOCKER' top '$CONTAINER' -eo pid,args | grep -q ' sleep 600'"
    judge_all
    grep -qx "sleep (uid 0): permitted $((MASK[container/granted]))" "$BATS_TEST_TMPDIR/deviations"
    grep -qx 'sleep (uid 0): nobody expects it here' "$BATS_TEST_TMPDIR/deviations"
    "$DOCKER" exec --detach --user 10000 "$CONTAINER" sleep 601
    wait_for 10 sh -c "'$DOCKER' top '$CONTAINER' -eo pid,args | grep -q ' sleep 601'"
    judge_all
    grep -qx "sleep (uid 10000): bounding $((MASK[container/granted]))" "$BATS_TEST_TMPDIR/deviations"
    grep -qx 'sleep (uid 10000): 1 seccomp filters, not 2' "$BATS_TEST_TMPDIR/deviations"
}

# bats test_tags=soak
@test "an interactive session with a terminal attached" {
    tmux -L "$NAME" -f /dev/null new-session -d -x 100 -y 30 "'$CA' run shell '$REPO' --name '$NAME' --no-push" 3>&-
    wait_for 20 sh -c "tmux -L '$NAME' capture-pane -p | grep -q agentuser@"
    CONTAINER=$(container_of "$NAME")
    tmux -L "$NAME" send-keys 'sleep 600 &' Enter
    wait_for 10 sh -c "'$DOCKER' top '$CONTAINER' -eo pid,args | grep -q ' sleep 600'"
    no_deviations
    has_process agent-init/0
    has_process agentcli-exec/10001
    has_process agent-exec-rela/10001
    has_process bash/10000
    has_process agent-attach/10003
    [[ $PROCESSES == *' tmux: server/10001 '* ]]
}

@test "while it boots, and while it saves the work" {
    mkdir "$BATS_TEST_TMPDIR/image"
    printf '#!/bin/sh\ntouch /tmp/hook\nuntil test -e /tmp/go; do sleep 0.1; done\n' >"$BATS_TEST_TMPDIR/image/hook"
    chmod 0755 "$BATS_TEST_TMPDIR/image/hook"
    printf 'FROM %s\nCOPY hook /etc/coding-agents/setup.d/dotnet-preview\n' "$SHELL_IMAGE" |
        "$DOCKER" build -q -t "$NAME" -f - "$BATS_TEST_TMPDIR/image"
    "$CA" launch shell "$REPO" --name "$NAME" --image "$NAME" --dotnet-preview 10.0 3>&- &
    wait_for 20 sh -c "'$CA' status '$NAME'"
    CONTAINER=$(container_of "$NAME")
    wait_for 20 "$DOCKER" exec --user 10000 "$CONTAINER" test -e /tmp/hook
    # Only the launcher's question to PID 1 may be there besides; it has no power.
    judge_all
    [ -z "$(grep -v '^agent-initctl (uid 10003): nobody expects it here$' "$BATS_TEST_TMPDIR/deviations")" ]
    has_process agent-boot/10000
    has_process dotnet-preview/10000
    "$DOCKER" exec --user 10000 "$CONTAINER" sh -c 'head -c 80M /dev/urandom >/workspace/large; touch /tmp/go'
    wait
    "$CA" stop "$NAME" --no-push 3>&- &
    wait_for 20 sh -c "'$DOCKER' top '$CONTAINER' -eo pid,comm | grep -qw git"
    # One git follows the other: as often as it takes to meet one.
    for _ in {1..20}; do
        no_deviations
        if has_process git/10000; then break; fi
    done
    has_process agent-boot/0
    has_process git/10000
    wait
}
