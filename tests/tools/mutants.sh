#!/usr/bin/env bash
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Run Cosmic Ray, in an environment of its own, on a copy of what git tracks: mutants.sh ROOM [SAMPLE [SEED]] (mutants.py)
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=build/mutants
copy=$folder/$1/ansible_collections/tidegate/nftables
uv venv --quiet --allow-existing "$folder/venv"
uv pip install --quiet --python "$folder/venv" 'cosmic-ray>=8.7,<9'
mkdir -p "$copy"
git ls-files -z | tar --create --null --files-from - | tar --extract --directory "$copy"
for shared in build .venv; do ln --symbolic --force --no-target-directory "$PWD/$shared" "$copy/$shared"; done
# The same bytecode for every run: those that try a change write none.
python -m compileall -q "$copy/plugins" "$copy/tests"
exec "$folder/venv/bin/python" tests/tools/mutants.py "$@"
