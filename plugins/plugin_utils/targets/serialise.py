# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Openings, closings and differences as plain data and back: the data travel through Ansible variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from .model import Closing, Opening, TargetDifference

Data = dict[str, Any]


def opening_data(opening: Opening) -> Data:
    """Return an opening as data."""
    return _plain(opening)


def closing_data(closing: Closing) -> Data:
    """Return a closing as data."""
    return _plain(closing)


def difference_data(difference: TargetDifference) -> Data:
    """Return a difference as data."""
    return _plain(difference)


def read_opening(data: Mapping[str, Any]) -> Opening:
    """Return the opening of `opening_data`."""
    return Opening(**_typed(data))


def read_closing(data: Mapping[str, Any]) -> Closing:
    """Return the closing of `closing_data`."""
    return Closing(**_typed(data))


def read_difference(data: Mapping[str, Any]) -> TargetDifference:
    """Return the difference of `difference_data`."""
    return TargetDifference(**_typed(data))


def read_addresses(cidrs: Sequence[str]) -> AddressSet:
    """Return the addresses of networks. Entries that share a list have it read once."""
    return _read_addresses(tuple(cidrs))


@lru_cache(maxsize=16)
def _read_addresses(cidrs: tuple[str, ...]) -> AddressSet:
    return addresses.union(addresses.parse(str(cidr)) for cidr in cidrs)


@lru_cache(maxsize=16)
def _cidrs(destinations: AddressSet) -> list[str]:
    """Return networks as texts; the same list for the same addresses, to be read only."""
    return destinations.cidrs()


def _plain(record: Opening | Closing | TargetDifference) -> Data:
    """Return the fields: tuples as lists, addresses as networks, services as ranges of the line of services."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    services = [list(pair) for pair in record.services.line]
    return {**plain, "addresses": _cidrs(record.addresses), "services": services}


def _typed(data: Mapping[str, Any]) -> Data:
    return {key: _value(key, value) for key, value in data.items()}


def _value(key: str, value: Any) -> Any:
    if key == "addresses":
        return read_addresses(value)
    if key == "services":
        return ServiceSet(tuple((int(first), int(last)) for first, last in value))
    if isinstance(value, list | tuple):
        return tuple(str(element) for element in value)
    return value if value is None else str(value)
