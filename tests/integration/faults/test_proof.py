# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fast path never says unchanged of what changed, at whatever moment somebody else wrote."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import tables as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical import scratch
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.tests.integration.nft.conftest import (
    BINARIES,
    Lab,
)
from ansible_collections.tidegate.nftables.tests.support.namespaces import enter_new

TABLE: dict[str, Any] = {
    "name": "t",
    "sets": [{"name": "s", "type": "ipv4_addr", "elements": ["10.0.0.1"]}],
    "chains": [{"name": "c", "rules": ["tcp dport 80 accept"]}],
}
OTHER: dict[str, Any] = {**TABLE, "chains": [{"name": "c", "rules": ["tcp dport 81 accept"]}]}


class Busy(Exception):
    """The run gave up because somebody else wrote."""


def run(lab: Lab) -> None:
    try:
        lab.run(TABLE)
    except EngineError as error:
        if error.reason not in ("busy", "not_applied"):
            raise
        raise Busy from error


FOREIGN = ("add rule inet t c drop", "add element inet t s { 10.0.0.9 }", "delete table inet t")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(str(list(BINARIES.values())[-1]), tmp_path / "run")


class Moments:
    """Somebody writes at the nth time that the engine asks for the generation, before or after the answer."""

    def __init__(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lab, self.asked, self.moment, self.script = lab, 0, -1, ""
        self._generation = netlink.generation
        self._nft = Nft(lab.path)
        monkeypatch.setattr(netlink, "generation", self.generation)

    def generation(self) -> int:
        self.asked += 1
        if self.asked * 2 == self.moment:
            self._nft.load(f"{self.script}\n")
        number = self._generation()
        if self.asked * 2 + 1 == self.moment:
            self._nft.load(f"{self.script}\n")
        return number


@pytest.mark.parametrize("script", FOREIGN)
@pytest.mark.parametrize("there", [True, False], ids=["already right", "changes"])
def test_somebody_writes_at_any_moment(lab: Lab, monkeypatch: pytest.MonkeyPatch, script: str, there: bool) -> None:
    moments = Moments(lab, monkeypatch)
    moment = 0
    while True:
        lab.load("flush ruleset")
        lab.forget()
        lab.run(TABLE if there else OTHER)
        lab.forget()
        moments.asked, moments.moment, moments.script = 0, moment, script
        with contextlib.suppress(Busy):
            run(lab)
        over = moments.asked * 2 + 1 < moment
        moments.moment = -1
        lab.run(TABLE)
        assert [rule.canon for rule in lab.rules("c")] == ["tcp dport 80 accept"], f"wrong after moment {moment}"
        assert [element.key for element in lab.elements("s")] == ["10.0.0.1"], f"wrong after moment {moment}"
        if over:
            break
        moment += 1
    assert moment >= 8


ELSEWHERE: dict[str, Any] = {"name": "u", "chains": [{"name": "c", "rules": ["udp dport 53 accept"]}]}


def test_somebody_writes_at_any_moment_what_another_task_is_about(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that vouches for the commits of its time to other tasks vouches for none of somebody else."""
    moments = Moments(lab, monkeypatch)
    moment = 0
    while True:
        lab.load("flush ruleset")
        lab.forget()
        lab.run(OTHER)
        lab.run(ELSEWHERE)
        moments.asked, moments.moment, moments.script = 0, moment, "add rule inet u c drop"
        with contextlib.suppress(Busy):
            run(lab)
        over = moments.asked * 2 + 1 < moment
        moments.moment = -1
        lab.run(ELSEWHERE)
        live_chain = lab.table("u").chain("c")
        assert live_chain is not None
        assert [rule.canon for rule in live_chain.rules] == ["udp dport 53 accept"], f"wrong after moment {moment}"
        if over:
            break
        moment += 1
    assert moment >= 8


def test_what_somebody_adds_while_a_run_makes_its_plan_is_taken_along(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A set that others fill is made anew, with what came in after it was listed."""
    banned = {"name": "banned", "type": "ipv4_addr", "flags": ["interval"]}
    lab.run({"name": "t", "sets": [banned]})
    lab.load("add element inet t banned { 10.9.1.0/24 }")
    canonical = scratch.canonical
    added: list[str] = []

    def meddled(*arguments: Any, **more: Any) -> Any:
        tables = canonical(*arguments, **more)
        if not added:
            added.append("10.9.2.0/24")
            lab.load(f"add element inet t banned {{ {added[0]} }}")
        return tables

    monkeypatch.setattr(scratch, "canonical", meddled)
    result = lab.run({"name": "t", "sets": [{**banned, "size": 1000}]})
    assert result.changed
    assert added
    assert {element.key for element in lab.elements("banned")} == {"10.9.1.0/24", "10.9.2.0/24"}
    assert not result.warnings


def test_a_namespace_that_is_made_anew_in_the_place_of_another(lab: Lab, tmp_path: Path) -> None:
    """Same name, same inode, same generation, same handle: only the cookie tells that nothing is there."""
    runs_by_inode: dict[int, list[int]] = {}
    # Other work on the machine makes namespaces, too, and may be given what these had.
    for number in range(2000):
        if number >= 60 and max(map(len, runs_by_inode.values())) > 1:
            break
        report = tmp_path / f"report.{number}"
        child = os.fork()
        if child == 0:
            _inside(lab, report)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        content = json.loads(report.read_text())
        runs_by_inode.setdefault(content["inode"], []).append(number)
        assert (content["first"], content["rules"]) == (True, ["tcp dport 80 accept"])
    assert max(map(len, runs_by_inode.values())) > 1, "no inode came back, so nothing was tried"


def _inside(lab: Lab, report: Path) -> None:
    """In a new namespace: one run, which must change something; write what was seen, and end the process."""
    code = 1
    try:
        enter_new()
        first = lab.run(TABLE).changed
        rules = [rule.canon for rule in lab.rules("c")]
        inode = Path("/proc/self/ns/net").stat().st_ino
        report.write_text(json.dumps({"inode": inode, "first": first, "rules": rules, "at": nf_tables.generation()}))
        code = 0
    finally:
        os._exit(code)
