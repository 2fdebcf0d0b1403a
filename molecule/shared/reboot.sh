#!/usr/bin/env bash
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Restart a machine of the lab as if somebody had pulled its plug: reboot.sh LAB HOST ADDRESS …
# Every process is killed at once; the network namespace with its tables, /run and the addresses are lost, the disk is
# kept. Unlike after a real power cut, what was written but not yet on the disk is kept, too.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/images/podman.sh
. "$here/../../tests/images/podman.sh"
podman restart --time 0 "$1-$2" >/dev/null
exec "$here/plug.sh" "$@"
