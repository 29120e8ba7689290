# shellcheck shell=bash
# Building and staging, the same way for every script.

JOBS=${JOBS:-$(nproc)}

# The folders that a Debian package would use, so that sshd, PAM and NSS find the plugins.
INSTALL_LAYOUT=(--prefix=/usr --sysconfdir=/etc --localstatedir=/var --libdir="/usr/lib/$(gcc -print-multiarch 2>/dev/null || true)")

# build_tree SOURCE BUILD [CONFIGURE-ARGUMENT...]: configures once, then makes everything.
build_tree() {
    local source=$1 build=$2
    shift 2
    if [ ! -x "$source/configure" ]; then (cd "$source" && autoreconf -fi); fi
    mkdir -p "$build"
    if [ ! -e "$build/config.status" ]; then (cd "$build" && "$source/configure" "${INSTALL_LAYOUT[@]}" "$@"); fi
    make -C "$build" -j"$JOBS"
}

# stage_tree BUILD FOLDER: what `make install` puts on a machine. One at a time for each build folder.
stage_tree() {
    (
        flock 9
        make -C "$1" -s install DESTDIR="$2"
    ) 9>"$1/.stage.lock"
}
