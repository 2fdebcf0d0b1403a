#!/usr/bin/env bash
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Make sure that the system packages are there: deps.sh demo | test | install PACKAGE …
# Installs only what is missing, and only as root where apt-get is; elsewhere it says what to install.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

# what proves that it is there (a command, or files of which one must exist) : Debian package
demo=(
    "nft:nftables"
    "ip:iproute2"
    "nsenter:util-linux"
    "/etc/services:netbase"
)
# The tests have theirs unpacked, one of each release.
names=(
    "unbound:unbound"
    "/usr/lib/python3/dist-packages/unboundmodule.py:python3-unbound"
)
tests=(
    "ssh:openssh-client"
    "git:git"
    "curl:curl"
    "openssl:openssl"
    "ping:iputils-ping"
    "ps:procps"
    "podman:podman"
    "runc:runc"
    "conmon:conmon"
    "/usr/lib/podman/netavark /usr/libexec/podman/netavark:netavark"
    "iptables:iptables"
    "mmdebstrap:mmdebstrap"
    "/usr/share/keyrings/debian-archive-keyring.gpg:debian-archive-keyring"
    "chromium:chromium"
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf:fonts-dejavu-core"
    "groff:groff-base"
    "/lib/systemd/systemd-journald:systemd"
    "java:default-jre-headless"
    "zsh:zsh"
)

there() {
    local path
    for path in $1; do
        case $path in
            /*) [ -e "$path" ] && return 0 ;;
            *) command -v "$path" >/dev/null && return 0 ;;
        esac
    done
    return 1
}

needed=()
missing=()
case $1 in
    install) missing=("${@:2}") ;;
    demo) needed=("${demo[@]}" "${names[@]}") ;;
    test) needed=("${demo[@]}" "${tests[@]}") ;;
esac
for item in "${needed[@]}"; do
    there "${item%:*}" || missing+=("${item##*:}")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "Please install ${missing[*]} (Debian's package names) and run this again: that needs root and apt-get." >&2
    exit 1
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install=(apt-get install --yes --quiet --quiet --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}")
log=$(mktemp)
# The tests call these programs themselves: nothing that is installed for them shall start a service (policy-rc.d(8)).
quiet=/usr/sbin/policy-rc.d
if [ -e "$quiet" ]; then
    trap 'rm -f "$log"' EXIT
else
    trap 'rm -f "$log" "$quiet"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$quiet"
    chmod +x "$quiet"
fi
{ apt-get update --quiet --quiet && "${install[@]}"; } >"$log" 2>&1 </dev/null || {
    cat "$log" >&2
    echo "apt-get could not install ${missing[*]}: see above." >&2
    exit 1
}
# Nor shall the next boot: the lab starts an unbound of its own.
case " ${missing[*]} " in *" unbound "*) systemctl --quiet disable unbound.service 2>/dev/null || true ;; esac
