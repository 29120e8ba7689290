# shellcheck shell=bash
# Steps that are counted. Each runs with its output in a file; what is shown is the end of it: the runners' own closing lines, or, where it
# failed, more.

# The lines in which make check, pytest and our own programs say how many passed.
CLOSING_LINES='^# (TOTAL|PASS|SKIP|XFAIL|FAIL|XPASS|ERROR): |^=+ .* in [0-9.]+s|^[0-9]+ (passed|failed).*|^\[ +(PASSED|FAILED) +\]|archives ready|^without: '
NOISE='^  (CC|CCLD|GEN|AR)  |^make(\[[0-9]+\])?: (Entering|Leaving) directory'
FAILED_TAIL=60
# How long one step may take, at the most: far more than it needs, as what hangs must fail and not stay.
STEP_SECONDS=${STEP_SECONDS:-2400}

# steps_begin FOLDER [KEEP]
steps_begin() {
    STEPS=$1 STEPS_KEEP=${2-}
    mkdir -p "$STEPS/passed" "$STEPS/failed" "$STEPS/output" "$STEPS/running"
    STEPS_BEGAN=$SECONDS
}

# bounded NAME COMMAND...: runs a command, which may be a function, as a process group of its own, and ends all of that after STEP_SECONDS.
# timeout(1) runs programs only.
bounded() {
    local name=$1 status=0 work watch
    shift
    set -m
    (set +m -euo pipefail; "$@") &
    work=$!
    (
        sleep "$STEP_SECONDS"
        echo "not done after $STEP_SECONDS s: ended"
        kill -TERM -- "-$work"
        sleep 10
        kill -KILL -- "-$work"
    ) &
    watch=$!
    set +m
    printf '%s\n' "$work" "$watch" >"$STEPS/running/$name"
    wait "$work" || status=$?
    kill -KILL -- "-$watch"
    wait "$watch" 2>/dev/null || true
    rm "$STEPS/running/$name"
    return "$status"
}

# For whoever leaves early: ends what still runs.
steps_stop() {
    local group
    while read -r group; do kill -TERM -- "-$group" 2>/dev/null || true; done < <(cat "$STEPS"/running/* 2>/dev/null)
}

# step NAME COMMAND...: never ends the script. A step has failed until it has passed. To be called plainly: behind `if`, `!`, `&&` or `||`
# bash forgets errexit, also that which a subshell sets anew, and a step would pass if its last command does.
step() {
    local name=$1 began=$SECONDS word file verdict=failed status
    shift
    word=${name//[^A-Za-z0-9]/_}
    file=$STEPS/output/$word
    : >"$STEPS/failed/$word"
    set +e
    bounded "$word" "$@" >"$file" 2>&1 </dev/null
    status=$?
    set -e
    if [ "$status" -eq 0 ]; then
        verdict=passed
        mv "$STEPS/failed/$word" "$STEPS/passed/$word"
    fi
    {
        printf '\n== %s: %s (%d s)\n' "$name" "$verdict" $((SECONDS - began))
        if [ "$verdict" = failed ]; then grep -vE "$NOISE" "$file" | tail -n "$FAILED_TAIL" || true; else grep -E "$CLOSING_LINES" "$file" | tail -n 8 || true; fi
    } >"$file.shown"
    # At once, so that steps that run side by side do not mix their lines.
    cat "$file.shown"
}

# Counts, and ends the script.
steps_end() {
    local passed failed
    passed=$(find "$STEPS/passed" -type f | wc -l)
    failed=$(find "$STEPS/failed" -type f | wc -l)
    if [ -n "$STEPS_KEEP" ]; then mkdir -p "$STEPS_KEEP" && cp -r "$STEPS/output/." "$STEPS_KEEP/"; fi
    printf '\n'
    if [ "$failed" -gt 0 ]; then
        printf 'failed:\n'
        find "$STEPS/failed" -type f -printf '  %f\n' | tr _ ' '
    fi
    printf 'took %d s\n%d passed, %d failed\n' $((SECONDS - STEPS_BEGAN)) "$passed" "$failed"
    [ "$failed" -eq 0 ] || exit 1
    exit 0
}
