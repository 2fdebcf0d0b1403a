#!/usr/bin/env bash
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Run Molecule scenarios, each on machines of its own, and go on after one that fails: molecule.sh SCENARIO …
# Each leaves build/reports/molecule-SCENARIO.xml; a scenario that asserted nothing fails here. The machines are
# removed whatever happens: failure, interrupt, or an earlier run that was killed.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/images/podman.sh
. tests/images/podman.sh

remove_machines() {
    local found
    found=$(podman ps --all --quiet --filter "label=tidegate.checkout=$PWD")
    # shellcheck disable=SC2086 # one argument for each
    [ -z "$found" ] || podman rm --force --time 0 $found >/dev/null
    rm -rf build/molecule build/molecule-ssh
}
remove_machines
trap remove_machines EXIT
trap 'exit 130' INT TERM

export MOLECULE_EPHEMERAL_DIRECTORY=$PWD/build/molecule
export MOLECULE_PROJECT_DIRECTORY=$PWD
export MOLECULE_COMMAND_BORDERS=false
mkdir -p build/reports
failed=()
for scenario in "$@"; do
    report=build/reports/molecule-$scenario.xml
    rm -rf "$report" build/molecule build/molecule-ssh
    molecule test --scenario-name "$scenario" || failed+=("$scenario failed")
    grep -qs '<testcase ' "$report" || failed+=("$scenario ran no assertion")
done
if [ ${#failed[@]} -gt 0 ]; then
    printf 'molecule: %s\n' "${failed[@]}" >&2
    exit 1
fi
