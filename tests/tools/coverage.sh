#!/usr/bin/env bash
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Run a command in a mount namespace where the system's Python also measures what it runs with -IS: coverage.sh COMMAND …
# The program on hosts is started so, without the site packages that start coverage. Its first import is __future__: there
# coverage starts instead, in processes whose environment asks for it.
set -euo pipefail
changed=build/coverage/__future__.py
original=$(/usr/bin/python3 -ISc 'import __future__; print(__future__.__file__)')
packages=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
mkdir -p "${changed%/*}"
cat "$original" - >"$changed" <<PYTHON

import os, sys
if "COVERAGE_PROCESS_CONFIG" in os.environ and "coverage" not in sys.modules:
    sys.path.insert(0, "$packages")
    import coverage
    sys.path.remove("$packages")
    coverage.process_startup()
PYTHON
# Bytecode of the changed file must not stay on this machine.
# shellcheck disable=SC2016  # expanded by the shell in the namespace
exec unshare --mount sh -euc '
    mount --bind "$1" "$2"
    mount --bind --options ro "${2%/*}/__pycache__" "${2%/*}/__pycache__"
    shift 2
    exec "$@"' sh "$changed" "$original" "$@"
