#!/bin/sh
# Lookups in libnss_tegata beside other NSS modules, in one run: nanoseconds by name, by uid, and for a name that nobody has; 10 and 100,000
# users. Run as root: the files of all modules are laid out in a mount namespace of its own. Usage: nss_bench.sh BUILDDIR
# NSS_BENCH_LIBRARIES may name a folder with further modules (libnss_extrausers.so.2) that are not installed.
set -eu
LC_ALL=C
export LC_ALL
build=$(cd "${1:?name the build directory}" && pwd)
if [ -z "${NSS_BENCH_INSIDE:-}" ]; then
    NSS_BENCH_INSIDE=yes exec unshare --mount --propagation private -- "$0" "$build"
fi
work=$(mktemp -d)
trap 'umount -l /etc && umount "$work" && rmdir "$work"' EXIT
trap 'exit 1' INT TERM
mount -t tmpfs tmpfs "$work"
mkdir "$work/etc"
cp -a /etc/. "$work/etc"
mount --bind "$work/etc" /etc
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mkdir -p /run/userdb /var/lib/extrausers
LD_LIBRARY_PATH=${NSS_BENCH_LIBRARIES:-}
export LD_LIBRARY_PATH

printf '%-11s %7s %12s %12s %12s   %s\n' module users 'by name/ns' 'by uid/ns' 'miss/ns' 'ratio to tegata'
for count in 10 100000; do
    mkdir "$work/$count"
    "$build/tests/bench/nss_bench" prepare "$work/$count" "$count"
    mount --bind "$work/$count/extrausers" /var/lib/extrausers
    mount --bind "$work/$count/userdb" /run/userdb
    ours=
    for module in tegata files systemd extrausers; do
        case $module in
        tegata) library=$build/tests/unit/.libs/libnss_tegata_test.so.2 ;;
        files) library=libc.so.6 ;;
        *) library=libnss_$module.so.2 ;;
        esac
        # Only `files` meets the users in /etc/passwd.
        if [ "$module" = files ]; then
            cp "$work/$count/passwd" /etc/passwd
        else
            printf 'root:x:0:0:root:/root:/bin/sh\n' >/etc/passwd
        fi
        if ! times=$("$build/tests/bench/nss_bench" measure "$library" "_nss_${module}_" "$count" 2>"$work/problem"); then
            printf '%-11s %7s %s\n' "$module" "$count" "$(cat "$work/problem")"
            continue
        fi
        [ -n "$ours" ] || ours=$times
        echo "$module $count $times $ours" |
            awk '{ printf "%-11s %7d %12.0f %12.0f %12.0f   %.1f / %.1f / %.1f\n", $1, $2, $3, $4, $5, $3 / $6, $4 / $7, $5 / $8 }'
    done
    umount /run/userdb /var/lib/extrausers
done
rm -rf "$build/tests/unit/nss.d"
