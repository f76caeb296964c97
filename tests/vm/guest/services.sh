#!/bin/sh
# The services of a session, as agent-boot would name them to PID 1, with a main service of the test's own.
# shellcheck disable=SC2034 # for the tests
PROFILES=/etc/apparmor-profiles
VENDOR=/opt/coding-agents/test/bin
LIBEXEC=/usr/libexec/coding-agents

# Whom and what an image has.
mkdir -p $VENDOR /etc/coding-agents/exec.d /workspace /home/agentuser /home/agentcli /usr/bin /var/tmp /mnt
cp /bin/busybox $VENDOR/sh
# In every image, and in the rules of Landlock; nothing here runs it.
cp /bin/busybox /usr/bin/tmux
mkdir -p /usr/share/coding-agents
$LIBEXEC/record-programs
chown 10000:10000 /workspace /home/agentuser
chown 10001:10001 /home/agentcli
chmod 0700 /home/agentuser /home/agentcli
chmod 1777 /tmp
touch /tmp/said /tmp/errors
chmod 0666 /tmp/said /tmp/errors

# session COMMAND: what it says lands in /tmp/said and /tmp/errors, what the services say in /tmp/out. Started as an
# engine would, labelled and with no_new_privs. Capabilities as in policies/capabilities.tab: SYS_ADMIN SETPCAP SETUID
# SETGID for who makes others, SYS_PTRACE SETUID KILL for the task runner.
session() {
    support="flags=ready+required+restart limit=5 window=10000 backoff=10 backoffmax=50 readyms=20000"
    cat >/tmp/scenario <<SCENARIO
service sandbox $support gracems=1000 caps=2001c0 -- exec $LIBEXEC/agent-task-sandbox --serve test
service runner $support gracems=6000 caps=800a0 store=1 deps=0 -- exec $LIBEXEC/agent-task-runnerd
service agent flags=main deps=1 gracems=1000 caps=2001c0 -- exec $1 >/tmp/said 2>/tmp/errors
ready 4000
hang
SCENARIO
    labelled exec coding-agents timeout -s KILL "${PATIENCE:-120}" unshare -m -p -f sh -c '
        mount -t proc proc /proc && mount -t tmpfs run /run && mkdir /run/agent-task-runner &&
        exec agent-init --boot=/test/fixture_boot --stop-grace 4 -- /tmp/scenario' >/tmp/out 2>&1
    ended=$?
    echo "ended with $ended"
    cat /tmp/out /tmp/errors /tmp/said
    return $ended
}
