#!/bin/bash
# From `docker run` to the first byte the agent prints, interleaved with the peer: the same image with the engine's own
# init (tini) and a shell as entry point that copies the source with cp -a.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.bash"

FILES=2000
make_repository "$WORK/repo" "$FILES"

plain_ours() { first_byte "$DOCKER" run --rm "$IMAGE" echo x; }
plain_peer() { first_byte "$DOCKER" run --rm --init --entrypoint sh "$IMAGE" -c 'echo x'; }
copy_peer() {
    first_byte "$DOCKER" run --rm --init --user 0 --volume "$WORK/repo:/source:ro" --volume /workspace \
        --entrypoint sh "$IMAGE" -c 'cp -a /source/. /workspace/ && exec echo x'
}
# The whole launcher: repository looked at, branch reserved, network and volume made, boot, copy.
session_ours() { first_byte "$CA" run shell "$WORK/repo" --name "first-$1" --no-push -- echo x; }

for ((i = 0; i < REPEATS; i++)); do
    plain_ours >>"$WORK/plain-ours"
    plain_peer >>"$WORK/plain-peer"
    session_ours "$i" >>"$WORK/session-ours"
    copy_peer >>"$WORK/copy-peer"
done
tell 'plain container, first byte' ms 'agent-init, agent-boot' <"$WORK/plain-ours"
tell 'plain container, first byte, peer' ms 'docker --init and sh' <"$WORK/plain-peer"
tell_ratio 'plain container, against the peer' 'paired' "$WORK/plain-ours" "$WORK/plain-peer"
tell "session on $FILES files, first byte" ms 'launcher, network, volume, boot, copy' <"$WORK/session-ours"
tell "copy of $FILES files, first byte, peer" ms 'docker --init, sh, cp -a' <"$WORK/copy-peer"
tell_ratio 'session, against the peer' 'paired; the launcher is in ours' "$WORK/session-ours" "$WORK/copy-peer"

# The container's part of the session alone: from the engine's start of it to the agent, by the engine's own clock.
for id in $("$CA" list --json | jq -r '.. | .session? // empty'); do
    started=$("$DOCKER" inspect --format '{{.State.StartedAt}}' "coding-agents-$id")
    ready=$(jq -r 'select(.event == "boot-report") | .time' \
        "$XDG_STATE_HOME/coding-agents/sessions/$id/events.jsonl")
    awk -v a="$(date -d "$started" +%s.%N)" -v b="$(date -d "$ready" +%s.%N)" \
        'BEGIN { printf "%.1f\n", (b - a) * 1000 }'
done | tell 'session, container start to agent step' ms "$FILES files copied"
