# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that has the program of this release runs phases by it; every other host is sent the guard."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard import installed
from ansible_collections.tidegate.nftables.tests.integration.role.project import HostProject

SENT = ["egress_apply", "egress_apply", "egress_guard", "egress_apply"]
"""The question, whether it has the program, the guard, and the word to confirm it."""
NOT_SENT = ["egress_apply"] * 3


def change(project: HostProject, number: int, *options: str) -> Any:
    entry = {"name": "more", "to": [f"203.0.113.{number}"], "services": ["https"]}
    entries = [*project.app["egress_allow_app"], entry]
    project.write("group_vars/app/egress.yml", {**project.app, "egress_allow_app": entries})
    return project.play(*options)


@pytest.mark.new_host
def test_a_change_is_run_by_the_program_that_the_host_has(project: HostProject) -> None:
    assert project.play().ok().module_runs == SENT
    predicted = change(project, 7, "--check", "--diff")
    assert predicted.ok().module_runs == NOT_SENT[:2]
    changed = change(project, 7, "--diff")
    assert changed.ok().module_runs == NOT_SENT
    assert (predicted.changed(), changed.changed()) == (1, 1)
    assert "+ opened" in predicted.output or "opened for everybody" in predicted.output
    assert project.nft("list", "table", "inet", "tidegate").count("203.0.113.7") == 1
    assert project.play().ok().module_runs == NOT_SENT[:1]


def other_byte(program: Path) -> None:
    data = bytearray(program.read_bytes())
    data[len(data) // 2] ^= 1
    program.write_bytes(bytes(data))


def other_release(program: Path) -> None:
    content = program.read_bytes()[: -installed.SEAL]
    program.write_bytes(content + installed.seal(content, "0" * 64, b"\0\0\0\0"))


def link(program: Path) -> None:
    elsewhere = program.with_name("elsewhere")
    program.rename(elsewhere)
    program.symlink_to(elsewhere)


SPOILED: dict[str, Callable[[Path], object]] = {
    "damaged": other_byte,
    "other release": other_release,
    "link": link,
    "missing": Path.unlink,
    "others may write": lambda program: program.chmod(0o777),
    "other owner": lambda program: os.chown(program, 65534, 0),
}


def test_another_program_is_not_run_and_is_replaced(project: HostProject) -> None:
    project.play().ok()
    program = Path(f"{project.root}{installed.PROGRAM}")
    whole = installed.sealed(program.read_bytes())
    assert whole
    for number, (name, spoil) in enumerate(SPOILED.items()):
        spoil(program)
        assert change(project, number).ok().module_runs == SENT, name
        status = program.lstat()
        assert (status.st_uid, status.st_mode & 0o7777, program.is_symlink()) == (0, 0o755, False), name
        assert installed.sealed(program.read_bytes()) == whole, name
    assert change(project, len(SPOILED)).ok().module_runs == NOT_SENT
