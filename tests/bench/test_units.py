# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What entries for systemd units cost a packet and a proof, beside the same for any program and for users.

The sender is in a cgroup of its own, as deep as that of a service. Ratios are of figures of one run. Takes a minute.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import units_set
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.bench import data_path
from ansible_collections.tidegate.nftables.tests.bench.data_path import PORT, THERE, wire
from ansible_collections.tidegate.nftables.tests.bench.fleet import fleet, prove
from ansible_collections.tidegate.nftables.tests.bench.test_data_path import VARIABLES, address
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.golden.render import render
from ansible_collections.tidegate.nftables.tests.support.machines import unified
from ansible_collections.tidegate.nftables.tests.support.own_names import own_name

COUNT = 20
ANYBODY, USERS, UNITS = "20 entries for anybody", "20 entries for users", "20 entries for units"
OPEN = "an open flow, 20 entries for units"
WHO = (ANYBODY, USERS, UNITS)


def compiled(who: str) -> dict[str, Any]:
    """Return a table whose entries have one destination each, and are for programs of this kind."""
    entries = []
    for number in range(COUNT):
        narrowed = {"users": ["root"]} if who == USERS else {"units": [f"unit{number}.service"]} if who == UNITS else {}
        to = {"name": f"entry-{number:02}", "to": [address(number)], "services": [f"udp/{PORT}"]}
        entries.append({**to, **narrowed})
    allow = [*entries, {"name": "peer", "to": THERE, "services": [f"udp/{PORT}"]}]
    variables = {**VARIABLES, "egress_allow_bench": allow}
    return compile_table(policy.build(variables, FixedInventory(), today=dt.date(2026, 11, 20)))


@contextmanager
def in_a_unit() -> Iterator[str]:
    """Be in a cgroup as deep as that of a service; yield its path as nft takes it."""
    tree = unified()
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    before = next((line[3:].strip() for line in lines if line[:3] == "0::"), "")
    unit = tree / own_name("bench") / "unit.service"
    unit.mkdir(parents=True)
    try:
        (unit / "cgroup.procs").write_text(str(os.getpid()))
        yield str(unit.relative_to("/sys/fs/cgroup"))
    finally:
        (tree / before.lstrip("/") / "cgroup.procs").write_text(str(os.getpid()))
        unit.rmdir()
        unit.parent.rmdir()


@pytest.fixture(scope="module")
def costs() -> dict[str, float]:
    """Nanoseconds a packet, by what is measured."""
    allowed = [(address(number), PORT) for number in range(COUNT)]
    with data_path.namespaces(), in_a_unit() as path:
        filled = "".join(
            f'add element inet tidegate {units_set([f"unit{number}.service"])} {{ "{path}" }}\n'
            for number in range(COUNT)
        )
        wires = [wire(who, render(compiled(who)) + (filled if who == UNITS else ""), allowed) for who in WHO]
        wires.append(wire(OPEN, render(compiled(UNITS)) + filled, [(THERE, PORT)], established=True))
        try:
            data_path.measure(wires)
        finally:
            for one in wires:
                one.close()
    by_name = {one.name: one.best for one in wires}
    for name, cost in by_name.items():
        print(f"\n{name:52}{cost:12.0f} ns a packet", end="")
    return by_name


def test_twenty_units_cost_little_more_than_twenty_users(costs: dict[str, float]) -> None:
    assert costs[UNITS] < 2 * costs[USERS]


def test_a_packet_of_an_open_flow_pays_nothing_for_units(costs: dict[str, float]) -> None:
    assert costs[OPEN] < costs[ANYBODY]


def test_units_cost_the_proof_of_a_fleet_at_most_half_more() -> None:
    ratios = []
    for _pair in range(5):
        took = []
        for units in (False, True):
            policies = fleet(100, 20, 200, own=False, units=units)
            begin = process_time()
            prove(policies)
            took.append(process_time() - begin)
        ratios.append(took[1] / took[0])
        print(f"\n100 hosts, 20 policies of 200 entries: {took[0]:.2f} s, with units {took[1]:.2f} s", end="")
    assert sorted(ratios)[2] < 1.5
