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

# stage_sanitized BUILD FOLDER: puts the programs of a build with sanitizers into a staged tree. Not the plugins: they run in sshd, sudo and
# whatever else asks NSS, and AddressSanitizer must be the first library of a process, so all of the system would have to be started
# with it; the unit tests load the plugins with it instead.
# Each program is started by a script with the sanitizers' options, as sshd and the lab start them with an environment of their own.
stage_sanitized() {
    make -C "$1" -s install-sbinPROGRAMS install-binPROGRAMS install-libexecPROGRAMS DESTDIR="$2"
    local program name options
    for program in usr/sbin/tegatad usr/sbin/tegata-approvald usr/sbin/tegata-ca usr/bin/tegata usr/sbin/tegata-wipe usr/sbin/tegata-teardown usr/libexec/tegata-principals; do
        # Without libasan the tests would pass and say nothing.
        ldd "$2/$program" | grep libasan >/dev/null || die "$2/$program is not a build with sanitizers"
        name=${program##*/}
        options="halt_on_error=1:abort_on_error=0:log_path=/var/crash/$name"
        # LeakSanitizer traces the process at its end, which one that is not dumpable does not allow.
        if [ "$name" = tegatad ] || [ "$name" = tegata-ca ]; then options+=:detect_leaks=0; fi
        mv "$2/$program" "$2/$program.sanitized"
        cat >"$2/$program" <<END
#!/bin/sh
export ASAN_OPTIONS=$options UBSAN_OPTIONS=$options:print_stacktrace=1
exec /$program.sanitized "\$@"
END
        chmod 755 "$2/$program"
    done
}
