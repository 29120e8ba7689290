# shellcheck shell=bash
# The one list of Debian packages, and how to get what is missing.
# shellcheck disable=SC2034 # the lists are read by the scripts that include this

# To build.
PACKAGES_BUILD=(autoconf automake gcc libc6-dev libcap-dev libcbor-dev libcmocka-dev libcrypt-dev libcurl4-openssl-dev libfido2-dev
    libinih-dev libjansson-dev libmicrohttpd-dev libnftables-dev libp11-dev libpam0g-dev libsqlite3-dev libssl-dev libtool make pkg-config
    xz-utils)

# For the lab and the tests that run in it.
PACKAGES_LAB=(at cron curl dbus git iproute2 jq libfaketime libpam-modules libpam-systemd login mount nftables openssh-client
    openssh-server openssh-sftp-server openssl procps python3 rsync screen sudo systemd tmux util-linux)

# For the tests of recording. Debian 13 has no such package.
PACKAGES_RECORDER=(tlog)

# For scripts/check, beside those: compilers, linters and the runner of the tests.
PACKAGES_CHECK=(clang clang-format cppcheck libpam-wrapper mandoc pamtester python3-pytest shellcheck softhsm2
    strace)

# For the tests of the approval page. The font is for its Japanese texts.
PACKAGES_PAGE=(chromium fonts-noto-cjk)

# For scripts/check --release.
PACKAGES_RELEASE=(debian-archive-keyring mmdebstrap)

missing_packages() {
    local package
    for package in "$@"; do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            printf '%s\n' "$package"
        fi
    done
}

apt_install() { apt-get install -y --no-install-recommends "$@" 2>&1; }

# Nothing that is installed here may start by itself: installing openssh-server must not open a door on this machine.
install_missing() (
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -gt 0 ] || exit 0
    command -v apt-get >/dev/null || die "these packages are missing, and there is no apt-get: ${missing[*]}"
    note "installing: ${missing[*]}"
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    export DEBIAN_FRONTEND=noninteractive
    # What apt says is only of interest if it fails.
    if said=$(apt_install "${missing[@]}") || said=$(apt-get update 2>&1 && apt_install "${missing[@]}"); then exit 0; fi
    printf '%s\n' "$said" | tail -n 20 >&2
    die "apt-get could not install them; see above"
)
