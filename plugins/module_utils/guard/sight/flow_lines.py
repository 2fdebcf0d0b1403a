# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether single flows are rejected between two moments, by their lines in the ledger.

A flow without a line was rejected or not: its line may have found no room. So what found none is counted beside it, and
where that grew, a line is made for the flow before its next packet: a line that is there always counts.

A flow of a cgroup is one of the ledger's notes about units. Nothing counts what found no room among them, so a note is
made before the first packet.
"""

from __future__ import annotations

import errno
from contextlib import suppress
from dataclasses import dataclass
from typing import Collection, Iterable, Mapping, NamedTuple

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.counted_elements import get_counted
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import (
    AlreadyExists,
    NetlinkError,
    StaleGeneration,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.made_elements import make_elements
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.tables import table_counters
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import (
    LEDGER_FULL_COUNTER,
    LEDGER_SETS,
    TABLE,
    UNIT_LEDGER_SETS,
    would_deny,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.units.fill import key

from .denied_ledger import key_of

_ATTEMPTS = 20
"""How often lines are made anew because packets or other programs wrote meanwhile."""


class Flow(NamedTuple):
    """A flow of a user. protocol: one with ports, by name; cgroup: the id of its sockets' cgroup, 0 for any."""

    address: str
    protocol: str
    port: int
    uid: int
    cgroup: int = 0

    @property
    def version(self) -> int:
        """The version of IP."""
        return 6 if ":" in self.address else 4


@dataclass(frozen=True)
class Moment:
    """The ledger at one time. packets: of the flows with a line; left_out: packets that made no line, of all flows."""

    packets: Mapping[Flow, int]
    left_out: int

    def rejected_since(self, before: Moment) -> frozenset[Flow]:
        """Return the flows that were rejected since another moment."""
        return frozenset(flow for flow, count in self.packets.items() if count > before.packets.get(flow, 0))


def look(flows: Collection[Flow]) -> Moment:
    """Return the lines of flows now."""
    packets: dict[Flow, int] = {}
    lines = _keys(flow for flow in flows if not flow.cgroup)
    for name, keys in [*lines.items(), *_note_keys(flows).items()]:
        for flow, element in zip(keys, get_counted(*TABLE, name, list(keys.values())) or ()):
            if element is not None:
                packets[flow] = packets.get(flow, 0) + element.packets
    counters = table_counters(*TABLE)
    full = (LEDGER_FULL_COUNTER, would_deny(LEDGER_FULL_COUNTER))
    return Moment(packets, sum(counters.get(name, (0, 0))[0] for name in full))


def make_lines(flows: Collection[Flow], seconds: float) -> frozenset[Flow]:
    """Make the lines that flows do not have, for some seconds; return the flows that have one in every ledger set now.

    Those of a cgroup have a note besides; they have none where the ledger does not note units.

    Without a packet, the kernel removes them at the end of that time.
    """
    without: set[Flow] = set()
    for name, keys in _keys(flows).items():
        if _made(name, keys, seconds) is False:
            without.update(keys)
    for name, keys in _note_keys(flows).items():
        if not _made(name, keys, seconds):
            without.update(keys)
    return frozenset(flows) - without


def _made(name: str, keys: Mapping[Flow, bytes], seconds: float) -> bool | None:
    """Make lines in one set; return whether all are there, None without such a set."""
    for _attempt in range(_ATTEMPTS):
        present = get_counted(*TABLE, name, list(keys.values()))
        if present is None:
            return None
        # Flows of several cgroups have one line.
        missing = dict.fromkeys((name, key) for key, element in zip(keys.values(), present) if element is None)
        if not missing:
            return True
        try:
            with suppress(AlreadyExists, StaleGeneration):
                make_elements(*TABLE, missing, seconds)
        except NetlinkError as error:
            if error.errno == errno.ENFILE:
                return False
            raise
    return False


def _keys(flows: Iterable[Flow]) -> dict[str, dict[Flow, bytes]]:
    """Return the key of each flow in each ledger set that may have its line."""
    flows = list(flows)
    return {
        name: keys
        for name, ledger_set in LEDGER_SETS.items()
        if ledger_set.user and ledger_set.port
        for keys in (
            {
                flow: key_of(ledger_set, flow.address, protocols.NUMBERS[flow.protocol], flow.port, flow.uid)
                for flow in flows
                if flow.version == ledger_set.version
            },
        )
        if keys
    }


def _note_keys(flows: Iterable[Flow]) -> dict[str, dict[Flow, bytes]]:
    """Return the key of each flow of a cgroup in each set of notes that may have it."""
    lines = _keys(flow for flow in flows if flow.cgroup)
    return {
        name: {flow: line + key(flow.cgroup) for flow, line in lines[ledger.name].items()}
        for name, ledger in UNIT_LEDGER_SETS.items()
        if ledger.name in lines
    }
