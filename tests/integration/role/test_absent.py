# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role removes, and a host without nft."""

from __future__ import annotations

import re

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.tests.integration.role.project import HostProject

pytestmark = pytest.mark.new_host


def test_absent_removes_every_trace(project: HostProject) -> None:
    notes = Paths(str(project.root)).run
    project.environment["TIDEGATE_RUN_DIR"] = str(project.path / "run")
    before = project.nft("list", "ruleset")
    first = project.play()
    assert first.code == 0, first.output
    assert project.nft("list", "ruleset") != before
    assert notes.exists()
    assert project.play("-e", "egress_mode=absent").changed() == 1
    assert project.nft("list", "ruleset") == before
    assert not notes.exists()
    again = project.play("-e", "egress_mode=absent")
    assert again.changed() == 0
    assert "No policy on 1 host" in again.output
    assert not notes.exists()
    assert not (project.path / "run").exists()


def test_a_host_without_nft_gets_it_before_its_table(project: HostProject) -> None:
    with project.without_nft():
        predicted = project.play("--check")
    assert predicted.code == 0, predicted.output
    message = "nft is not installed. This run would install the package nftables, then load the table."
    assert f"Notice: {message} (app1)" in predicted.output
    assert predicted.changed() >= 1
    # No package brings back what hides nft here: the task asks for it, and the second try says what is missing.
    with project.without_nft():
        stuck = project.play()
    tasks = re.findall(r"^TASK \[tidegate.nftables.egress : (.*?)\]", stuck.output, re.MULTILINE)
    assert tasks[1:] == ["Apply the egress policy"]
    assert "nft is not installed on this host" in stuck.output
    assert "Using module file" in stuck.output
    assert "apt" in stuck.module_runs
    assert "tidegate" not in project.nft("list", "tables")
    with project.without_nft():
        gone = project.play("-e", "egress_mode=absent")
    assert gone.code == 0, gone.output
    assert gone.changed() == 0


def test_absent_removes_every_trace_from_a_host_that_lost_nft(project: HostProject) -> None:
    assert project.play().code == 0
    assert Paths(str(project.root)).confirmed.exists()
    for options, stands in ((("--check",), True), ((), False)):
        with project.without_nft():
            run = project.play("-e", "egress_mode=absent", *options)
        assert run.code == 0, run.output
        assert run.changed() == 1
        assert ("tidegate" in project.nft("list", "tables")) == stands
        assert Paths(str(project.root)).confirmed.exists() == stands
    assert [path for path in project.root.rglob("*tidegate*") if path.is_file() or path.is_symlink()] == []
    with project.without_nft():
        again = project.play("-e", "egress_mode=absent")
    assert (again.code, again.changed()) == (0, 0), again.output
