# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The man page and the completion name every command for people, and no other."""

from __future__ import annotations

import subprocess

import pytest
import yaml

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import arguments, manual
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT


def test_the_command_reports_the_version_of_the_collection() -> None:
    galaxy = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text(encoding="utf-8"))
    assert galaxy["version"] == arguments.VERSION


def test_the_man_page_has_every_command_and_option_for_people() -> None:
    page = manual.man_page()
    assert [name for name in arguments.COMMANDS if f".B {name}" in page] == list(arguments.SHOWN)
    for command in arguments.SHOWN.values():
        assert all(f".I {word.name.replace('-', chr(92) + '-')}\n" in page for word in command.words)
    # In the macros of man(7) a line that begins with a quote or a dot that is no macro would vanish.
    assert not [line for line in page.splitlines() if line.startswith("'")]


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["st"], ["status"]),
        (["b"], []),
        (["denied", "--s"], ["--since"]),
        (["why", "10.0.0.1", "--p"], ["--protocol"]),
        (["denied", "--user", "roo"], ["root"]),
    ],
)
def test_bash_completes(words: list[str], completed: list[str]) -> None:
    script = f"{manual.completion()}\nCOMP_WORDS=(tidegate {' '.join(words)}); COMP_CWORD={len(words)}; _tidegate\n"
    shown = subprocess.run(
        ["bash", "-c", f'{script}printf "%s\\n" "${{COMPREPLY[@]}}"'], text=True, capture_output=True, check=True
    )
    assert shown.stdout.split() == completed
