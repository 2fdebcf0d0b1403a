#!/usr/bin/env bash
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Build one Debian release from its own packages: build.sh SUITE TARGET.tar
# The host's apt configuration names the mirror; where that holds no Debian, mmdebstrap's default is used.
set -euo pipefail
suite=$1
target=$2
here=$(dirname "$0")

packages=$(grep -v '^#' "$here/packages.txt" | paste -sd,)
# shellcheck disable=SC2016 # apt-get expands it
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null |
    sort -u | head -n 1) || mirror=""

mkdir -p "$(dirname "$target")"
part=$(dirname "$target")/.$suite.part
trap 'rm -f "$part"' EXIT
echo "building Debian $suite"
# sshd starts where a test enables it: elsewhere its port belongs to the listeners.
# shellcheck disable=SC2086,SC2016 # no mirror is no argument; mmdebstrap has a shell expand its hook
mmdebstrap --quiet --variant=minbase --format=tar --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook='chroot "$1" systemctl --quiet disable ssh' \
    "$suite" "$part" $mirror </dev/null
rm -rf "$(dirname "$target")/$suite"-*
mv "$part" "$target"
