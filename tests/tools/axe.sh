#!/usr/bin/env bash
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Fetch axe-core, which finds what keeps people from using a page: axe.sh FOLDER/axe.min.js
set -euo pipefail
target=$1
folder=$(dirname "$target")
rm -rf "$folder"
mkdir -p "$folder"
.venv/bin/python -m pip download --quiet --quiet --disable-pip-version-check --no-deps --require-hashes --dest "$folder" \
    --requirement tests/tools/axe.txt
.venv/bin/python -m zipfile --extract "$folder"/*.whl "$folder/wheel"
mv "$folder"/wheel/*/axe.min.js "$target.new"
rm -rf "$folder"/*.whl "$folder/wheel"
mv "$target.new" "$target"
