# Measures shutdowns by the audit log: what was done in which order, how long it took, and how long it might have taken.
# shellcheck shell=bash

# What may pass between a deadline and the end of what it kills, and between the grace and the last program.
KILL_ALLOWANCE_US=250000

# The shutdown's steps as the log has them, one object a line. A shutdown that failed is followed by
# one more wipe, of all that wipes.
shutdown_steps() {
    events_of "$1" | jq -c 'select(.event == "shutdown-step").fields'
}

# shows_steps NAME: for whoever reads the test's output.
shows_steps() {
    shutdown_steps "$1" | jq -r '"# '"${1%%-*}"': \(.step) \(.outcome) \(.duration_us / 1000) of \(.deadline_us / 1000) ms, \(.detail // "")"' >&3
}

# is_mirror NAME: the steps that went down are those that came up and have a way down, backwards.
is_mirror() {
    events_of "$1" | holds --slurp '
        (map(select(.event == "boot-step").fields.step) | reverse) as $mirror |
        (map(select(.event == "shutdown-step").fields.step)) as $steps |
        (if $steps[-2:] == ["data", "capabilities"] then $steps[:-2] else $steps end) as $down |
        $down == ["history", "data", "git", "capabilities", "mounts"] and ($mirror | map(select(IN($down[])))) == $down and
        ($mirror | length) > ($down | length)'
}

# is_in_time NAME SECONDS: each step by its own deadline, all of it within SECONDS from the stop on.
is_in_time() {
    shutdown_steps "$1" | holds --slurp --argjson allowance "$KILL_ALLOWANCE_US" \
        'length > 0 and all(.deadline_us > 0 and .duration_us <= .deadline_us + $allowance)'
    events_of "$1" | holds --slurp --argjson limit "$2" 'map(select(.event == "service").fields) |
        (map(select(.kind == "stop-requested"))[0].init_monotonic_ns) as $start |
        (map(select(.kind == "shutdown-done"))[-1].init_monotonic_ns) as $done |
        $done > $start and $done - $start < $limit * 1000000000'
}
