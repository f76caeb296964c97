#!/usr/bin/env bats
# runs as: root
# A rootless engine, as Debian ships it, of an account of its own: its root is that account, and nobody's limits hold
# without cgroups. Needs /dev/net/tun.

load ../integration/common
load ../integration/session

ACCOUNT=coding-agents-rootless
PLACE=/var/tmp/$ACCOUNT
# Numbers that nobody else was given: subuid(5).
FIRST=1600000000

setup_file() {
    local number
    useradd --create-home --home-dir "$PLACE" --shell /bin/bash "$ACCOUNT"
    number=$(id -u "$ACCOUNT")
    sed -i "/^$ACCOUNT:/d" /etc/subuid /etc/subgid
    printf '%s:%s:65536\n' "$ACCOUNT" "$FIRST" | tee -a /etc/subuid >>/etc/subgid
    export RUNTIME=/run/user/$number
    install -d -m 0700 -o "$ACCOUNT" -g "$ACCOUNT" "$RUNTIME"
    chmod 0666 /dev/net/tun # as udev leaves it
    as_rootless /usr/share/docker.io/contrib/dockerd-rootless.sh >"$BATS_FILE_TMPDIR/engine" 2>&1 </dev/null 3>&- &
    wait_for 60 as_rootless docker info
    # Its own name, so that this image is that of the engine the tests use.
    "$DOCKER" save "$SHELL_IMAGE" | as_rootless docker load -q
    as_rootless sh -c '
        git config --global user.name Somebody
        git config --global user.email somebody@example.com
        git init -q repository
        chmod 0700 repository
        echo hello >repository/file
        chmod 0600 repository/file
        git -C repository add file
        git -C repository commit -q -m "First commit"'
}

teardown_file() {
    pkill -TERM -u "$ACCOUNT" || true
    wait_for 30 has_none
    chmod -R u+rwX "$PLACE" 2>/dev/null || true
    userdel "$ACCOUNT"
    rm -rf "$PLACE" "$RUNTIME"
    sed -i "/^$ACCOUNT:/d" /etc/subuid /etc/subgid
}

has_none() { ! pgrep -u "$ACCOUNT" >/dev/null; }

# as_rootless COMMAND...: as the account, in its home.
as_rootless() {
    (
        cd "$PLACE" || exit
        exec setpriv --reuid "$ACCOUNT" --regid "$ACCOUNT" --init-groups --reset-env env HOME="$PLACE" \
            XDG_RUNTIME_DIR="$RUNTIME" DOCKER_HOST="unix://$RUNTIME/docker.sock" PATH=/usr/bin:/usr/sbin:/bin:/sbin "$@"
    )
}

@test "doctor: all that a session needs is there, and which limits do not hold is said" {
    run as_rootless "$CA" doctor
    echo "$output"
    [ "$status" -eq 0 ]
    grep -q '^warn  user-namespaces .*rootless engine' <<<"$output"
    grep -q "^ok    login-peer .*root of a container is uid $(id -u "$ACCOUNT") to a broker" <<<"$output"
    if [ "$(as_rootless docker info --format '{{.CgroupDriver}}')" = none ]; then
        grep -q '^warn  cgroup .*no limit of a session holds' <<<"$output"
    fi
}

@test "a repository that is private: commands run in their sandboxes, and the work comes back" {
    run as_rootless "$CA" run shell repository --name work --network restricted -- sh -c 'cat /proc/self/uid_map; echo done >>file'
    echo "$output"
    [ "$status" -eq 0 ]
    grep -qE "^ *0 +$(id -u "$ACCOUNT") +1\$" <<<"$output"
    [ "$(as_rootless git -C repository show shell/work:file)" = $'hello\ndone' ]
    [ "$(as_rootless stat -c %U repository/.git/refs/heads/shell/work)" = "$ACCOUNT" ]
    as_rootless "$CA" audit verify work
}

@test "a key is redeemed by root's and the holder's mapped uids" {
    local directory=$PLACE/stand-in program=/opt/coding-agents/claude/bin/claude
    as_rootless mkdir "$directory"
    install -m 0755 "$BUILD/tests/helpers/login-agent" "$directory/login-agent"
    cat >"$directory/Dockerfile" <<DOCKERFILE
FROM $SHELL_IMAGE
COPY login-agent $program
RUN /usr/libexec/coding-agents/record-programs
LABEL coding-agents.agent=claude
DOCKERFILE
    as_rootless docker build -q -t stand-in:test "$directory"
    run as_rootless env ANTHROPIC_API_KEY=c4n4ry-rootless "$CA" run claude repository --name key --image stand-in:test \
        --network restricted -- /tmp
    echo "$output"
    [ "$status" -eq 0 ]
    grep -qx 'key 15 login -1' <<<"$output"
    as_rootless "$CA" audit show key --json | holds --slurp "map(select(.event == \"capability-redeemed\")) |
        length == 1 and .[0].fields.uid == $((FIRST + 10000))"
    run -1 grep -r c4n4ry-rootless "$PLACE/.local/state/coding-agents"
}
