#!/bin/bash
# The boot report of an empty session: what each step takes, from the audit log of several sessions.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.bash"

make_repository "$WORK/empty" 0
for ((i = 0; i < REPEATS; i++)); do
    "$CA" run shell "$WORK/empty" --name "boot-$i" --no-push -- true >/dev/null 2>&1
done
cat "$XDG_STATE_HOME"/coding-agents/sessions/*/events.jsonl >"$WORK/events"
for step in kernel manifest mounts workspace git data drop agent; do
    jq -r --arg step "$step" 'select(.event == "boot-step" and .fields.step == $step) | .fields.duration_us / 1000' \
        "$WORK/events" | tell "boot step $step" ms 'empty session'
done
jq -r 'select(.event == "boot-report") | .fields.duration_us / 1000' "$WORK/events" |
    tell 'boot of an empty session' ms 'first step to the agent step'
