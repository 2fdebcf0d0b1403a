#!/usr/bin/env bash
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ssh where the controller is: in the network of the lab's world, which this machine's own network does not reach.
exec nsenter --target "$(cat "$MOLECULE_PROJECT_DIRECTORY/build/molecule-ssh/world")" --net -- ssh "$@"
