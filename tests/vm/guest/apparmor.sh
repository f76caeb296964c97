#!/bin/sh
# Processes under the AppArmor profiles, and what they try: shared by the tests of them.
# shellcheck source=tests/vm/guest/tap.sh
. ./tap.sh

# shellcheck disable=SC2034 # for the tests
PROFILES=/etc/apparmor-profiles
VENDOR=/opt/coding-agents/test/bin
mkdir -p $VENDOR /opt/foreign /home/agentcli /run/agent-secrets /mnt
cp attempt $VENDOR/
cp attempt /opt/foreign/
cp attempt /tmp/

load() { apparmor_parser --replace --skip-cache --quiet "$@"; }

# as WHO COMMAND...: becomes it.
as() {
    who=$1
    shift
    case $who in
    unconfined) exec "$@" ;;
    container) exec labelled exec coding-agents "$@" ;;
    *) exec labelled exec coding-agents stacked "coding-agents-$who" "$@" ;;
    esac
}
says() {
    expected=$1
    shift
    said=$("$@" 2>&1)
    echo "$said"
    [ "$said" = "$expected" ]
}

# One process of each label, to be traced and signalled; those of before are ended.
start_waiting() {
    # shellcheck disable=SC2086 # numbers
    if [ -n "${waiting:-}" ]; then kill -KILL $waiting; fi
    waiting=
    for who in unconfined container task agentcli; do
        as $who $VENDOR/attempt pause >/tmp/waits-$who &
        eval "pid_$who=$!"
        waiting="$waiting $!"
        eventually grep -q waiting /tmp/waits-$who
    done
    # shellcheck disable=SC2154 # set by eval above
    pids="s/@unconfined/$pid_unconfined/; s/@container/$pid_container/; s/@task/$pid_task/; s/@agentcli/$pid_agentcli/"
}

# spelled ARGUMENT: an attempt's argument, with pids for `@who` and a blank for `:`.
spelled() {
    echo "$1" | sed "$pids; s/:/ /"
}
