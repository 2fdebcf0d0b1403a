# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as sets of the policy's algebra: addresses, and whole numbers such as ports, protocols and uids."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, intervals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.intervals import Interval, Intervals

from .model import NotModelled, Prefix, Range, Value

FAMILIES = {
    "ip": AddressSet(v4=addresses.EVERYTHING.v4),
    "ip6": AddressSet(v6=addresses.EVERYTHING.v6),
    "inet": addresses.EVERYTHING,
}
"""The families of tables whose packets are IP, with the addresses that such a table sees."""


def number_range(value: Value) -> Interval:
    """Return (first, last) of a number or a range of numbers. Raises NotModelled."""
    first, last = (value.first, value.last) if isinstance(value, Range) else (value, value)
    if not isinstance(first, int) or not isinstance(last, int) or first > last:
        raise NotModelled(f"the value {value}")
    return first, last


def number_set(values: Iterable[Value]) -> Intervals:
    """Return all numbers of several values. Raises NotModelled."""
    return intervals.normalise(number_range(value) for value in values)


def address_set(values: Iterable[Value]) -> AddressSet:
    """Return all addresses of several values. Raises NotModelled, also for names: they may mean others tomorrow."""
    return addresses.union(_addresses(value) for value in values)


def _addresses(value: Value) -> AddressSet:
    try:
        if isinstance(value, Prefix):
            network = ipaddress.ip_network(f"{value.address}/{value.length}", strict=False)
            return addresses.interval(network.version, int(network.network_address), int(network.broadcast_address))
        ends = (value.first, value.last) if isinstance(value, Range) else (value, value)
        first, last = (ipaddress.ip_address(end if isinstance(end, str) else "") for end in ends)
    except ValueError as error:
        raise NotModelled(f"the address {value}") from error
    if first.version != last.version or int(first) > int(last):
        raise NotModelled(f"the address {value}")
    return addresses.interval(first.version, int(first), int(last))
