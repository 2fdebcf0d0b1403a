#!/bin/bash
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Give podman the images of the releases whose tars are named, unless it has them: import.sh build/debian/SUITE.tar …
set -euo pipefail
# shellcheck source=tests/images/podman.sh
. "$(dirname "$0")/podman.sh"

for tar in "$@"; do
    image=$(image_of "$(basename "$tar" .tar)")
    if ! podman --log-level error image exists "$image"; then
        echo "importing $image"
        podman import --quiet --change 'CMD ["/lib/systemd/systemd"]' "$tar" "$image" >/dev/null
    fi
done
