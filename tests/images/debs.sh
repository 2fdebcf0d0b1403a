#!/usr/bin/env bash
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Make a repository for apt of what a host of a Debian release may install later, for hosts without a network:
# debs.sh IMAGE.tar FOLDER "PACKAGE …" …
# Each list of packages comes with all that it needs beside the image. Packages of two lists may exclude each other.
set -euo pipefail
image=$1
folder=$2
shift 2

work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
echo "fetching $*"
tar --directory "$work" --extract --file "$image" ./etc/apt ./var/lib/dpkg ./usr/share/keyrings
mkdir -p "$work/var/lib/apt/lists/partial" "$work/var/cache/apt/archives/partial"
release=(
    -o "Dir=$work" -o "Dir::State::status=$work/var/lib/dpkg/status" -o Dir::Log=/dev/null -o APT::Sandbox::User=root
)
apt-get "${release[@]}" --quiet --quiet update
for packages in "$@"; do
    # shellcheck disable=SC2086 # a list
    apt-get "${release[@]}" --quiet --quiet --yes --download-only --no-install-recommends install $packages >/dev/null
done

new=$folder.new
rm -rf "$new"
mkdir -p "$new"
mv "$work"/var/cache/apt/archives/*.deb "$new"
cd "$new"
for file in *.deb; do
    dpkg-deb --field "$file"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$file" "$(stat --format %s "$file")" \
        "$(sha256sum "$file" | cut -d' ' -f1)"
done >Packages
cd - >/dev/null
rm -rf "$folder"
mv "$new" "$folder"
