# shellcheck shell=bash
# Steps that are counted. Each runs with its output in a file; what is shown is the end of it: the runners' own closing lines, or, where it
# failed, more.

# The lines in which make check, pytest and our own programs say how many passed.
CLOSING_LINES='^# (TOTAL|PASS|SKIP|XFAIL|FAIL|XPASS|ERROR): |^=+ .* in [0-9.]+s|^[0-9]+ (passed|failed).*|^\[ +(PASSED|FAILED) +\]|archives ready'
NOISE='^  (CC|CCLD|GEN|AR)  |^make(\[[0-9]+\])?: (Entering|Leaving) directory'
FAILED_TAIL=60

# steps_begin FOLDER [KEEP]
steps_begin() {
    STEPS=$1 STEPS_KEEP=${2-}
    mkdir -p "$STEPS/passed" "$STEPS/failed" "$STEPS/output"
    STEPS_BEGAN=$SECONDS
}

# step NAME COMMAND...: never ends the script.
step() {
    local name=$1 began=$SECONDS file verdict=passed
    shift
    file=$STEPS/output/${name//[^A-Za-z0-9]/_}
    (set -euo pipefail; "$@") >"$file" 2>&1 </dev/null || verdict=failed
    : >"$STEPS/$verdict/${name//[^A-Za-z0-9]/_}"
    {
        printf '\n== %s: %s (%d s)\n' "$name" "$verdict" $((SECONDS - began))
        if [ "$verdict" = failed ]; then grep -vE "$NOISE" "$file" | tail -n "$FAILED_TAIL"; else grep -E "$CLOSING_LINES" "$file" | tail -n 8 || true; fi
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
