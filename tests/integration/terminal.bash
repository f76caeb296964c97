# A person's terminals for tests: windows of a tmux that belongs to the test, typed into and looked at.
# shellcheck shell=bash

# In setup, once NAME is set. A tmux that lost its last window ends, and would take the next one with it: one stays. Another
# run's test of the same name has another.
terminal_setup() {
    TERMINALS=$NAME-$$
    tmux -L "$TERMINALS" -f /dev/null new-session -d -s kept 'exec sleep 600' 3>&-
}

terminal_teardown() {
    tmux -L "$TERMINALS" kill-server 2>/dev/null || true
}

# Every window as it is now: bats shows it when the test has failed.
terminal_show_all() {
    local window
    for window in $(tmux -L "$TERMINALS" list-sessions -F '#{session_name}' 2>/dev/null); do
        echo "--- $window"
        screen "$window" -S - | grep .
    done
}

# terminal WINDOW COMMAND: a terminal of 100 by 30 that runs the command line. How it ended stays on the screen, with
# the state the terminal was left in.
terminal() {
    tmux -L "$TERMINALS" -f /dev/null new-session -d -s "$1" -x 100 -y 30 \
        "$2; echo \"ended=\$? \$(stty -a | grep -ow -- '-\\?icanon')\"; exec sleep 600" 3>&-
}

keys() { tmux -L "$TERMINALS" send-keys -t "$1" "${@:2}"; }
# What the window shows, and with -S - what scrolled out of it as well.
screen() { tmux -L "$TERMINALS" capture-pane -p -J -t "$@"; }
shows() { screen "$1" | grep -q -- "$2"; }
resize() { tmux -L "$TERMINALS" resize-window -t "$1" -x "$2" -y "$3"; }
