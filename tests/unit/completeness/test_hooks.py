# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hooks of .pre-commit-config.yaml as pre-commit runs them: on files of this checkout and on one that is wrong."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT

(REPOSITORY,) = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
HOOKS = {hook["id"]: hook for hook in REPOSITORY["hooks"]}
GOOD = {"python": "tests/tools/*.py", "yaml": "playbooks/*.yml", "shell": "tests/tools/*.sh"}
WRONG = {
    "ruff": ("wrong.py", "print(nothing)\n"),
    "ruff-format": ("wrong.py", "a = [1,2]\n"),
    "yamllint": ("wrong.yml", "a: [1,2 ]\n"),
    "shellcheck": ("wrong.sh", "#!/bin/sh\nrm $1\n"),
}


def run(hook: dict[str, Any], *files: str) -> subprocess.CompletedProcess[str]:
    """Run a hook on files; the tools are those of the environment that runs this test."""
    tool, *words = hook["entry"].split()
    program = shutil.which(Path(tool).name)
    assert tool.startswith(".venv/bin/"), "nothing is downloaded"
    assert program, f"{tool} is not installed by make venv"
    return subprocess.run([program, *words, *files], cwd=CHECKOUT, capture_output=True, text=True, check=False)


def test_every_hook_is_tried() -> None:
    assert (REPOSITORY["repo"], {hook["language"] for hook in HOOKS.values()}) == ("local", {"system"})
    assert {name for name, hook in HOOKS.items() if hook.get("pass_filenames", True)} == WRONG.keys()


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_passes_what_is_here(name: str) -> None:
    hook = HOOKS[name]
    files = sorted(str(path) for kind in hook.get("types", ()) for path in CHECKOUT.glob(GOOD[kind]))
    before = {file: Path(file).read_bytes() for file in files}
    done = run(hook, *files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {file: Path(file).read_bytes() for file in files} == before


@pytest.mark.parametrize("name", WRONG)
def test_a_hook_stops_a_commit(name: str, tmp_path: Path) -> None:
    """It fails, or changes the file, which stops pre-commit, too."""
    file, text = tmp_path / WRONG[name][0], WRONG[name][1]
    file.write_text(text, encoding="utf-8")
    done = run(HOOKS[name], str(file))
    assert done.returncode != 0 or file.read_text(encoding="utf-8") != text
