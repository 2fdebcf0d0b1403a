# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module is killed at any moment: the kernel has the old or the new policy, files are whole, the next run mends."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical import scratch
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory
from ansible_collections.tidegate.nftables.tests.effort import LONG, times
from ansible_collections.tidegate.nftables.tests.integration.nft.conftest import BINARIES, Lab
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

from .conftest import Host

KILLS = times(8, 45)
"""For each kind of change; in the long variant with each nft, else with one of them."""


def networks(name: str, elements: list[str]) -> dict[str, Any]:
    return {"name": name, "type": "ipv4_addr", "flags": ["interval"], "elements": elements}


def table(rules: list[str], elements: list[str], name: str = "s") -> dict[str, Any]:
    chain = {"name": "c", "type": "filter", "hook": "output", "priority": "filter", "rules": rules}
    return {"name": "t", "counters": [{"name": "k"}], "sets": [networks(name, elements)], "chains": [chain]}


FEW = [f"10.{number}.0.0/16" for number in range(4)]
MANY = [f"10.{number // 256}.{number % 256}.0/25" for number in range(times(2000, 10000))]
RULES = ["ct state established accept", "ip daddr @s counter accept", "counter name k drop"]
ABSENT = {"name": "t", "state": "absent"}

OLD = table(RULES, FEW)
RENAMED = table([RULES[0], "ip daddr @r counter accept", *RULES[2:]], FEW, "r")

# kind of change -> (old, new)
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "create": (ABSENT, OLD),
    "edit": (OLD, table(["udp dport 53 accept", *RULES[1:], "tcp dport 1 reject"], FEW[1:])),
    "rename a set": (OLD, RENAMED),
    "big set": (table(RULES, MANY), table(RULES, [*MANY[:1000], *(f"{net[:-2]}26" for net in MANY[1000:])])),
    "delete": (OLD, ABSENT),
}

# kind of change -> the old table with a new set that no rule refers to yet, which comes in a transaction of its own
AHEAD = {
    "create": {"name": "t", "sets": OLD["sets"]},
    "rename a set": {**OLD, "sets": [*OLD["sets"], *RENAMED["sets"]]},
}


ALL = list(itertools.product(CHANGES, BINARIES))
ONE_EACH = list(zip(CHANGES, itertools.cycle(BINARIES), strict=False))


@pytest.mark.parametrize(("kind", "version"), ALL if LONG else ONE_EACH)
def test_killed(tmp_path: Path, kind: str, version: str) -> None:
    host = Host(Nft(str(BINARIES[version])), tmp_path)
    chance = random.Random(f"{kind} {host.nft.version()}")
    old, new = CHANGES[kind]
    state = {}
    for name, spec in (("new", new), ("old", old), ("ahead", AHEAD.get(kind, old)), ("old", old)):
        host.good(spec, persist=str(host.saved))
        state[name] = (host.listing(), _content(host.saved))
    first, whole = _times(host, old, new)
    killed = 0
    for number in range(20 * KILLS):
        ended = _kill(host, new, chance.uniform(first, whole), group=number % 2 == 0) != -signal.SIGKILL
        killed += not ended
        # The speed of a busy machine changes: look for the moments of a run where they are now.
        first, whole = (first * 0.9, whole * 0.9) if ended else (first, whole * 1.05)
        now = host.listing()
        assert now in [listing for listing, _saved in state.values()]
        assert _content(host.saved) in (state["old"][1], state["new"][1])
        desired, expected = (new, state["new"]) if number % 3 else (old, state["old"])
        host.good(desired, persist=str(host.saved))
        assert (host.listing(), _content(host.saved)) == expected
        assert set(host.tables()) <= {"t"}, "a scratch table stayed"
        assert _leftovers(host) == []
        if desired is new:
            host.good(old, persist=str(host.saved))
        if killed == KILLS:
            break
    assert killed == KILLS, "nearly every run came to its end before it was killed"


@pytest.mark.parametrize("way", ["nothing", "elements", "element"])
def test_what_a_dead_run_left_goes_whatever_the_next_does(tmp_path: Path, way: str) -> None:
    """Also with a run that would need no scratch table of its own."""
    lab = Lab(str(list(BINARIES.values())[-1]), tmp_path / "run")
    file = tmp_path / "list.txt"
    file.write_text("10.0.0.1\n")
    fed = {"name": "t", "sets": [{"name": "s", "type": "ipv4_addr", "elements_file": str(file)}]}
    lab.run(fed)
    lab.single("element", set="s", elements=["10.0.0.1"])
    left = f"{scratch.PREFIX}1_x_0"
    record = {"tables": [f"inet {left}"], "namespace": nf_tables.namespace()}
    (lab.run_dir / "scratch.dead").write_text(json.dumps(record))
    if way != "nothing":
        lab.load(f"add table inet {left}")
        file.write_text("10.0.0.2\n")
    if way == "element":
        lab.single("element", set="s", elements=["10.0.0.3"])
    else:
        assert lab.run(fed).changed == (way == "elements")
    assert [name for _family, name in nf_tables.tables()] == ["t"]
    assert not list(lab.run_dir.glob("scratch.*"))


def test_what_a_dead_run_left_goes_with_the_next(tmp_path: Path) -> None:
    """And what is another's stays: his scratch table, and one of a run that is still alive."""
    host = Host(Nft(str(list(BINARIES.values())[-1])), tmp_path)
    state = RunDirectory(str(host.run_dir))
    mine, alive, foreign = (f"{scratch.PREFIX}{number}_x_0" for number in (1, 2, 3))
    host.load("".join(f"add table inet {name}\n" for name in (mine, alive, foreign)))
    here = {"namespace": nf_tables.namespace()}
    with state.using("alive", {"tables": [f"inet {alive}"], **here}):
        (host.run_dir / "scratch.dead").write_text(json.dumps({"tables": [f"inet {mine}"], **here}))
        (host.run_dir / "new.dead").write_text("")
        elsewhere = {"tables": [f"inet {foreign}"], "namespace": 1}
        (host.run_dir / "scratch.elsewhere").write_text(json.dumps(elsewhere))
        host.good(OLD)
        assert host.tables() == sorted([alive, foreign, "t"])
    assert _leftovers(host) == ["scratch.elsewhere"]


def _content(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _times(host: Host, old: dict[str, Any], new: dict[str, Any]) -> tuple[float, float]:
    """Seconds until a run begins its work, and until it ends."""
    before = time.monotonic()
    assert host.run({"name": "#"})["failed"]
    first = time.monotonic() - before
    before = time.monotonic()
    host.good(new, persist=str(host.saved))
    whole = time.monotonic() - before
    host.good(old, persist=str(host.saved))
    return min(first, whole) * 0.8, max(first, whole) * 1.1


def _kill(host: Host, desired: dict[str, Any], after: float, *, group: bool) -> int:
    """Start a run and kill it, alone or with the nft that it started; return its exit status."""
    with host.start(desired, persist=str(host.saved)) as module:
        try:
            module.wait(timeout=after)
        except subprocess.TimeoutExpired:
            os.killpg(module.pid, signal.SIGKILL) if group else module.kill()
        code = module.wait()
    _wait_for_group(module.pid)
    return code


def _wait_for_group(leader: int) -> None:
    """Wait for the end of an nft that outlives its run."""

    def has_ended() -> bool:
        try:
            os.killpg(leader, 0)
        except ProcessLookupError:
            return True
        return False

    wait_for(has_ended, "the end of nft")


def _leftovers(host: Host) -> list[str]:
    """Files that nobody needs any more."""
    beside = [path.name for path in host.folder.glob(".saved*")]
    return beside + [path.name for path in host.run_dir.glob("*") if path.name.startswith(("scratch.", "new."))]
