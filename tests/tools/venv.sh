#!/usr/bin/env bash
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Create .venv with the newest suitable Python, install requirements-dev.txt, and let the checkout be found as
# ansible_collections.tidegate.nftables whatever its folder is called.
set -euo pipefail
cd "$(dirname "$0")/../.."

suitable() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; }
complete() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

python=""
for candidate in python3 python3.11 python3.12 python3.13; do
    if suitable "$candidate"; then
        python=${python:-$candidate}
        if complete "$candidate"; then
            python=$candidate
            break
        fi
    fi
done
if [ -z "$python" ]; then
    echo "No Python 3.11 to 3.13 found (python3 is $(python3 --version 2>&1 || true)): please put one on PATH." >&2
    exit 1
fi
complete "$python" || tests/tools/deps.sh install python3-venv
complete "$python" || { echo "$python cannot make virtual environments even with python3-venv installed." >&2 && exit 1; }

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    "$python" -m venv --clear .venv
fi
.venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check --requirement requirements-dev.txt

# Twice: for every Python and Ansible of this environment, and alone for ANSIBLE_COLLECTIONS_PATH and mypy.
site_packages=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
tests/tools/link.sh "$site_packages" .venv/collections

# See bytecode.py. Our plan starts `python -m ansible playbook`.
ln -sfn "$PWD/tests/tools/bytecode.py" "$site_packages/tidegate_bytecode.py"
cat >"$site_packages/tidegate_bytecode.pth" <<PYTHON
import sys; any(word == "ansible" or word.endswith("/ansible-playbook") for word in sys.orig_argv[1:3]) and __import__("tidegate_bytecode")
PYTHON
