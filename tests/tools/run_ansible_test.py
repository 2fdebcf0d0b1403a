# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-test on a copy of this checkout: `run_ansible_test.py sanity [OPTION …]`, or units, or integration.

ansible-test works only in a folder .../ansible_collections/NAMESPACE/NAME that is no symbolic link. What it keeps is in
build/ansible-test, not in the home directory.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from ansible_test._internal import python_requirements

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "ansible-test"
COPY = FOLDER / "ansible_collections" / "tidegate" / "nftables"
HOME = FOLDER / "home"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

GET_PIP = """\
import subprocess, sys
subprocess.check_call([sys.executable, "-m", "ensurepip", "--upgrade", "--default-pip"], stdout=subprocess.DEVNULL)
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "--quiet", "pip=={version}"]))
"""
"""Puts pip into an environment as the script does that ansible-test would download."""


def copy_checkout() -> None:
    """Copy what git tracks, and new files that it does not ignore."""
    shutil.rmtree(COPY, ignore_errors=True)
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).exists():
            (COPY / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, COPY / name, follow_symlinks=False)
    # Else ansible-test asks the repository around it, which ignores the folder build.
    subprocess.run(["git", "init", "--quiet"], cwd=COPY, check=True)
    subprocess.run(["git", "add", "--all"], cwd=COPY, check=True)


def write_get_pip() -> None:
    """Write the script where ansible-test looks before it downloads."""
    version = python_requirements.get_venv_packages(SimpleNamespace(version=PYTHON))["pip"]
    cache = HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP.format(version=version), encoding="utf-8")


def environment() -> dict[str, str]:
    """Return the environment of ansible-test. It passes on little but the path, so shims of pyenv would not work."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/3.*/bin")
    path = [str(Path(sys.executable).parent), *map(str, pyenv), os.environ["PATH"]]
    return {**os.environ, "HOME": str(HOME), "PATH": os.pathsep.join(path)}


def main(arguments: list[str]) -> int:
    copy_checkout()
    write_get_pip()
    return subprocess.run(["ansible-test", *arguments], cwd=COPY, env=environment(), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
