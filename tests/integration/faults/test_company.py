# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Others at work on the same host: other runs, and writers that know nothing of us. Nobody's work is lost."""

from __future__ import annotations

import itertools
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.tests.effort import times
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

from .conftest import Host, result

RUNS = times(3, 60)


@contextmanager
def writer(host: Host, *scripts: str, pause: float = 0.0) -> Iterator[None]:
    """Somebody who loads these scripts one after the other, over and over."""
    for number, script in enumerate(scripts):
        (host.folder / f"writer.{number}").write_text(script)
    files = " ".join(str(host.folder / f"writer.{number}") for number in range(len(scripts)))
    loop = f"while :; do for file in {files}; do {host.nft.path} -f $file; sleep {pause}; done; done"
    with subprocess.Popen(["/bin/sh", "-c", loop], start_new_session=True) as busy:
        try:
            start = nf_tables.generation()
            wait_for(lambda: nf_tables.generation() != start, "the first commit", process=busy)
            yield
            assert busy.poll() is None
        finally:
            os.killpg(busy.pid, 9)


def rules(*ports: int) -> dict[str, Any]:
    chain = {"name": "c", "rules": [f"tcp dport {port} accept" for port in ports]}
    networks = {"name": "s", "type": "ipv4_addr", "elements": [f"10.0.0.{port}" for port in ports]}
    return {"name": "t", "sets": [networks], "chains": [chain]}


def test_beside_somebody_who_makes_and_deletes_another_table(host: Host) -> None:
    with writer(host, "add table ip other\n", "delete table ip other\n", pause=0.01):
        for run in range(RUNS):
            desired = rules(*range(1 + run % 3, 5 + run % 3))
            assert host.good(desired)["changed"]
            assert not host.good(desired)["changed"]
            assert host.rules("c") == desired["chains"][0]["rules"]
            assert host.elements("s") == set(desired["sets"][0]["elements"])
            assert not [name for name in host.tables() if name.startswith("_tidegate")]


BANNED = {"name": "banned", "type": "ipv4_addr", "flags": ["interval"]}
SHARED = {"name": "seen", "typeof": "ip saddr", "flags": ["dynamic", "timeout"], "timeout": "1h"}


def beside_a_tool_that_bans(host: Host, desired: Callable[[int], dict[str, Any]], to: str) -> tuple[set[str], int]:
    """Runs without pause while a tool adds forty elements; returns those it says it added, and the runs that warned."""
    host.good(desired(0))
    warned = 0
    script = (
        'i=1; while [ $i -le 40 ]; do one=$(printf "$2" $i); $1 add element inet t $3 { $one } && echo $one; '
        "i=$((i+1)); sleep 0.05; done"
    )
    network = "10.9.%d.0/24" if to == "banned" else "10.9.%d.1"
    command = ["/bin/sh", "-c", script, "ban", host.nft.path, network, to]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tool:
        for run in itertools.count(1):
            warned += "created anew: what it added" in str(host.good(desired(run)).get("warnings"))
            if tool.poll() is not None:
                break
        out, _err = tool.communicate()
    host.good(desired(1))
    added = set(out.split())
    assert len(added) > 20
    return added, warned


def test_a_tool_that_bans_addresses_loses_none_when_the_set_is_made_anew(host: Host) -> None:
    def desired(run: int) -> dict[str, Any]:
        """The set is made anew every time, and takes the elements along."""
        drops = f"ip saddr @banned tcp dport {1 + run} drop"
        size = {"size": 100000 + run} if run % 2 else {}
        return {"name": "t", "sets": [{**BANNED, **size}], "chains": [{"name": "c", "rules": [drops]}]}

    added, warned = beside_a_tool_that_bans(host, desired, "banned")
    # Between nft's start and its transaction lie some milliseconds; what comes in just then is told of.
    assert len(added - host.elements("banned")) <= warned
    assert host.elements("banned") <= added


@pytest.mark.parametrize("to", ["banned", "seen"])
def test_a_tool_that_adds_to_a_set_that_stays_loses_none(host: Host, to: str) -> None:
    """Rules and other sets change around it; nobody owns what is in it, or packets and tools do."""

    def desired(run: int) -> dict[str, Any]:
        own = {"name": f"own{run % 3}", "type": "ipv4_addr", "flags": ["interval"], "elements": [f"10.1.{run}.0/24"]}
        rules = [f"ip saddr @{to} tcp dport {1 + run} drop", f"ip saddr @{own['name']} accept"]
        return {"name": "t", "sets": [BANNED, SHARED, own], "chains": [{"name": "c", "rules": rules}]}

    added, warned = beside_a_tool_that_bans(host, desired, to)
    assert {element.split()[0] for element in host.elements(to)} == added
    assert warned == 0


def test_two_runs_at_once_come_one_after_the_other(host: Host) -> None:
    three_rules, four_rules = rules(1, 2, 3), rules(3, 2, 1, 4)
    for _run in range(RUNS):
        with host.start(three_rules) as first, host.start(four_rules) as second:
            results = [result(first), result(second)]
        assert [document.get("msg") for document in results] == [None, None]
        assert host.rules("c") in (three_rules["chains"][0]["rules"], four_rules["chains"][0]["rules"])
        assert host.tables() == ["t"]


def test_two_runs_at_once_about_two_sets_lose_nothing(host: Host) -> None:
    """Each owns one table; both end, and both tables are as asked."""
    tables = [{**rules(*range(1, 6)), "name": name} for name in ("t", "u", "v")]
    for _run in range(RUNS):
        runs = [host.start(table) for table in tables]
        for run in runs:
            with run:
                assert "msg" not in result(run)
        assert host.tables() == ["t", "u", "v"]
        for table in tables:
            assert host.rules("c", table["name"]) == table["chains"][0]["rules"]
            assert host.elements("s", table["name"]) == set(table["sets"][0]["elements"])
            assert host.good({"name": table["name"], "state": "absent"})["changed"]


def test_somebody_who_always_puts_his_rule_back_is_named_in_the_end(host: Host) -> None:
    """A run that can never find rest ends soon, with a reason, and the table is whole."""
    host.good(rules(1))
    before = _cpu_seconds()
    script = "add rule inet t c udp dport 53 drop\n"
    with writer(host, script):
        outcome = host.run(rules(1, 2, 3))
        assert _cpu_seconds() - before < 60
    if outcome.get("failed"):
        assert outcome["reason"] in ("busy", "not_applied"), outcome["msg"]
    ours = [rule for rule in host.rules("c") if rule != "udp dport 53 drop"]
    assert ours in (rules(1)["chains"][0]["rules"], rules(1, 2, 3)["chains"][0]["rules"])
    host.good(rules(1, 2, 3))
    assert host.rules("c") == rules(1, 2, 3)["chains"][0]["rules"]


def _cpu_seconds() -> float:
    """Return the CPU time of the processes that this one has started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
