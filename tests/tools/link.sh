#!/usr/bin/env bash
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Let this checkout be found as ansible_collections.tidegate.nftables below folders, whatever its own is called: link.sh FOLDER …
set -euo pipefail
checkout=$(cd "$(dirname "$0")/../.." && pwd)
for folder in "$@"; do
    mkdir -p "$folder/ansible_collections/tidegate"
    ln -sfn "$checkout" "$folder/ansible_collections/tidegate/nftables"
done
