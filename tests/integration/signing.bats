#!/usr/bin/env bats
# What a session commits is signed with the user's key, which never comes near it; what is not the session's is not signed.
# runs as: user, root in soak
# shellcheck disable=SC2016 # what stands in single quotes is for the shell inside

load common
load session

SIGN=/usr/libexec/coding-agents/agent-git-sign

setup_file() {
    session_setup_file
    export GNUPGHOME=$BATS_FILE_TMPDIR/gnupg
    mkdir -m 0700 "$GNUPGHOME"
    gpg --batch --quiet --passphrase '' --quick-generate-key 'Test User <test@example.com>' ed25519 sign never
    GPG_KEY=$(gpg --batch --with-colons --list-secret-keys | awk -F: '$1 == "fpr" { print $10; exit }')
    export GPG_KEY SSH_KEY=$BATS_FILE_TMPDIR/key
    ssh-keygen -q -t ed25519 -N '' -C canary -f "$SSH_KEY"
    echo "test@example.com $(cut -d' ' -f1,2 "$SSH_KEY.pub")" >"$BATS_FILE_TMPDIR/signers"
    git config --global gpg.ssh.allowedSignersFile "$BATS_FILE_TMPDIR/signers"
}

teardown_file() {
    session_teardown_file
    gpgconf --kill all
}

setup() {
    REPO=$BATS_TEST_TMPDIR/repo
    export XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
    new_repository "$REPO"
    NAME=sign-$BATS_TEST_NUMBER-$(id -u)
    SAID=$BATS_TEST_TMPDIR/said
}

teardown() {
    "$CA" kill "$NAME" >/dev/null 2>&1 || true
}

signs_with_gpg() {
    git -C "$REPO" config user.signingKey "$GPG_KEY"
    git -C "$REPO" config commit.gpgSign true
    git -C "$REPO" config tag.gpgSign true
}

signs_with_ssh() {
    git -C "$REPO" config gpg.format ssh
    git -C "$REPO" config user.signingKey "$SSH_KEY"
    git -C "$REPO" config commit.gpgSign true
    git -C "$REPO" config tag.gpgSign true
}

event() {
    events_of "$NAME" | jq -c --arg event "$1" 'select(.event == $event)' | grep .
}

reasons() {
    event signing-refused | jq -r .fields.reason
}

# volume_repository DIRECTORY: the git directory of the session's copy, taken out of its volume.
volume_repository() {
    mkdir "$1"
    hardened_run --user 10000:10004 --mount "type=volume,source=$(container_of "$NAME"),destination=/volume,readonly" \
        --entrypoint tar "$SHELL_IMAGE" -C /volume/workspace -c .git | tar -x --no-same-owner -C "$1"
}

# commits_and_tags: a session that does both; what came of it holds on the host.
commits_and_tags() {
    "$CA" run shell "$REPO" --name "$NAME" -- sh -euc '
        echo one >one && git add one && git commit -q -m one
        echo two >two && git add two && git commit -q -m two
        git tag -a -m "the first" v1
        echo three >three' >"$SAID" 2>&1 || { cat "$SAID"; false; }
    # Two of a command and the one at the end, all on each other.
    [ "$(git -C "$REPO" rev-list --count "main..shell/$NAME")" -eq 3 ]
    local commit
    for commit in $(git -C "$REPO" rev-list "main..shell/$NAME"); do
        git -C "$REPO" verify-commit "$commit" || { cat "$SAID"; false; }
        event commit-signed | holds --slurp --arg id "$commit" 'any(.fields.id == $id and .fields.kind == "commit")'
    done
    volume_repository "$BATS_TEST_TMPDIR/volume"
    git -C "$BATS_TEST_TMPDIR/volume" -c gpg.program=gpg -c gpg.ssh.program=ssh-keygen verify-tag v1
    event commit-signed | holds --slurp --arg id "$(git -C "$BATS_TEST_TMPDIR/volume" rev-parse v1)" \
        'any(.fields.id == $id and .fields.kind == "tag")'
    event work-committed | holds '.fields | has("unsigned") | not'
    run ! event signing-refused
    # The control: what nobody signed does not verify.
    run ! git -C "$REPO" verify-commit main
}

@test "commits and tags are signed with a key of gpg's" {
    signs_with_gpg
    commits_and_tags
    [ "$(event commit-signed | jq -r '.source.program, .fields.format, .fields.key' | sort -u)" = \
        "$(printf 'openpgp\nsigner\n%s' "$GPG_KEY" | sort)" ]
}

@test "commits and tags are signed with a key of ssh's" {
    signs_with_ssh
    commits_and_tags
    [ "$(event commit-signed | jq -r .fields.key | sort -u)" = "$(ssh-keygen -lf "$SSH_KEY" | cut -d' ' -f2)" ]
}

# bats test_tags=soak
@test "a repository of SHA-256 as well, and a literal key that an agent has" {
    rm -rf "$REPO"
    git init -q --object-format=sha256 "$REPO"
    echo x >"$REPO/x"
    git -C "$REPO" add .
    git -C "$REPO" commit -q -m First
    signs_with_ssh
    git -C "$REPO" config user.signingKey "key::$(cut -d' ' -f1,2 "$SSH_KEY.pub")"
    eval "$(ssh-agent -s)" >"$BATS_TEST_TMPDIR/agent"
    ssh-add -q "$SSH_KEY"
    local code=0
    commits_and_tags || code=$?
    kill "$SSH_AGENT_PID"
    [ "$code" -eq 0 ]
}

# bats test_tags=soak
@test "without commit.gpgSign what asks is signed, and nothing else; with sign off, or no key, nothing" {
    git -C "$REPO" config user.signingKey "$GPG_KEY"
    "$CA" run shell "$REPO" --name "$NAME" -- sh -euc 'echo 1 >1; git add 1; git commit -q -S -m asked; echo 2 >2' 2>"$SAID" || {
        cat "$SAID"
        false
    }
    git -C "$REPO" verify-commit "shell/$NAME~1"
    run ! git -C "$REPO" verify-commit "shell/$NAME"
    event work-committed | holds '.fields | has("unsigned") | not'

    signs_with_gpg
    mkdir -p "$XDG_CONFIG_HOME/coding-agents"
    echo '{"version": 1, "sign": "off"}' >"$XDG_CONFIG_HOME/coding-agents/secrets.json"
    NAME=$NAME-off
    "$CA" run shell "$REPO" --name "$NAME" -- sh -euc 'echo 1 >1; git add 1; git commit -q -m plain
        test ! -e /run/agent-services; ! git config --get-regexp "gpg|sign"'
    [ "$(git -C "$REPO" log -1 --format=%s "shell/$NAME")" = plain ]
    run ! git -C "$REPO" verify-commit "shell/$NAME"
    event session-end | holds .
    run ! event commit-signed

    rm "$XDG_CONFIG_HOME/coding-agents/secrets.json"
    git -C "$REPO" config gpg.format x509
    NAME=$NAME-x509
    "$CA" run shell "$REPO" --name "$NAME" -- true 2>"$SAID"
    grep -q "commits will not be signed: gpg.format is 'x509'" "$SAID"
}

@test "another identity, parent, key or payload is refused by its name, and what is left is committed all the same" {
    signs_with_gpg
    "$CA" run shell "$REPO" --name "$NAME" -- sh -uc '
        sign=$1 key=$2
        refused() { if said=$("$@" 2>&1); then echo "was not refused: $*"; fi; echo "$said"; }
        cd /workspace
        echo a >a && git add a
        git commit -q -m mine && echo signed
        good=$(git rev-parse HEAD)
        tree=$(git rev-parse "HEAD^{tree}")
        echo identity
        refused git -c user.name=Somebody commit -q --allow-empty -m x
        refused git commit -q --allow-empty -m x --author "Other <other@example.com>"
        refused env GIT_COMMITTER_EMAIL=other@example.com git tag -m x stolen
        echo root
        refused git commit-tree -S -m x "$tree"
        echo parent
        foreign=$(git commit-tree --no-gpg-sign -p "$good" -m foreign "$tree")
        refused git commit-tree -S -m x -p "$foreign" "$tree"
        refused git tag -m x foreign "$foreign"
        echo key
        refused git -c user.signingKey=DEADBEEF commit -q --allow-empty -m x
        refused git -c gpg.format=ssh -c "gpg.ssh.program=$sign" -c "user.signingKey=key::ssh-ed25519 AAAAC3NzaC1lZDI1NTE5" \
            commit -q --allow-empty -m x
        echo object
        printf "any text\n" >/tmp/text
        refused "$sign" --status-fd=2 -bsau "$key" </tmp/text
        git cat-file commit "$good" >/tmp/commit # with its signature
        refused "$sign" --status-fd=2 -bsau "$key" </tmp/commit
        sed "/^gpgsig/,/^ -----END/d" /tmp/commit >/tmp/plain
        "$sign" --status-fd=2 -bsau "$key" </tmp/plain >/tmp/out 2>&1 && grep -q "SIG_CREATED D 22" /tmp/out && echo control
        sed "s/^parent .*/parent 0123456789012345678901234567890123456789/" /tmp/plain >/tmp/orphan
        refused "$sign" --status-fd=2 -bsau "$key" </tmp/orphan
        head -c 200000 /dev/zero | tr "\0" x >/tmp/large
        refused "$sign" --status-fd=2 -bsau "$key" </tmp/large
        echo arguments
        refused "$sign"
        refused "$sign" --export-secret-keys
        refused "$sign" --status-fd=2 -bsau "$key" more </tmp/plain
        refused git verify-commit HEAD
        git commit-tree --no-gpg-sign -p HEAD -m unsigned "$tree" >/tmp/id
        git reset -q --soft "$(cat /tmp/id)"
        echo end >end' sh "$SIGN" "$GPG_KEY" >"$SAID" 2>&1 || { cat "$SAID"; false; }
    cat "$SAID"
    run ! grep 'was not refused' "$SAID"
    grep -qx signed "$SAID"
    grep -qx control "$SAID"
    grep -q 'agent-git-sign: not signed: the session signs what is by its user alone' "$SAID"
    grep -q 'agent-git-sign: signatures are verified on the host' "$SAID"
    [ "$(reasons | sort | uniq -c | awk '{ print $2, $1 }' | xargs)" = \
        'identity 3 key 2 object 2 parent 4 root 1' ]
    # The work of the end stands on what nobody signed: committed, not signed, and that is said.
    [ "$(git -C "$REPO" show "shell/$NAME:end")" = end ]
    run ! git -C "$REPO" verify-commit "shell/$NAME"
    event work-committed | holds '.fields.unsigned | startswith("it stands on a commit")'
    events_of "$NAME" | "$BUILD/tests/check-records" "$ROOT/policies/schema/audit.json"
    grep -q 'the commit is not signed: it stands on a commit' "$SAID"
}

# talker: a program that says to the signer what no client of ours would.
talker() {
    cat <<'PYTHON'
import os, socket, struct, sys
PATH = "/run/agent-services/signer.sock"
MAGIC = 0x53474143
def say(data, more=None):
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer.connect(PATH)
    peer.settimeout(20)
    try:
        peer.send(data)
        if more is not None:
            peer.send(more)
        answer = peer.recv(65536)
    except (BrokenPipeError, ConnectionResetError):
        return "closed"
    finally:
        peer.close()
    kind, reason = (struct.unpack("<H", answer[6:8])[0], struct.unpack("<I", answer[8:12])[0]) if len(answer) >= 12 else (0, 0)
    return "refused %d" % reason if kind == 5 else "answer %d" % kind
def head(kind, version=1, magic=MAGIC):
    return struct.pack("<IHH", magic, version, kind)
key = sys.argv[1].encode()
request = head(3) + struct.pack("<I", 1) + key.ljust(4096, b"\0")
for data in (b"x", head(1), head(1) + b"abcdefgh".ljust(16, b"\0"), head(2), head(4) + b"\0" * 128, head(9), head(3, 2),
             head(3, 1, 1), head(3), head(3) + struct.pack("<I", 1) + b"A" * 4096, request, request + b"\0" * 100,
             request + b"tree " + b"\xff" * 1000, request + b"\n" * 131072, request + b"parent " * 10000,
             head(3) + struct.pack("<I", 7) + key.ljust(4096, b"\0") + b"tree"):
    print(say(data))
print(say(request + b"y" * 131072))
for i in range(200):
    say(os.urandom(i * 37 % 5000 + 1))
crowd = []
for i in range(60):
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer.setblocking(False)
    try:
        peer.connect(PATH)
    except BlockingIOError:
        pass
    crowd.append(peer)
print("crowd")
PYTHON
}

@test "raw bytes get refusals, and the signer signs on" {
    signs_with_gpg
    talker >"$REPO/talker.py"
    git -C "$REPO" add talker.py
    git -C "$REPO" commit -q --no-gpg-sign -m talker
    "$CA" run shell "$REPO" --name "$NAME" -- sh -euc '
        python3 talker.py "$1"
        echo a >a && git add a && git commit -q -m after && echo committed' sh "$GPG_KEY" >"$SAID" 2>"$SAID.err" || {
        cat "$SAID" "$SAID.err"
        false
    }
    cat "$SAID"
    grep -qx crowd "$SAID"
    grep -qx committed "$SAID"
    run ! grep '^answer' "$SAID"
    [ "$(grep -c '^refused' "$SAID")" -eq 17 ]
    git -C "$REPO" verify-commit "shell/$NAME"
    [ "$(event commit-signed | wc -l)" -eq 1 ]
    # A crowd may be too much at once, or not.
    [ "$(reasons | grep -vx busy | sort -u | xargs)" = 'key malformed object peer' ]
    run ! event signer-lost
}

@test "who asks for more than a session signs is told to wait, and signs again later" {
    signs_with_gpg
    cat >"$REPO/flood.py" <<'PYTHON'
import socket, struct
request = struct.pack("<IHHI", 0x53474143, 1, 3, 1) + b"k".ljust(4096, b"\0") + b"tree"
for count in range(20000):
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer.connect("/run/agent-services/signer.sock")
    peer.send(request)
    answer = peer.recv(65536)
    peer.close()
    if struct.unpack("<I", answer[8:12])[0] == 4:
        print("told to wait" if count >= 1000 else "too early")
        break
PYTHON
    "$CA" run shell "$REPO" --name "$NAME" -- sh -euc '
        python3 flood.py
        rm flood.py # nothing is left for the commit at the end, which would not wait
        until git commit -q --allow-empty -m after; do sleep 0.5; done' >"$SAID" 2>"$SAID.err" || { cat "$SAID" "$SAID.err"; false; }
    grep -qx 'told to wait' "$SAID"
    git -C "$REPO" verify-commit "shell/$NAME"
    # One by one up to a thousand.
    [ "$(reasons | wc -l)" -eq 1000 ]
}

@test "the secret key and the agents of the host are nowhere in the container" {
    signs_with_ssh
    local canary
    canary=$(sed -n 3p "$SSH_KEY")
    [ "${#canary}" -gt 40 ]
    "$CA" run shell "$REPO" --name "$NAME" -- sh -uc '
        echo 1 >1 && git add 1 && git commit -q -m signed && echo committed
        while ! test -e /tmp/go; do sleep 0.2; done' >"$SAID" 2>&1 3>&- &
    local run=$!
    wait_for 120 grep -qx committed "$SAID" || { cat "$SAID"; false; }
    local container public
    container=$(container_of "$NAME")
    public=$(cut -d' ' -f2 "$SSH_KEY.pub")
    # Who runs the session's commands looks, and root: in files, environments and arguments. The control is the public key.
    # Among the sockets is the one that is meant to be there, which a list does not show.
    cat >"$BATS_TEST_TMPDIR/look" <<'LOOK'
grep -rlsF -e "$1" /workspace /home /run /tmp /etc /var /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | grep -v '^/proc/.*/cmdline$'
LOOK
    look() {
        "$DOCKER" exec -u "$1" "$container" sh -c "$(<"$BATS_TEST_TMPDIR/look")" - "$2" || true
    }
    look 10000 "$public" >"$BATS_TEST_TMPDIR/seen"
    look 0 "$public" >"$BATS_TEST_TMPDIR/seen-by-root"
    cat "$BATS_TEST_TMPDIR/seen-by-root"
    grep -qx /workspace/.git/config "$BATS_TEST_TMPDIR/seen"
    [ -s "$BATS_TEST_TMPDIR/seen-by-root" ]
    [ -z "$(look 10000 "$canary")" ]
    [ -z "$(look 0 "$canary")" ]
    [ "$("$DOCKER" exec -u agentuser "$container" agent-task-runnerctl exec -- find / -type s -not -path '/proc/*' 2>/dev/null)" = \
        /run/agent-task-runner/runner.sock ]
    "$DOCKER" exec -u agentuser "$container" agent-task-runnerctl exec -- test -S /run/agent-services/signer.sock
    run ! "$DOCKER" exec -u agentuser "$container" agent-task-runnerctl exec -- sh -c 'env | grep -E "SSH_AUTH_SOCK|GNUPGHOME"'
    # Of its two processes on the host the one that reads what a container says is below a filter.
    local pid filters=
    for pid in $(pgrep -f "coding-agents-signer --session $(id_of "$NAME")"); do
        filters+=$(awk '$1 == "Seccomp:" { printf "%s ", $2 }' "/proc/$pid/status")
    done
    [ "$filters" = '2 0 ' ] || [ "$filters" = '0 2 ' ]
    # Nobody but who commits is heard: agentcli and root of the container are refused.
    run "$DOCKER" exec -u agentcli "$container" sh -c 'cd /workspace; printf x | '"$SIGN"' --status-fd=2 -bsau k'
    [[ "$output" == *'only commands of the session'* ]]
    "$DOCKER" exec -u 10000 "$container" touch /tmp/go
    wait "$run"
}

# The user's git on the host says nothing while there is `hang`, to the signer's question alone.
@test "a repository that does not answer is a refusal in time, and the signer signs again when it does" {
    signs_with_gpg
    local real hang=$BATS_TEST_TMPDIR/hang
    real=$(command -v git)
    mkdir "$BATS_TEST_TMPDIR/bin"
    cat >"$BATS_TEST_TMPDIR/bin/git" <<GIT
#!/bin/sh
case " \$* " in
*" cat-file -t "*) if [ -e "$hang" ]; then echo asked >>"$hang"; exec sleep 600; fi ;;
esac
exec "$real" "\$@"
GIT
    chmod 0755 "$BATS_TEST_TMPDIR/bin/git"
    touch "$hang"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH "$CA" run shell "$REPO" --name "$NAME" -- sh -uc '
        start=$(date +%s)
        git commit -q --allow-empty -m hangs || echo refused
        [ $(($(date +%s) - start)) -lt 45 ] && echo in time
        while ! test -e /tmp/go; do sleep 0.2; done
        git commit -q --allow-empty -m after && echo signed' >"$SAID" 2>&1 3>&- &
    local run=$!
    wait_for 120 grep -qx 'in time' "$SAID" || { cat "$SAID"; false; }
    grep -qx refused "$SAID"
    grep -qx asked "$hang"
    rm "$hang"
    "$DOCKER" exec -u 10000 "$(container_of "$NAME")" touch /tmp/go
    wait "$run" || { cat "$SAID"; false; }
    grep -qx signed "$SAID"
    git -C "$REPO" verify-commit "shell/$NAME"
    [ "$(reasons)" = failed ]
    event signing-refused | holds '.fields.detail | test("cat-file|git")'
}

@test "a signer that is gone costs the signature and not the work" {
    signs_with_gpg
    "$CA" run shell "$REPO" --name "$NAME" -- sh -uc '
        echo 1 >1 && git add 1 && git commit -q -m signed && echo committed
        while ! test -e /tmp/go; do sleep 0.2; done
        echo 2 >2' >"$SAID" 2>&1 3>&- &
    local run=$!
    wait_for 120 grep -qx committed "$SAID" || { cat "$SAID"; false; }
    pkill -KILL -f "coding-agents-signer --session $(id_of "$NAME")"
    wait_for 30 event signer-lost
    "$DOCKER" exec -u 10000 "$(container_of "$NAME")" touch /tmp/go
    wait "$run" || { cat "$SAID"; false; }
    [ "$(git -C "$REPO" show "shell/$NAME:2")" = 2 ]
    git -C "$REPO" verify-commit "shell/$NAME~1"
    run ! git -C "$REPO" verify-commit "shell/$NAME"
    event work-committed | holds '.fields.unsigned | startswith("this session has no signer")'
    grep -q 'the commit is not signed: this session has no signer' "$SAID"
}

# bats test_tags=soak
@test "what a lost session left is committed without a signature" {
    signs_with_gpg
    "$CA" run shell "$REPO" --name "$NAME" -- sh -uc 'echo 2 >2; echo written; sleep 600' >"$SAID" 2>&1 3>&- &
    local run=$!
    wait_for 120 grep -qx written "$SAID" || { cat "$SAID"; false; }
    "$DOCKER" kill "$(container_of "$NAME")"
    wait "$run" || true
    "$CA" sync "$NAME" >"$SAID" 2>&1 || { cat "$SAID"; false; }
    [ "$(git -C "$REPO" show "shell/$NAME:2")" = 2 ]
    run ! git -C "$REPO" verify-commit "shell/$NAME"
}
