# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new flow and a packet of an open one cost under compiled tables, printed, and what they have to reach.

A new flow is a datagram that nobody ever answers, which connection tracking takes for the first one each time; their
destinations are all that the policy allows, in turn. Ratios are of figures of one run. Takes a minute.
"""

from __future__ import annotations

import copy
import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.bench import data_path
from ansible_collections.tidegate.nftables.tests.bench.data_path import PORT, THERE, Destination, Wire, wire
from ansible_collections.tidegate.nftables.tests.bench.summary import ROWS, Row
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.golden.render import render

NONE, EMPTY, OPEN = "no table", "a table that only knows replies", "a packet of an open flow"
LAST = "the last of 1000 destinations with a rule each"
LAYOUTS = [
    (1, 10),
    (1, 1000),
    (1, 10000),
    (10, 10),
    (10, 100),
    (10, 1000),
    (10, 10000),
    (50, 50),
    (200, 200),
    (200, 1000),
]
VARIABLES: dict[str, Any] = {
    "egress_mode": "enforce",
    "egress_tier": "free",
    "egress_tiers": {
        "free": {
            "ceiling": {
                "internal": {"services": "any", "any": True},
                "external": {"services": "any", "any": True, "most": {"ipv4": 0, "ipv6": 0}},
            }
        }
    },
    "egress_internal_networks": ["10.0.0.0/8"],
    "egress_dns_servers": ["10.0.0.53"],
    "egress_ntp_servers": ["10.0.0.123"],
    "egress_never": [{"to": "cloud-metadata"}],
}


def address(number: int) -> str:
    """The addresses of the policies, no two of them side by side."""
    return f"100.{64 + number // 16384}.{number // 128 % 128}.{number % 128 * 2}"


def compiled(entries: int, destinations: int) -> tuple[dict[str, Any], list[Destination]]:
    """A policy whose entries share the destinations out, all of them for one port, and what it allows."""
    each = destinations // entries
    allow = [
        {
            "name": f"entry-{number:03}",
            "to": [address(number * each + one) for one in range(each)],
            "services": [f"udp/{PORT}"],
        }
        for number in range(entries)
    ]
    variables = {
        **VARIABLES,
        "egress_allow_bench": [*allow, {"name": "peer", "to": THERE, "services": [f"udp/{PORT}"]}],
    }
    resolved = policy.build(variables, FixedInventory(), today=dt.date(2026, 11, 20))
    return compile_table(resolved), [(address(number), PORT) for number in range(each * entries)]


def with_rules(spec: dict[str, Any], rules: list[str]) -> dict[str, Any]:
    """The same table with these rules in place of the entries."""
    spec = copy.deepcopy(spec)
    for chain in spec["chains"]:
        if chain["name"] == "egress_allow":
            chain["rules"] = rules
    return spec


def linear(destinations: int) -> tuple[dict[str, Any], list[Destination]]:
    """The same table with a rule for each destination."""
    spec, allowed = compiled(10, destinations)
    rules = [f"ip daddr {one} udp dport {port} counter accept" for one, port in allowed]
    return with_rules(spec, rules), allowed


def floor(destinations: int) -> str:
    """The same table without entries. The more destinations, the more the rest of the kernel has to look for."""
    return f"everything allowed, {destinations} destinations"


def for_entries(costs: dict[str, float], name: str) -> float:
    """What the entries cost, or the rules in their place: what stands above the same table that allows everything."""
    destinations = 1 if name == LAST else int(re.search(r"([0-9]+) destinations", name)[1])  # type: ignore[index]
    return costs[name] - costs[floor(destinations)]


def wires() -> Iterator[Wire]:
    empty = (
        "table inet t {\nchain c {\ntype filter hook output priority 0;\nct state established,related accept\n}\n}\n"
    )
    spec, few = compiled(10, 10)
    yield wire(NONE, "", few)
    yield wire(EMPTY, empty, few)
    for destinations in (1, *sorted({count for _entries, count in LAYOUTS})):
        everything = render(with_rules(spec, ["accept"]))
        yield wire(floor(destinations), everything, [(address(number), PORT) for number in range(destinations)])
    yield wire(OPEN, render(spec), [(THERE, PORT)], established=True)
    for entries, destinations in LAYOUTS:
        spec, allowed = compiled(entries, destinations)
        yield wire(f"{entries} entries, {destinations} destinations", render(spec), allowed)
    for destinations in (10, 100, 1000):
        spec, allowed = linear(destinations)
        yield wire(f"a rule for each of {destinations} destinations", render(spec), allowed)
    yield wire(LAST, render(spec), allowed[-1:])


@pytest.fixture(scope="module")
def costs() -> dict[str, float]:
    """Nanoseconds a packet, by what is measured."""
    with data_path.namespaces():
        pairs = list(wires())
        try:
            data_path.measure(pairs)
        finally:
            for one in pairs:
                one.close()
    print(f"\n{'':52}{'ns a packet':>12}{'for the entries':>17}")
    by_name = {one.name: one.best for one in pairs}
    for name, cost in by_name.items():
        compared = "destinations" in name and not name.startswith("everything")
        print(f"{name:52}{cost:12.0f}{for_entries(by_name, name) if compared else 0:17.0f}")
    for entries in (1, 10):
        few, many = (f"{entries} entries, {destinations} destinations" for destinations in (10, 1000))
        _note(
            many,
            few,
            by_name[floor(10)] + for_entries(by_name, many),
            by_name[few],
            1.3,
            "the kernel's tree of intervals",
        )
    _note(
        "10 entries, 10 destinations",
        "50 entries, 50 destinations",
        by_name["10 entries, 10 destinations"],
        by_name["50 entries, 50 destinations"],
        1.0,
        "32 entries or fewer stay in one chain that people read (docs/performance.md)",
    )
    return by_name


def _note(what: str, beside: str, ours: float, other: float, limit: float, why: str) -> None:
    times = ours / other
    row = Row(
        f"a new flow, {what}",
        f"{ours:.0f} ns",
        f"{beside} {other:.0f} ns",
        times,
        f"{limit} times",
        times <= limit,
        why,
    )
    ROWS.append(row)


def test_two_hundred_entries_cost_less_than_twice_what_ten_cost(costs: dict[str, float]) -> None:
    """Of all that the table costs, and of all that a packet costs."""
    ten, many = (costs[f"{number} entries, {number} destinations"] for number in (10, 200))
    assert many - costs[NONE] < 2 * (ten - costs[NONE])
    assert many < 2 * ten


@pytest.mark.parametrize("entries", [1, 10])
def test_a_thousand_destinations_cost_hardly_more_than_ten(costs: dict[str, float], entries: int) -> None:
    """Without what the rest of the kernel takes for more destinations."""
    few, many = (f"{entries} entries, {destinations} destinations" for destinations in (10, 1000))
    assert costs[floor(10)] + for_entries(costs, many) < 1.3 * costs[few]


def test_a_thousand_destinations_cost_far_less_than_a_rule_for_each(costs: dict[str, float]) -> None:
    """On the way to all of them in turn, and to the one whose rule is the last."""
    each, last = (for_entries(costs, name) for name in ("a rule for each of 1000 destinations", LAST))
    for entries, times in ((1, 8), (10, 3), (200, 5)):
        ours = for_entries(costs, f"{entries} entries, 1000 destinations")
        assert ours < min(each / times, last / times / 1.5), entries


def test_packets_of_an_open_flow_see_two_rules(costs: dict[str, float]) -> None:
    assert costs[OPEN] - costs[NONE] < 0.6 * (costs["10 entries, 10 destinations"] - costs[NONE])
