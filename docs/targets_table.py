# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the table of docs/targets.md from the registry of targets; --check only compares it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import tables

from ansible_collections.tidegate.nftables.plugins.module_utils.protocols import ICMP, ICMPV6, WITH_PORTS
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import ALL_PROTOCOLS, Capabilities
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.registry import TARGETS

PAGE = Path(__file__).with_name("targets.md")
_WIDENS = {"": "-", "protocol": "the whole protocol", "any": "every protocol"}
_NAMES = {"no": "no", "exact": "yes", "below": "with all names below"}
_PROTOCOLS = {number: name for name, number in WITH_PORTS.items()} | {ICMP: "ICMP", ICMPV6: "ICMPv6"}

ROWS: Mapping[str, Callable[[Capabilities], str]] = {
    "`users` of an entry": lambda can: _yes(can.user),
    "`units` of an entry": lambda can: _yes(can.unit),
    "containers distinct from their host": lambda can: _yes(can.containers),
    "addresses": lambda can: " and ".join(f"IPv{version}" for version in can.families) or "no",
    "domain names": lambda can: _NAMES[can.names],
    "prefix lists that others fill": lambda can: (
        "yes" if can.filled else "by their `names`" if can.names != "no" else "no"
    ),
    "destinations by names of its own": lambda can: can.references or "no",
    "ICMP": lambda can: _yes(can.icmp),
    "protocols": lambda can: _protocols(can.protocols),
    "ports and ranges": lambda can: _protocols(can.ported),
    "any protocol at once": lambda can: _yes(can.any),
    "`approximate: wider` opens": lambda can: _WIDENS[can.widens],
    "`egress_never` beside names": lambda can: _yes(can.deny) if can.names != "no" else "-",
    "rendered parts of the floor": lambda can: ", ".join(can.floor) or "nothing",
    "denied flows are seen in": lambda can: can.log,
    "`observe`": lambda can: _yes(can.observe),
    "an entry with `expires` ends": lambda can: "by itself" if can.expiry == "itself" else f"with {can.expiry}",
    "entry limit": lambda can: can.limit,
}


def capabilities() -> str:
    """Return the table of what each target can express."""
    head = ["", *(f"[{name}](targets/{name}.md)" for name in TARGETS)]
    return tables.table(
        head, ([what, *(cell(target.can) for target in TARGETS.values())] for what, cell in ROWS.items())
    )


def _yes(can: bool) -> str:
    return "yes" if can else "no"


def _protocols(numbers: frozenset[int]) -> str:
    if numbers == ALL_PROTOCOLS:
        return "all"
    return ", ".join(_PROTOCOLS.get(number, str(number)) for number in sorted(numbers)) or "none"


if __name__ == "__main__":
    sys.exit(tables.main(PAGE, {"capabilities": capabilities}, "the registry's capabilities"))
