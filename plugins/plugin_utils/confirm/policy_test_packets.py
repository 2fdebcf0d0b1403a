# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packets that a host sends for the policy tests: a sample of their flows, never more than a few dozen.

Only destinations that a test names as hosts get packets. A test of a network or of the internet is decided by the
policy's own algebra (policy/sets/reach.py) for every address at once; a packet to one address would prove less and
disturb strangers.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, zip_longest
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedTest
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, intervals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import PORT_PROTOCOLS

LIMIT = 64
"""Packets of all tests together: one round of parallel probes, so a few seconds."""
_HOSTS = 4
"""Addresses per test and address family."""
_PORTS = 2
"""Ports per test and protocol."""
_COMMON = (443, 80, 22)
"""The first of these in a range of ports represents the range."""
PROTOCOLS = {PORT_PROTOCOLS[name]: name for name in ("tcp", "udp")}

Packet = dict[str, Any]


def packets(resolved: policy.ResolvedPolicy) -> list[Packet]:
    """Return the packets as the option tests of egress_guard: the first packet of each test before the second of any.

    Packets that egress_deny_quietly rejects are left out: they leave no line in the ledger, so the host could not tell
    that it rejected them.
    """
    known = resolved.named_users()
    turns = zip_longest(*(list(_of(resolved, test, known)) for test in resolved.tests))
    return [packet for packet in chain.from_iterable(turns) if packet is not None][:LIMIT]


def _of(resolved: policy.ResolvedPolicy, test: ResolvedTest, known: frozenset[str]) -> Iterator[Packet]:
    user = {} if test.user is None else {"user": test.user, "missing_user": "skip" if test.user in known else "error"}
    unit = {} if test.unit is None else {"unit": test.unit}
    for port_at in range(_PORTS):
        for protocol, name in PROTOCOLS.items():
            ports = _ports(test.services.protocols().get(protocol, ()))
            for version, address in _sample(test.hosts) if port_at < len(ports) else ():
                if not _is_quiet(resolved, version, address, protocol, ports[port_at]):
                    yield {
                        "name": test.name,
                        "to": addresses.to_text(version, address),
                        "protocol": name,
                        "port": ports[port_at],
                        "expect": "reach" if test.reach else "not_reach",
                        **user,
                        **unit,
                    }


def _sample(hosts: addresses.AddressSet) -> list[tuple[int, int]]:
    """Return (IP version, address) of a few hosts, spread over all of them."""
    sample = []
    for version in (4, 6):
        candidates = [address for start, end in hosts.family(version) for address in range(start, end + 1)]
        step = -(-len(candidates) // _HOSTS)
        sample += [(version, address) for address in candidates[::step]] if step else []
    return sample


def _ports(ranges: intervals.Intervals) -> list[int]:
    """Return one port of each of the first ranges."""
    return [
        next((port for port in _COMMON if start <= port <= end), max(start, 1))
        for start, end in ranges[:_PORTS]
        if end > 0
    ]


def _is_quiet(resolved: policy.ResolvedPolicy, version: int, address: int, protocol: int, port: int) -> bool:
    return any(
        intervals.contains(grant.addresses.family(version), address) and grant.services.contains(protocol, port)
        for grant in resolved.quiet
    )
