# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies as plain data and back: a fleet for another Ansible process, one policy for a later run."""

from __future__ import annotations

import base64
import datetime as dt
import json
import types
import typing
import zlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy

from .model import HostPolicy

LONGEST = 256 * 1024 * 1024
"""Bytes of a policy; a host could send what unpacks to more than the controller's memory."""


def plain(value: Any) -> Any:
    """Return a frozen dataclass as lists, mappings, numbers and texts; dates as ISO 8601."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [plain(element) for element in value]
    return value.isoformat() if isinstance(value, dt.date) else value


def fleet_data(fleet: Mapping[str, HostPolicy]) -> dict[str, Any]:
    """Return a fleet as plain data, a policy that hosts share only once."""
    shared = {id(policy.resolved): policy.resolved for policy in fleet.values() if policy.resolved}
    numbers = {key: number for number, key in enumerate(shared)}
    hosts = {
        host: {**plain(replace(policy, resolved=None)), "resolved": numbers.get(id(policy.resolved))}
        for host, policy in fleet.items()
    }
    return {"policies": [plain(resolved) for resolved in shared.values()], "hosts": hosts}


def fleet_from(data: Mapping[str, Any]) -> dict[str, HostPolicy]:
    """Return the fleet of data from `fleet_data`. Raises KeyError, TypeError or ValueError for other data."""
    policies = [_typed(ResolvedPolicy, policy) for policy in data["policies"]]
    fleet = {}
    for host, policy in data["hosts"].items():
        number = policy["resolved"]
        alone = _typed(HostPolicy, {**policy, "resolved": None})
        fleet[host] = replace(alone, resolved=None if number is None else policies[number])
    return fleet


def packed(resolved: ResolvedPolicy) -> str:
    """Return a policy as a short text, without where it is written."""
    data = _without_places(plain(replace(resolved, notices=(), origins=())))
    return base64.b64encode(zlib.compress(json.dumps(data, separators=(",", ":")).encode())).decode()


def unpacked(text: str) -> ResolvedPolicy | None:
    """Return the policy of a text that a host kept; None when there is none, or another release wrote it."""
    try:
        unpacking = zlib.decompressobj()
        data = unpacking.decompress(base64.b64decode(text), LONGEST)
        resolved: ResolvedPolicy | None = _typed(ResolvedPolicy, json.loads(data))
    except (ValueError, TypeError, KeyError, AttributeError, StopIteration, RecursionError, zlib.error):
        return None
    return resolved


def _without_places(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: "" if key == "origin" else _without_places(value) for key, value in data.items()}
    return [_without_places(element) for element in data] if isinstance(data, list) else data


def _typed(hint: Any, data: Any) -> Any:
    """Return the value of this type that `plain` has written as data."""
    if fields_of := _field_types(hint):
        return hint(**{name: _typed(field_type, data[name]) for name, field_type in fields_of.items()})
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return None if data is None else _typed(next(kind for kind in arguments if kind is not type(None)), data)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_typed(arguments[0], element) for element in data)
        return tuple(_typed(kind, element) for kind, element in zip(arguments, data, strict=True))
    if origin is typing.Literal:
        if data not in arguments:
            raise ValueError(f"{data!r} is not one of {arguments}")
        return data
    if hint is dt.date:
        return dt.date.fromisoformat(data)
    return hint(data)


@cache
def _field_types(hint: Any) -> dict[str, Any]:
    """Return the types of a dataclass's fields; {} for any other type."""
    return typing.get_type_hints(hint) if is_dataclass(hint) else {}
