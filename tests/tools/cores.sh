#!/usr/bin/env bash
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Run the tests in cores.txt with several ansible-cores: cores.sh 2.17:3.11 2.18:3.12 …
# Each CORE:PYTHON has an environment of its own in build/cores and leaves build/reports/cores-CORE.xml.
set -euo pipefail
cd "$(dirname "$0")/../.."

# pyenv's commands for the Pythons that are not in use fail unless they are named.
if command -v pyenv >/dev/null; then
    PYENV_VERSION=$(pyenv versions --bare | paste -sd:)
    export PYENV_VERSION
fi

environment() { # CORE PYTHON
    local folder=build/cores/$1
    uv venv --quiet --allow-existing --python "$2" "$folder"
    # The releases before 2.19 want an older resolvelib than the pinned one; the later ones take both.
    printf "ansible-core==%s.*\nresolvelib<1.1\n" "$1" >"$folder/override.txt"
    uv pip install --quiet --python "$folder" --no-verify-hashes --requirement requirements-dev.txt --override "$folder/override.txt"
    tests/tools/link.sh "$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" "$folder/collections"
}

read -ra tests <<<"${TESTS:-$(grep -v '^#' tests/tools/cores.txt | paste -sd' ')}" # TESTS="tests/integration/plan" for some
failed=()
for pair in "$@"; do
    core=${pair%:*}
    environment "$core" "${pair#*:}"
    PATH=$PWD/build/cores/$core/bin:$PATH "build/cores/$core/bin/python" -m pytest "${tests[@]}" \
        --numprocesses=2 --dist=loadfile --junitxml="build/reports/cores-$core.xml" || failed+=("$core")
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "failed with ansible-core ${failed[*]}" >&2
    exit 1
fi
