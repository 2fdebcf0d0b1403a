#!/usr/bin/env bash
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Import the archive as Ansible Galaxy does, and fail on a warning, too: importer.sh ARCHIVE
# galaxy-importer demands versions of tools of its own, so it has an environment of its own.
set -euo pipefail
folder=build/importer
uv venv --quiet --allow-existing "$folder/venv"
uv pip install --quiet --python "$folder/venv" 'galaxy-importer>=0.4.44,<1'
printf '[galaxy-importer]\nRUN_ANSIBLE_TEST = False\nOFFLINE_ANSIBLE_LINT = True\n' >"$folder/settings.cfg"
# The environment is as Galaxy's: ansible-core, and no other collection.
env --unset ANSIBLE_COLLECTIONS_PATH GALAXY_IMPORTER_CONFIG="$folder/settings.cfg" PATH="$PWD/$folder/venv/bin:$PATH" \
    python -m galaxy_importer.main "$1" | tee "$folder/log"
if grep --quiet --extended-regexp '^(WARNING|ERROR)' "$folder/log"; then
    echo "galaxy-importer has warnings: see above." >&2
    exit 1
fi
