#!/usr/bin/env bats
# A session's https remotes, against a real git http-backend behind TLS and a password: git works, the credential stays on the
# host, and nothing else of the host or the remote is reached.
# runs as: root
# shellcheck disable=SC2016 # what stands in single quotes is for the shell inside

load common
load session
load git-server

CANARY=c4n4ry-git-8d1e-not-a-real-token
CONTROL=c0ntr0l-git-55aa-in-the-open
EMPTY_PACK='PACK\0\0\0\2\0\0\0\0\002\235\010\202\073\330\250\352\265\020\255\152\307\134\202\074\375\076\323\036'

setup_file() {
    bats_require_minimum_version 1.5.0
    session_setup_file
    export SERVER=$BATS_FILE_TMPDIR/server LOG=$BATS_FILE_TMPDIR/server.log
    start_git_server "$SERVER" "$CANARY"
}

teardown_file() {
    stop_git_server "$SERVER"
    session_teardown_file
}

# Each test has a repository on the server, a clone of it, and a home where git finds the password.
setup() {
    export HOME=$BATS_TEST_TMPDIR/home XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/home/.config
    export GIT_CONFIG_GLOBAL=$BATS_TEST_TMPDIR/gitconfig
    mkdir -p "$XDG_CONFIG_HOME/coding-agents"
    cp "$BATS_FILE_TMPDIR/gitconfig" "$GIT_CONFIG_GLOBAL"
    git config --global "http.https://$SITE/.sslCAInfo" "$SERVER.ca.pem"
    git config --global credential.helper "store --file $HOME/passwords"
    echo "https://jane:$CANARY@$SITE" >"$HOME/passwords"
    echo "$CANARY" >"$SERVER/password"
    PROJECT=team/project-$BATS_TEST_NUMBER
    URL=https://$SITE/$PROJECT.git
    BARE=$SERVER/$PROJECT.git
    REPO=$BATS_TEST_TMPDIR/repo
    NAME=git-$BATS_TEST_NUMBER
    SAID=$BATS_TEST_TMPDIR/said
    RULES=$XDG_CONFIG_HOME/coding-agents/git.json
    new_repository "$REPO"
    git init -q --bare "$BARE"
    git -C "$BARE" config http.receivepack true
    git -C "$REPO" remote add origin "$URL"
    git -C "$REPO" push -q -u origin main
    FIRST=$(git -C "$REPO" rev-parse HEAD)
}

teardown() {
    "$CA" kill "$NAME" >/dev/null 2>&1 || true
}

# start SCRIPT [OPTION...]: a session that runs it, says `through`, and then waits for leave to end.
start() {
    printf '%s\necho\necho through\nuntil [ -e enough ]; do sleep 0.2; done\n' "$1" >"$REPO/try.sh"
    : >"$SAID"
    "$CA" run shell "$REPO" --name "$NAME" "${@:2}" -- sh try.sh >"$SAID" 2>"$SAID.err" 3>&- &
    RUN=$!
    wait_for 120 grep -qx through "$SAID" || { cat "$SAID" "$SAID.err"; false; }
}

finish() {
    "$DOCKER" exec --user 10000 "$(container_of "$NAME")" touch /workspace/enough
    wait "$RUN" || { cat "$SAID" "$SAID.err"; false; }
}

# try SCRIPT [OPTION...]: a session that runs it. What it said is in $SAID, both streams.
try() {
    start "exec 2>&1
$1" "${@:2}"
    finish
}

event() {
    events_of "$NAME" | jq -c --arg event "$1" 'select(.event == $event) | .fields' | grep .
}

# is_told FILTER EVENT
is_told() {
    event "$2" | holds "$1"
}

said() {
    grep -qF -- "$1" "$SAID" || { cat "$SAID" "$SAID.err"; false; }
}

# lacks_password KNOWN: what comes in has KNOWN, so that it is what it should be, and not the password.
lacks_password() {
    local found
    found=$(grep -aoF -e "$1" -e "$CANARY" | sort -u)
    [ "$found" = "$1" ] || { echo "instead of $1: $found" >&2; false; }
}

# The session's directory of sockets, and of what is staged for the container.
runtime_directory() {
    local own=${XDG_RUNTIME_DIR:-}
    [ -d "$own" ] && [ "$(stat -c %u "$own")" = "$(id -u)" ] || own=
    if [ -n "$own" ]; then own+=/coding-agents; else own=/dev/shm/coding-agents-$(id -u); fi
    find "$own" -mindepth 1 -maxdepth 1 -name "$(id_of "$NAME")" | grep .
}

# holders WORD: the processes of the session of which WORD is in the memory, arguments or environment.
holders() {
    local pid
    for pid in $("$DOCKER" top "$(container_of "$NAME")" -eo pid | tail -n +2); do
        python3 - "$pid" "$1" <<'PYTHON'
import re, sys
pid, word = sys.argv[1], sys.argv[2].encode()
with open(f"/proc/{pid}/cmdline", "rb") as a, open(f"/proc/{pid}/environ", "rb") as e:
    found = word in a.read() or word in e.read()
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
    for line in maps:
        start, end = (int(x, 16) for x in re.match(r"(\w+)-(\w+) r", line).groups()) if " r" in line else (0, 0)
        if "[vvar" in line or "[vsyscall" in line:
            continue
        try:
            memory.seek(start)
            found = found or word in memory.read(end - start)
        except OSError:
            pass
if found:
    print(pid, open(f"/proc/{pid}/comm").read().strip())
PYTHON
    done
}

# pkt FORMAT: a line of git's, in printf's words.
RAW='pkt() { text=$(printf "$1" | od -An -v -tx1 | tr -d " \n"); printf "%04x" $((${#text} / 2 + 4)); printf "$1"; }
push() { { pkt "$1 $2 $3\\0report-status agent=test\\n"; printf 0000; printf "'$EMPTY_PACK'"; } |
    curl -s -H "Content-Type: application/x-git-receive-pack-request" --data-binary @- \
        http://127.0.0.1:9417/origin.git/git-receive-pack; }'

@test "git fetches, clones and pushes, and the password is nowhere in the container" {
    git clone -q "$URL" "$BATS_TEST_TMPDIR/other"
    git -C "$BATS_TEST_TMPDIR/other" commit -q --allow-empty -m 'Made elsewhere'
    git -C "$BATS_TEST_TMPDIR/other" push -q origin main
    : >"$LOG"
    start "set -e
        git fetch -q origin && git merge -q --ff-only origin/main && git log -1 --format='has %s'
        git clone -q $URL /tmp/clone && ls /tmp/clone
        echo more >more && git add more && git commit -qm 'Made inside' && git push origin HEAD:refs/heads/shell/$NAME
        git commit -q --allow-empty -m 'And again' && git push -q origin HEAD:refs/heads/shell/$NAME
        CONTROL=$CONTROL tail -f /dev/null &"
    grep -qx 'has Made elsewhere' "$SAID"
    grep -qx file "$SAID"
    [ "$(git -C "$BARE" log -2 --format=%s "shell/$NAME" | tr '\n' ' ')" = 'And again Made inside ' ]
    # The remote was asked without a credential once, and nothing of the container's own went with it.
    [ "$(grep -c unknown "$LOG")" -eq 1 ]
    run ! grep -iE 'cookie|pragma|accept-language' "$LOG"

    holders "$CONTROL" | grep -q ' tail$'
    [ -z "$(holders "$CANARY")" ]
    local container id pid pids
    id=$(id_of "$NAME")
    container=$(container_of "$NAME")
    "$DOCKER" export "$container" | lacks_password agentgit
    "$DOCKER" inspect "$container" | lacks_password "$container"
    find "$XDG_STATE_HOME/coding-agents" -type f -exec cat {} + | lacks_password "$URL"
    find "$REPO/.git" -type f -exec cat {} + | lacks_password "$URL"
    find "$(runtime_directory)" -type f -exec cat {} + | lacks_password "$URL"
    pids=$(pgrep -f "$id")
    for pid in $pids; do
        cat "/proc/$pid/cmdline" "/proc/$pid/environ" | lacks_password "$id"
    done
    finish
    "$DOCKER" run --rm --network none --entrypoint tar \
        --mount "type=volume,source=$container,destination=/v,readonly" "$SHELL_IMAGE" --create --directory /v . |
        lacks_password "CONTROL=$CONTROL"

    event git-credential-given | holds --slurp "map(.url) == [\"$URL\"] and .[0].to == \"proxy\""
    event git-proxied | holds --slurp 'all(.outcome == "served" and .has_credential and .status == 200)'
    event git-pushed | holds --slurp "map(.ref) == [\"refs/heads/shell/$NAME\", \"refs/heads/shell/$NAME\"] and
        .[0].new == .[1].old"
    chain_holds "$NAME"
}

@test "the proxy has no file, socket or program to turn to, and the relay is nobody" {
    start 'git fetch -q origin'
    local pid relay
    pid=$(pgrep -o -f "coding-agents-git-proxy --session $(id_of "$NAME")")
    grep -qx 'Seccomp:	2' "/proc/$pid/status"
    grep -qx 'NoNewPrivs:	1' "/proc/$pid/status"
    [ "$(awk '/VmLck/ {print $2}' "/proc/$pid/status")" -ge 4096 ]
    [ "$(stat -c %U "/proc/$pid/fd")" = root ]
    relay=$("$DOCKER" top "$(container_of "$NAME")" -eo pid,comm | awk '$2 == "agent-git-relay" {print $1}')
    grep -q '^Uid:	10005	10005	10005	10005$' "/proc/$relay/status"
    run ! grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb):.*[1-9a-f]' "/proc/$relay/status"
    # Killed, it is started again, and the port stays its own meanwhile.
    kill -KILL "$relay"
    "$DOCKER" exec "$(container_of "$NAME")" agent-task-runnerctl exec -- git fetch origin
    # Somebody else's connection is not served: root of the container reaches the socket, and is not the relay.
    run ! "$DOCKER" exec "$(container_of "$NAME")" curl -s --unix-socket /run/coding-agents/private/sockets/git-proxy.sock \
        'http://x/origin.git/info/refs?service=git-upload-pack'
    wait_for 30 is_told 'select(.what == "git-peer")' limit-hit
    kill -KILL "$pid"
    run ! "$DOCKER" exec "$(container_of "$NAME")" agent-task-runnerctl exec -- git fetch origin
    wait_for 30 grep -q 'the git proxy of the session has ended' "$XDG_STATE_HOME/coding-agents/sessions/$(id_of "$NAME")/keeper.log"
    finish
}

@test "no other path, method, host or service is reached" {
    git init -q --bare "$SERVER/team/secret.git"
    git -C "$REPO" push -q "https://$SITE/team/secret.git" main
    : >"$LOG"
    try 'at() { : >answer; curl -s -o answer -w "%{http_code} " "$@"; head -1 answer; [ -s answer ] || echo; }
        base=http://127.0.0.1:9417
        at "$base/origin.git/info/refs?service=git-upload-pack" | grep -ac "service=git-upload-pack"
        at "$base/"
        at "$base/origin.git/HEAD"
        at "$base/origin.git/objects/info/packs"
        at "$base/origin.git/info/refs"
        at "$base/origin.git/info/refs?service=git-upload-archive"
        at "$base/origin.git/info/refs?service=git-upload-pack&x=y"
        at --path-as-is "$base/origin.git/../secret.git/info/refs?service=git-upload-pack"
        at --path-as-is "$base/origin.git/%2e%2e/secret.git/info/refs?service=git-upload-pack"
        at "$base//info/refs?service=git-upload-pack"
        at --request-target "http://'"$SITE"'/team/secret.git/info/refs?service=git-upload-pack" $base
        at -X PUT -d x "$base/origin.git/git-receive-pack"
        at -X DELETE "$base/origin.git/git-upload-pack"
        at -X POST -d "{}" "$base/origin.git/info/lfs/objects/batch"
        at -X CONNECT --request-target "'"$SITE"'" $base
        at -H "Host: elsewhere.invalid" "$base/origin.git/info/refs?service=git-upload-pack" | grep -c "^200"
        at "$base/origin.gitmore/info/refs?service=git-upload-pack" -w "%{http_code} %{redirect_url} "'
    [ "$(head -1 "$SAID")" = 1 ]
    [ "$(grep -c "^403 coding-agents: nothing but git's own requests" "$SAID")" -eq 13 ]
    grep -q "^307 https://$SITE/$PROJECT.gitmore/info/refs?service=git-upload-pack" "$SAID"
    grep -q '^501 {"message": "coding-agents: files of Git LFS do not come through the git proxy' "$SAID"
    run ! grep -v "/$PROJECT.git/info/refs" "$LOG"
    [ "$(event git-proxied | jq -c 'select(.outcome == "refused")' | wc -l)" -eq 14 ]
}

@test "a push changes branches of the session's agent alone, and of these what it pushed itself" {
    git -C "$REPO" commit -q --allow-empty -m 'Of others'
    local theirs
    theirs=$(git -C "$REPO" rev-parse HEAD)
    git -C "$REPO" push -q origin HEAD:refs/heads/shell/theirs
    git -C "$REPO" reset -q --hard "$FIRST"
    try "$RAW"'
        git fetch -q origin
        git commit -q --allow-empty -m inside
        git push origin HEAD:refs/heads/other
        git push origin HEAD:refs/tags/mine
        git push --atomic origin HEAD:refs/heads/shell/one HEAD:refs/heads/two
        git push origin HEAD:refs/heads/shell/mine
        git commit -q --allow-empty -m more && git push origin HEAD:refs/heads/shell/mine
        echo raw
        push '"$theirs $FIRST"' refs/heads/shell/theirs
        push '"$theirs $(printf '0%.0s' {1..40})"' refs/heads/shell/theirs
        push '"$FIRST $theirs"' refs/heads/main
        push $(git rev-parse HEAD) '"$FIRST"' refs/heads/shell/mine
        printf 0000 | curl -s -o /dev/null -w "%{http_code}\n" -H "Content-Type: application/x-git-receive-pack-request" \
            --data-binary @- http://127.0.0.1:9417/origin.git/git-receive-pack
        printf "00ffnonsense" | curl -s --data-binary @- http://127.0.0.1:9417/origin.git/git-receive-pack
        printf 0000 | gzip | curl -s -H "Content-Encoding: gzip" --data-binary @- http://127.0.0.1:9417/origin.git/git-receive-pack'
    said 'remote: coding-agents: the push of refs/heads/other is refused: the rules for pushes do not name it'
    said '! [remote rejected] HEAD -> other (the rules for pushes do not name it)'
    said '! [remote rejected] HEAD -> mine (the rules for pushes do not name it)'
    said '! [remote rejected] HEAD -> shell/one (the push is refused as a whole)'
    # What git would not have asked: the old value is right, so the remote would do it.
    said 'ng refs/heads/shell/theirs it is there, and has something that this session did not push'
    said 'ng refs/heads/shell/theirs no session may delete a ref'
    said 'ng refs/heads/main the rules'
    said 'ok refs/heads/shell/mine'
    said 'a push that is encoded is not passed on'
    [ "$(git -C "$BARE" for-each-ref --format='%(refname)=%(objectname)' | tr '\n' ' ')" = \
        "refs/heads/main=$FIRST refs/heads/shell/mine=$FIRST refs/heads/shell/theirs=$theirs " ]
    event git-push-refused | holds --slurp 'map(.ref) | index("refs/heads/other") and index("refs/tags/mine") and
        index("refs/heads/two") and index("refs/heads/main")'
    chain_holds "$NAME"
}

# The control of what stands above: the same requests, let through by the user.
@test "the user's rules for pushes are in force, and a mistake in them ends the start by its name" {
    git -C "$REPO" commit -q --allow-empty -m 'Of others'
    local theirs
    theirs=$(git -C "$REPO" rev-parse HEAD)
    git -C "$REPO" push -q origin HEAD:refs/heads/shell/theirs
    git -C "$REPO" reset -q --hard "$FIRST"
    echo '{"version": 1, "push": {"branches": ["refs/heads/{agent}/*", "refs/tags/v*"], "updates": "any", "deletions": "own"}}' >"$RULES"
    try "$RAW"'
        git push origin HEAD:refs/tags/v1
        git push origin HEAD:refs/heads/other
        push '"$theirs $FIRST"' refs/heads/shell/theirs
        git push -q origin HEAD:refs/heads/shell/mine
        push $(git rev-parse HEAD) '"$(printf '0%.0s' {1..40})"' refs/heads/shell/mine'
    said '[new tag]'
    said '! [remote rejected] HEAD -> other'
    [ "$(git -C "$BARE" for-each-ref --format='%(refname)=%(objectname)' | tr '\n' ' ')" = \
        "refs/heads/main=$FIRST refs/heads/shell/theirs=$FIRST refs/tags/v1=$FIRST " ]

    echo '{"version": 1, "push": {"branches": ["main"]}}' >"$RULES"
    run -209 "$CA" run shell "$REPO" -- true
    [[ $output == *"git.json': push.branches[0] does not begin with refs/"* ]]
}

@test "commands get a credential only where the user says so, for that URL alone, on record" {
    local ask='ask() { printf "protocol=https\nhost=%s\npath=%s\n\n" "$1" "$2" | git-credential-coding-agents get; }'
    try "$ask
        ask $SITE $PROJECT.git
        git config --get-regexp '^credential' || echo none"
    said "commands may not have the credential of $URL"
    said none
    run ! grep "$CANARY" "$SAID"
    event git-credential-refused | holds --slurp 'length == 1 and .[0].to == "command"'

    local before
    before=$(<"$HOME/passwords")
    # shellcheck disable=SC2030,SC2031 # of this test alone
    NAME=$NAME-allowed
    echo "{\"version\": 1, \"credentials\": [\"$URL\"]}" >"$RULES"
    try "$ask
        ask $SITE $PROJECT.git
        ask $SITE team/other.git
        ask '$SITE;id' $PROJECT.git
        printf 'protocol=https\nhost=%s\n\n' $SITE | git-credential-coding-agents get
        printf 'protocol=https\nhost=%s\npath=%s\nurl=https://x/y\n' $SITE $PROJECT.git | git-credential-coding-agents get
        git-credential-coding-agents store </dev/null && git-credential-coding-agents erase </dev/null && echo kept
        git config --get-regexp '^credential'"
    [ "$(grep -cx "password=$CANARY" "$SAID")" -eq 1 ]
    [ "$(grep -cx username=jane "$SAID")" -eq 1 ]
    said "commands may not have the credential of https://$SITE/team/other.git"
    said kept
    said "credential.$URL.helper /usr/local/bin/git-credential-coding-agents"
    event git-credential-given | holds --slurp 'map(.to) == ["command"]'
    [ "$(event git-credential-refused | wc -l)" -eq 4 ]
    # The user's store is as it was.
    [ "$(<"$HOME/passwords")" = "$before" ]
}

# Once bytes of a socket went to a shell of the host.
@test "shell metacharacters in a host, path or user do nothing on the host" {
    local odd="https://$SITE/\$(touch\${IFS}$BATS_TEST_TMPDIR/one)/;touch\${IFS}$BATS_TEST_TMPDIR/two;/x.git"
    git -C "$REPO" remote add odd "$odd"
    echo "https://\$(touch \$PWD/three):\`touch four\`@$SITE" >"$HOME/passwords"
    echo "{\"version\": 1, \"credentials\": [\"$odd\"]}" >"$RULES"
    : >"$LOG"
    try 'git ls-remote odd
        git ls-remote origin
        printf "protocol=https\nhost='"$SITE"'\npath=\$(touch '"$BATS_TEST_TMPDIR"'/five)/x\n\n" | git-credential-coding-agents get
        curl -s "http://127.0.0.1:9417/\$(touch%20'"$BATS_TEST_TMPDIR"'/six)/info/refs?service=git-upload-pack"'
    # The control: they went all the way.
    grep -qF 'touch${IFS}' "$LOG"
    [ -z "$(find "$BATS_TEST_TMPDIR" "$SERVER" / -maxdepth 2 \( -name one -o -name two -o -name three -o -name four \
        -o -name five -o -name six \) 2>/dev/null)" ]
}

# bats test_tags=soak
@test "what a remote refuses is said as it is, and nothing is taken out of the user's store" {
    echo "https://jane:wrong@$SITE" >"$HOME/passwords"
    git -C "$REPO" remote add moved "https://$SITE/moved/x.git"
    git -C "$REPO" remote add open "https://$SITE/open/nothing.git"
    git -C "$REPO" remote add gone https://localhost:1/x.git
    : >"$LOG"
    start 'exec 2>&1
        git ls-remote origin; git ls-remote moved; git ls-remote open; git ls-remote gone'
    said "localhost does not accept the credential that git on the host has for $URL"
    said 'has moved (301), which is not followed'
    said 'localhost has no such repository, or does not show it (404)'
    said 'localhost is not reached: Connection refused'
    [ "$(<"$HOME/passwords")" = "https://jane:wrong@$SITE" ]
    # Put right on the host, it is right in the session.
    echo "https://jane:$CANARY@$SITE" >"$HOME/passwords"
    "$DOCKER" exec "$(container_of "$NAME")" agent-task-runnerctl exec -- git ls-remote origin | grep -q refs/heads/main
    # And without any, git says where to log in.
    : >"$HOME/passwords"
    echo changed >"$SERVER/password"
    run ! "$DOCKER" exec "$(container_of "$NAME")" agent-task-runnerctl exec -- git ls-remote origin
    [[ $output == *'log in there, so that git fetches without asking'* ]]
    finish
    event git-credential-refused | holds --slurp 'length == 1'
}

# Both are refused before either has one, and the helper takes as long as it takes for that.
# bats test_tags=soak
@test "two fetches at once, the first of their session, both get the one credential" {
    git config --global credential.helper "!f() { sleep 3; git credential-store --file $HOME/passwords \"\$@\"; }; f"
    : >"$LOG"
    try 'git fetch origin >one 2>&1 & first=$!
        git ls-remote origin >two 2>&1 & second=$!
        wait $first && echo first-done
        wait $second && echo second-done
        cat one two; rm one two'
    said first-done
    said second-done
    said refs/heads/main
    # The control: they were at it together, and git was asked twice.
    [ "$(grep -c unknown "$LOG")" -eq 2 ]
    [ "$(event git-credential-given | wc -l)" -eq 2 ]
    run ! event git-credential-refused
    event git-proxied | holds --slurp 'all(.outcome == "served")'
}

@test "a remote that nobody vouches for is not spoken to" {
    git config --global --unset "http.https://$SITE/.sslCAInfo"
    : >"$LOG"
    try 'git ls-remote origin'
    said 'localhost is not reached: SSL'
    run ! grep -q sslVerify "$SAID"
    [ ! -s "$LOG" ]

    # Git on the host speaks to it, when it is told to speak to anybody.
    git config --global "http.https://$SITE/.sslVerify" false
    git -C "$REPO" ls-remote origin | grep -q refs/heads/main
    : >"$LOG"
    # shellcheck disable=SC2030,SC2031 # of this test alone
    NAME=$NAME-off
    try 'git ls-remote origin'
    said 'http.sslVerify is off for it on the host, which does not count in a session: set http.sslCAInfo'
    [ ! -s "$LOG" ]
}

# client_certificate NAME: NAME.pem and NAME.key, by who signed the server's.
client_certificate() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.csr" -subj /CN=jane 2>/dev/null
    openssl x509 -req -in "$1.csr" -CA "$SERVER.ca.pem" -CAkey "$SERVER.ca.key" -CAcreateserial -out "$1.pem" -days 30 2>/dev/null
}

# bats test_tags=soak
@test "a remote that wants a certificate is shown the one of the host's git, and its key stays there" {
    local own=$BATS_TEST_TMPDIR/jane bare=$SERVER/certified/x-$BATS_TEST_NUMBER.git key
    client_certificate "$own"
    git init -q --bare "$bare"
    git -C "$REPO" push -q "$bare" main
    git -C "$REPO" remote add certified "https://$SITE/certified/x-$BATS_TEST_NUMBER.git"
    # The control: nobody is let in without one.
    run ! git -C "$REPO" ls-remote certified
    [[ $output == *403* ]]
    git config --global "http.https://$SITE/.sslCert" "$own.pem"
    git config --global "http.https://$SITE/.sslKey" "$own.key"
    start 'git ls-remote certified && git fetch -q certified && git fetch -q origin && echo fetched'
    said refs/heads/main
    said fetched
    key=$(sed -n 2p "$own.key")
    [ "${#key}" -gt 40 ]
    [ -z "$(holders "$key")" ]
    finish

    openssl ec -aes256 -passout pass:secret -in "$own.key" -out "$own.key.locked" 2>/dev/null
    git config --global "http.https://$SITE/.sslKey" "$own.key.locked"
    # shellcheck disable=SC2030,SC2031 # of this test alone
    NAME=$NAME-locked
    try 'git ls-remote certified'
    said 'wants a passphrase, which nobody can be asked for: set http.sslKey to one without'

    git config --global "http.https://$SITE/.sslKey" "$own.key.gone"
    # shellcheck disable=SC2030,SC2031 # of this test alone
    NAME=$NAME-gone
    try 'git ls-remote certified'
    said "the client certificate that git on the host has for it: open '$own.key.gone': No such file or directory"
}

# bats test_tags=soak
@test "a session without a network, or whose user wants none, has no proxy" {
    try 'git ls-remote origin; git config --get-regexp ^url || echo none' --network restricted
    said none
    run ! grep -q refs/heads/main "$SAID"
    # shellcheck disable=SC2030,SC2031 # of this test alone
    NAME=$NAME-off
    echo '{"version": 1, "proxy": "off"}' >"$RULES"
    try 'git config --get-regexp ^url || echo none; ps -e | grep git-relay || echo nobody'
    said none
    said nobody
    event session-start | holds .
    run ! event git-proxied
}
