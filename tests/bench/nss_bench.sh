#!/usr/bin/env bash
# Lookups in libnss_tegata beside the other NSS modules of Debian that can hold passwd entries of their own, in one run, with 10 and
# with 100,000 users. Usage: nss_bench.sh BUILDDIR [--quick]
#
# Run as root. The modules are installed into a copy of this machine's root that exists only in a mount namespace (an overlay over /, with
# what changes in memory): nothing stays behind. Without network the modules that are not there are left out.
set -euo pipefail
export LC_ALL=C
build=$(cd "${1:?name the build directory}" && pwd)
if [ -z "${NSS_BENCH_INSIDE:-}" ]; then
    NSS_BENCH_INSIDE=yes exec unshare --mount --propagation private -- "$0" "$@"
fi
bench=$build/tests/bench/nss_bench
ours=$build/tests/unit/.libs/libnss_tegata_test.so.2
modules=(tegata files systemd extrausers cache db sss)
if [ "${2-}" = --quick ]; then modules=(tegata); fi
sssd=''

work=$(mktemp -d)
leave() {
    if [ -n "$sssd" ]; then kill "$sssd" 2>/dev/null && wait "$sssd" 2>/dev/null; fi
    rm -rf "$build/tests/unit/nss.d"
    umount -l "$work" && rmdir "$work"
}
trap leave EXIT
trap 'exit 1' INT TERM

make_root() {
    mount -t tmpfs tmpfs "$work"
    mkdir "$work"/{upper,work,root}
    mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$work/root"
    mount --rbind /proc "$work/root/proc"
    mount --rbind /dev "$work/root/dev"
    mount -t tmpfs tmpfs "$work/root/run"
    mount -t tmpfs tmpfs "$work/root/tmp"
    # The build folder may lie on a file system that an overlay over / does not show.
    mkdir -p "$work/root$build"
    mount --bind "$build" "$work/root$build"
}

within() { chroot "$work/root" "$@"; }

install_modules() {
    # Nothing that is installed here may start by itself.
    printf '#!/bin/sh\nexit 101\n' >"$work/root/usr/sbin/policy-rc.d"
    chmod 755 "$work/root/usr/sbin/policy-rc.d"
    # Names are resolved by the file, which may lie in /run.
    cat /etc/resolv.conf >"$work/resolv.conf" 2>/dev/null || true
    rm -f "$work/root/etc/resolv.conf"
    cp "$work/resolv.conf" "$work/root/etc/resolv.conf"
    export DEBIAN_FRONTEND=noninteractive
    local wanted=(libnss-systemd libnss-extrausers libnss-cache libnss-db libnss-sss sssd-common)
    within apt-get install -y --no-install-recommends "${wanted[@]}" >"$work/apt.log" 2>&1 ||
        { within apt-get update && within apt-get install -y --no-install-recommends "${wanted[@]}"; } >"$work/apt.log" 2>&1 ||
        echo "nss_bench: no modules from Debian: $(tail -n 1 "$work/apt.log")" >&2
}

# sssd with its "files" provider, and a cache in shared memory that has room for all.
start_sssd() {
    local root=$work/root
    mkdir -p "$root/etc/sssd" "$root/run/sssd"
    cat >"$root/etc/sssd/sssd.conf" <<'END'
[sssd]
services = nss
domains = bench
[nss]
memcache_size_passwd = 128
filter_users =
[domain/bench]
id_provider = files
END
    chmod 600 "$root/etc/sssd/sssd.conf"
    rm -rf "$root"/var/lib/sss/{db,mc}/*
    chroot "$root" /usr/sbin/sssd -i >"$work/sssd.log" 2>&1 &
    sssd=$!
    local end=$((SECONDS + 60))
    until within getent -s sss passwd "user$(($1 - 1))" >"$work/sss.answer" 2>/dev/null; do
        if [ "$SECONDS" -ge "$end" ] || ! kill -0 "$sssd" 2>/dev/null; then return 1; fi
        sleep 0.2
    done
    # Each user once, so that its cache holds all.
    within "$bench" visit libnss_sss.so.2 _nss_sss_ "$1"
}

stop_sssd() {
    kill "$sssd" 2>/dev/null || true
    wait "$sssd" 2>/dev/null || true
    sssd=''
}

# lay_out COUNT: the same users for every module. passwd(5) gets them when it is their turn.
lay_out() {
    local users=$work/root/tmp/users root=$work/root
    rm -rf "$users"
    mkdir "$users"
    within "$bench" prepare /tmp/users "$1"
    mkdir -p "$root/var/lib/extrausers" "$root/var/lib/misc" "$root/run"
    cp "$users/extrausers/passwd" "$root/var/lib/extrausers/passwd"
    rm -rf "$root/run/userdb"
    mv "$users/userdb" "$root/run/userdb"
    cp "$users"/passwd.cache* "$root/etc/"
    if [ -x "$root/usr/bin/makedb" ]; then
        # As /var/lib/misc/Makefile of libnss-db does it.
        awk -F: '{ printf "0%u ", n++; print; printf ".%s ", $1; print; printf "=%s ", $3; print }' "$users/passwd" |
            within makedb -q -o /var/lib/misc/passwd.db -
    fi
}

# measure MODULE COUNT: microseconds of the first lookup; nanoseconds by name, by uid, of nobody, of a few users again and again.
measure() {
    local library=libnss_$1.so.2
    case $1 in
        tegata) library=$ours ;;
        files) library=libc.so.6 ;;
        extrausers) library=/usr/lib/libnss_extrausers.so.2 ;;
    esac
    within "$bench" measure "$library" "_nss_$1_" "$2"
}

make_root
if [ "${#modules[@]}" -gt 1 ]; then install_modules; fi
printf '%-10s %7s %11s %11s %11s %11s %11s   %s\n' module users first/us name/ns uid/ns miss/ns few/ns 'times as long as tegata (name / uid / miss / few)'
for count in 10 100000; do
    lay_out "$count"
    reference=''
    for module in "${modules[@]}"; do
        # Only files, and sss, which reads it, meet the users in /etc/passwd.
        case $module in
            files | sss) cp "$work/root/tmp/users/passwd" "$work/root/etc/passwd" ;;
            *) printf 'root:x:0:0:root:/root:/bin/sh\n' >"$work/root/etc/passwd" ;;
        esac
        if [ "$module" = sss ] && ! start_sssd "$count"; then
            printf '%-10s %7d sssd did not answer within a minute\n' "$module" "$count"
        elif times=$(measure "$module" "$count" 2>"$work/problem"); then
            [ -n "$reference" ] || reference=$times
            echo "$module $count $times $reference" | awk '{
                printf "%-10s %7d %11.0f %11.0f %11.0f %11.0f %11.0f   %.1f / %.1f / %.1f / %.1f\n",
                    $1, $2, $3, $4, $5, $6, $7, $4 / $9, $5 / $10, $6 / $11, $7 / $12 }'
        else
            printf '%-10s %7d %s\n' "$module" "$count" "$(cat "$work/problem")"
        fi
        if [ "$module" = sss ]; then stop_sssd; fi
    done
    memory=$(within "$bench" memory "$count")
    printf '%-10s %7d %23s %11s\n' '(memory)' "$count" "${memory%.*}" 'two reads, the second where the first says'
    echo "$reference" | awk -v count="$count" -v memory="$memory" '{
        printf "NSS, %d users: by name / by uid / nobody / a few users by name\t%.0f / %.0f / %.0f / %.0f ns (two dependent reads of memory: %.0f ns)\t200 ns\n",
            count, $2, $3, $4, $5, memory }'
done
