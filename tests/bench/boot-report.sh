#!/bin/bash
# The boot report of an empty session: what each step takes, from the audit log of several sessions.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.bash"

make_repository "$WORK/empty" 0
for ((i = 0; i < REPEATS; i++)); do
    "$CA" run shell "$WORK/empty" --name "boot-$i" --no-push -- true >/dev/null 2>&1
done
cat "$XDG_STATE_HOME"/coding-agents/sessions/*/events.jsonl >"$WORK/events"
# In the order in which they come.
steps=$(jq -r 'select(.event == "boot-step").fields.step' "$WORK/events" | awk '!seen[$0]++')
for step in $steps; do
    jq -r --arg step "$step" 'select(.event == "boot-step" and .fields.step == $step) | .fields.duration_us / 1000' \
        "$WORK/events" | tell "boot step $step" ms 'empty session'
done
# total STEP...: what each session's boot took in all, without these steps.
total() {
    jq -rn '[inputs | select(.event == "boot-report" or .event == "boot-step")] | group_by(.session)[] |
        (map(select(.event == "boot-report").fields.duration_us) | add) -
        (map(select(.event == "boot-step" and (.fields.step | IN($ARGS.positional[]))).fields.duration_us) | add // 0) |
        . / 1000' "$WORK/events" --args "$@"
}
total | tell 'boot of an empty session' ms 'first step to the agent step'
total workspace | tell 'boot of an empty session, without the copy' ms 'first step to the agent step, less the step workspace'
