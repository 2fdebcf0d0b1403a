#!/usr/bin/env bash
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Give podman the images of Debian releases, unless it has them: import.sh build/debian bullseye …
set -euo pipefail
# shellcheck source=tests/images/podman.sh
. "$(dirname "$0")/podman.sh"

folder=$1
shift

for suite in "$@"; do
    image=$(image_of "$suite")
    if ! podman --log-level error image exists "$image"; then
        echo "importing $image"
        podman import --quiet "$folder/$suite-$inputs.tar" "$image" >/dev/null
    fi
done
