# shellcheck shell=bash
# What all scripts share: where the sources are, what they say, how they fail.

SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck disable=SC2034 # read by the scripts that include this
PYTHON=/usr/bin/python3
export PYTHONDONTWRITEBYTECODE=1
umask 022

note() { printf '%s\n' "$*" >&2; }

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# usage_error MESSAGE: for a wrong command line.
usage_error() {
    printf '%s: %s\nTry %s --help.\n' "${0##*/}" "$*" "${0##*/}" >&2
    exit 2
}

need_root() {
    [ "$(id -u)" -eq 0 ] || die "needs root, for its namespaces: run it with sudo"
}

# A folder of one's own that vanishes when the script ends. Sets WORK.
make_work_folder() {
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/tegata-${0##*/}.XXXXXX")
    chmod 755 "$WORK"
    trap 'rm -rf "$WORK"' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# copy_source FOLDER: the sources as they stand (also what is not committed), without anything built.
copy_source() {
    mkdir -p "$1"
    if git -c safe.directory='*' -C "$SOURCE" rev-parse --git-dir >/dev/null 2>&1; then
        (cd "$SOURCE" && git -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
            while IFS= read -r -d '' file; do
                if [ -e "$file" ]; then printf '%s\0' "$file"; fi
            done | tar -c --null -T - -f -) | tar -x -C "$1" -f -
    else
        tar -c -C "$SOURCE" --exclude='./build*' --exclude='*.pyc' --exclude=./autom4te.cache -f - . | tar -x -C "$1" -f -
    fi
}
