#!/bin/bash
# From `docker run` to the first byte the agent prints, interleaved with the peer: the same image with the engine's own
# init (tini) and a shell as entry point that copies the source with cp -a.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.bash"

FILES=2000
VOLUMES=coding-agents-bench-$$
clean_up() {
    "$DOCKER" volume ls -q --filter "name=$VOLUMES" | xargs -r "$DOCKER" volume rm >/dev/null
}
make_repository "$WORK/repo" "$FILES"

plain_ours() { first_byte "$DOCKER" run --rm "$IMAGE" echo x; }
plain_peer() { first_byte "$DOCKER" run --rm --init --entrypoint sh "$IMAGE" -c 'echo x'; }
# Volumes stay until the end: where ext4 has just deleted many files, making new ones is several times slower.
copy_peer() {
    first_byte "$DOCKER" run --rm --init --user 0 --volume "$WORK/repo:/source:ro" \
        --volume "$VOLUMES-$1:/workspace" --entrypoint sh "$IMAGE" -c 'cp -a /source/. /workspace/ && exec echo x'
}
# The whole launcher: repository looked at, branch reserved, network and volume made, boot, copy.
session_ours() {
    PATH=$WORK/bin:$PATH first_byte "$CA" run shell "$WORK/repo" --name "first-$1" --no-push -- echo x
    awk -v a="$(cat "$WORK/docker-run-at")" -v b="$(cat "$WORK/first-byte-at")" \
        'BEGIN { printf "%.1f\n", (b - a) * 1000 }' >>"$WORK/run-ours"
}

# The launcher's own docker run, seen on its way: when it was called.
mkdir "$WORK/bin"
printf '#!/bin/bash\n[ "$1" != run ] || echo "$EPOCHREALTIME" >%q\nexec %q "$@"\n' \
    "$WORK/docker-run-at" "$DOCKER" >"$WORK/bin/docker"
chmod 0755 "$WORK/bin/docker"

for ((i = 0; i < REPEATS; i++)); do
    plain_ours >>"$WORK/plain-ours"
    plain_peer >>"$WORK/plain-peer"
    session_ours "$i" >>"$WORK/session-ours"
    copy_peer "$i" >>"$WORK/copy-peer"
done
tell 'plain container, first byte' ms 'agent-init, agent-boot' <"$WORK/plain-ours"
tell 'plain container, first byte, peer' ms 'docker --init and sh' <"$WORK/plain-peer"
tell_ratio 'plain container, against the peer' 'paired' "$WORK/plain-ours" "$WORK/plain-peer"
tell "session on $FILES files, docker run to first byte" ms 'as shipped: agent-init, boot, copy, git' <"$WORK/run-ours"
tell "copy of $FILES files, first byte, peer" ms 'docker --init, sh, cp -a' <"$WORK/copy-peer"
tell_ratio 'session from docker run, against the peer' 'paired' "$WORK/run-ours" "$WORK/copy-peer"
tell "session on $FILES files, launcher to first byte" ms 'and repository, keeper, network, volume' <"$WORK/session-ours"
tell_ratio 'session from the launcher, against the peer' 'paired' "$WORK/session-ours" "$WORK/copy-peer"

# The container's part of the session alone: from the engine's start of it to the agent, by the engine's own clock.
for log in "$XDG_STATE_HOME"/coding-agents/sessions/*/events.jsonl; do
    id=$(basename "$(dirname "$log")")
    started=$("$DOCKER" inspect --format '{{.State.StartedAt}}' "coding-agents-$id")
    ready=$(jq -r 'select(.event == "boot-report") | .time' "$log")
    awk -v a="$(date -d "$started" +%s.%N)" -v b="$(date -d "$ready" +%s.%N)" \
        'BEGIN { printf "%.1f\n", (b - a) * 1000 }'
done | tell 'session, container start to agent step' ms "$FILES files copied"
