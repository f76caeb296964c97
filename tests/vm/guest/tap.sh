#!/bin/sh
# What the tests in a guest share: TAP, and waiting.
tap_count=0

# check NAME COMMAND...: one test; what the command said is shown when it failed.
check() {
    tap_name=$1
    shift
    tap_count=$((tap_count + 1))
    if "$@" >/tmp/tap 2>&1; then
        echo "ok $tap_count - $tap_name"
    else
        echo "not ok $tap_count - $tap_name"
        uniq /tmp/tap | tail -n 30 | sed 's/^/# /'
    fi
}

# The last line of a test.
plan() {
    echo "1..$tap_count"
}

# eventually COMMAND...: within a minute.
eventually() {
    for _ in $(seq 600); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    echo "never: $*"
    return 1
}

# Hundredths of a second since the guest booted, on a clock that nobody sets.
uptime_now() {
    sed 's/\([0-9]*\)\.\([0-9]*\) .*/\1\2/' /proc/uptime
}
