#!/bin/bash
# A fetch of 20,000 objects, 50 MB, through the git proxy of a session, against the same git straight to the same server with the
# password. Interleaved; both are git of the host, once in the network of the session. Root.
# shellcheck source-path=SCRIPTDIR
REPEATS=${REPEATS:-5}
. "$(dirname "$0")/common.bash"
BUILD=$ROOT/build
. "$ROOT/tests/integration/session.bash"
. "$ROOT/tests/integration/git-server.bash"

export HOME=$WORK/home GIT_CONFIG_GLOBAL=$WORK/gitconfig
SERVER=$WORK/server
mkdir "$HOME"
start_git_server "$SERVER" bench-password
clean_up() {
    "$CA" kill bench >/dev/null 2>&1 || true
    stop_git_server "$SERVER"
}
git config --global "http.https://$SITE/.sslCAInfo" "$SERVER.ca.pem"
git config --global credential.helper "store --file $HOME/passwords"
git config --global user.name bench
git config --global user.email bench@example.com
echo "https://jane:bench-password@$SITE" >"$HOME/passwords"

git init -q -b main "$WORK/source"
python3 - "$WORK/source" <<'PYTHON'
import os, sys
for number in range(19800):
    path = os.path.join(sys.argv[1], str(number // 100))
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, str(number)), "wb") as file:
        file.write(os.urandom(2500))
PYTHON
git -C "$WORK/source" add .
git -C "$WORK/source" commit -q -m Files
git clone -q --bare "$WORK/source" "$SERVER/x.git"
git -C "$SERVER/x.git" repack -q -a -d

# The session's own copy is small: what is measured is the way to the server.
git init -q -b main "$WORK/small"
git -C "$WORK/small" commit -q --allow-empty -m Nothing
git -C "$WORK/small" remote add origin "https://$SITE/x.git"
"$CA" run shell "$WORK/small" --name bench --no-push -- sh -c 'until [ -e enough ]; do sleep 0.2; done' >/dev/null 2>&1 </dev/null &
wait_for 120 "$DOCKER" exec "coding-agents-$(wait_for 60 id_of bench >/dev/null && id_of bench)" pgrep -f agent-git-relay
PID=$("$DOCKER" inspect -f '{{.State.Pid}}' "$(container_of bench)")

# timed NAME COMMAND...: its seconds.
timed() {
    local name=$1 start=$EPOCHREALTIME
    shift
    rm -rf "$WORK/copy"
    sync
    start=$EPOCHREALTIME
    "$@" "$WORK/copy"
    awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f\n", b - a }' >>"$WORK/$name"
}

direct() { git clone -q --bare "https://$SITE/x.git" "$1"; }
proxied() { nsenter --net="/proc/$PID/ns/net" git clone -q --bare http://127.0.0.1:9417/origin.git "$1"; }

# Once each without counting: the first asks for the credential, and fills the server's cache.
direct "$WORK/first" && proxied "$WORK/second"
for ((i = 0; i < REPEATS; i++)); do
    timed direct direct
    timed proxied proxied
done
objects=$(git -C "$WORK/copy" rev-list --objects --all | wc -l)
tell 'fetch, straight' s "$objects objects, https with a password" <"$WORK/direct"
tell 'fetch, through the git proxy' s 'the same' <"$WORK/proxied"
tell_ratio 'fetch, through the git proxy to straight' paired "$WORK/proxied" "$WORK/direct"
