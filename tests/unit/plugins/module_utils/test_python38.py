# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that runs on hosts works with the oldest Python of a managed host, and without Ansible."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT

ROOM = CHECKOUT / "plugins" / "module_utils"
FILES = sorted(ROOM.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOM)))
def test_is_written_in_the_oldest_python(path: Path) -> None:
    ast.parse(path.read_text("utf-8"), feature_version=(3, 8))


def _pythons() -> list[str]:
    pyenv = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/3.8.*/bin/python"))
    old = next(map(str, pyenv), None) or shutil.which("python3.8")
    return [sys.executable, *([old] if old else [])]


@pytest.mark.parametrize("python", _pythons(), ids=lambda path: Path(path).parent.parent.name)
def test_runs_where_only_python_is(python: str, tmp_path: Path) -> None:
    """Without Ansible and without any package; each run_module.py is Ansible's."""
    place = tmp_path / "ansible_collections" / "tidegate"
    place.mkdir(parents=True)
    (place / "nftables").symlink_to(CHECKOUT)
    room = "ansible_collections.tidegate.nftables.plugins.module_utils"
    names = [".".join(path.relative_to(ROOM).with_suffix("").parts) for path in FILES]
    code = "".join(f"import {room}.{name}\n" for name in names if not name.endswith(("run_module", "__init__")))
    done = subprocess.run(
        [python, "-I", "-c", f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n{code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
