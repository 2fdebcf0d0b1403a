# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fitted policy of one host as plain data, which travels through variables to where units are made of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from .model import Closing, Opening, TargetDifference

Data = dict[str, Any]


def opening_data(one: Opening) -> Data:
    """An opening as data."""
    return _plain(one)


def closing_data(one: Closing) -> Data:
    """A closing as data."""
    return _plain(one)


def difference_data(one: TargetDifference) -> Data:
    """A difference as data."""
    return _plain(one)


def read_opening(data: Mapping[str, Any]) -> Opening:
    """The opening again."""
    return Opening(**_typed(data))


def read_closing(data: Mapping[str, Any]) -> Closing:
    """The closing again."""
    return Closing(**_typed(data))


def read_difference(data: Mapping[str, Any]) -> TargetDifference:
    """The difference again."""
    return TargetDifference(**_typed(data))


def read_addresses(cidrs: list[str]) -> AddressSet:
    """Addresses from their networks."""
    return addresses.union(addresses.parse(str(one)) for one in cidrs)


def _plain(one: Opening | Closing | TargetDifference) -> Data:
    found = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(one).items()}
    found["addresses"] = one.addresses.cidrs()
    found["services"] = [list(pair) for pair in one.services.line]
    return {key: value.isoformat() if isinstance(value, dt.date) else value for key, value in found.items()}


def _typed(data: Mapping[str, Any]) -> Data:
    found: Data = {}
    for key, value in data.items():
        if key == "addresses":
            found[key] = read_addresses(value)
        elif key == "services":
            found[key] = ServiceSet(tuple((int(first), int(last)) for first, last in value))
        elif isinstance(value, list | tuple):
            found[key] = tuple(str(item) for item in value)
        else:
            found[key] = value if value is None else str(value)
    return found
