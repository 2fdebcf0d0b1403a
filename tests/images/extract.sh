#!/usr/bin/env bash
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Fetch a package of a Debian release with all that it depends on, without installing it:
# extract.sh SUITE PACKAGE IMAGE.tar TARGET.tar
# The packages come from where those of the release's image came from. What no program of the tests reads stays out: the
# JavaScript alone is half of Prometheus.
set -euo pipefail
suite=$1
package=$2
image=$3
target=$4

part=$target.part
trap 'rm -f "$part"' EXIT
echo "fetching $package of Debian $suite"
# shellcheck disable=SC2016 # mmdebstrap has a shell expand its hook
tar --extract --to-stdout --file "$image" ./etc/apt/sources.list |
    mmdebstrap --quiet --variant=extract --format=tar --include="$package" \
        --extract-hook='cd "$1/usr/share" && rm -rf doc javascript locale man nodejs perl' "$suite" "$part" -
mv "$part" "$target"
