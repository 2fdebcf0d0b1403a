# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics in the text format of Prometheus: what there is, its bounds, and the kinds of destinations."""

from __future__ import annotations

import ipaddress
from typing import Dict, Iterable, Iterator, Mapping, NamedTuple, Sequence, Tuple

from .kept_ledger import KeptLedger, KeptLine

MOST_ENTRIES = 200
"""Entries with a series of their own; the rest is counted by tidegate_series_overflow."""

CLASSES = ("dns", "metadata", "multicast", "internal", "internet")
"""Kinds of destinations; the first that fits counts."""

_METADATA = tuple(
    map(
        ipaddress.ip_network, ("169.254.0.0/16", "168.63.129.16/32", "100.100.100.200/32", "fd00:ec2::/32", "fe80::/10")
    )
)
"""Metadata services of clouds, all of which are link-local or these."""

Key = Tuple[str, str, str]
"""Mode, class, family."""
Totals = Dict[Key, Tuple[int, int]]
"""Packets and flows."""


class Family(NamedTuple):
    """A metric. kind: counter or gauge. samples: labels and value."""

    name: str
    kind: str
    about: str
    samples: Sequence[tuple[Mapping[str, str], float]]


def class_of(line: KeptLine, internal: Sequence[str]) -> str:
    """Return the kind of a line's destination. internal: egress_internal_networks, private addresses without it."""
    address = ipaddress.ip_address(line.address)
    if line.port in (53, 853):
        return "dns"
    if any(address in network for network in _METADATA):
        return "metadata"
    if address.is_multicast or line.address == "255.255.255.255":
        return "multicast"
    own = any(address in ipaddress.ip_network(network) for network in internal) if internal else address.is_private
    return "internal" if own else "internet"


def add(totals: Totals, before: KeptLedger, after: KeptLedger, internal: Sequence[str]) -> Totals:
    """Return totals with what came between two ledgers. Lines that were forgotten take nothing away."""
    known = {line.key: line.packets for line in before.lines}
    added = dict(totals)
    for line in after.lines:
        packets = line.packets - known.get(line.key, 0)
        if packets <= 0:
            continue
        key = (
            "observe" if line.observed else "enforce",
            class_of(line, internal),
            "ipv6" if ":" in line.address else "ipv4",
        )
        old = added.get(key, (0, 0))
        added[key] = (old[0] + packets, old[1] + (line.key not in known))
    return added


def rejected(totals: Totals, tier: str) -> Iterator[Family]:
    """Yield the metrics of rejected packets and flows, with every class, so that a rate has a first sample."""
    keys = [(mode, kind, family) for mode in ("enforce", "observe") for kind in CLASSES for family in ("ipv4", "ipv6")]
    for place, name, about in (
        (0, "tidegate_refused_packets_total", "Packets that were rejected (mode enforce) or would be (mode observe)."),
        (1, "tidegate_refused_flows_total", "Flows (destination, service, user) rejected for the first time."),
    ):
        samples = [
            (
                {"tier": tier, "mode": mode, "class": kind, "family": family},
                totals.get((mode, kind, family), (0, 0))[place],
            )
            for mode, kind, family in keys
        ]
        yield Family(name, "counter", about, samples)


def render(families: Iterable[Family]) -> str:
    """Return the text of metrics."""
    lines = []
    for family in families:
        lines += [f"# HELP {family.name} {family.about}", f"# TYPE {family.name} {family.kind}"]
        for labels, value in family.samples:
            shown = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
            number = str(int(value)) if value == int(value) else repr(float(value))
            lines.append(f"{family.name}{{{shown}}} {number}" if shown else f"{family.name} {number}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
