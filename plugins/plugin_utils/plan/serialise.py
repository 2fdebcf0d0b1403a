# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A resolved policy as plain data and back, to hand it from one Ansible process to another."""

from __future__ import annotations

import datetime as dt
import types
import typing
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy


def plain(value: Any) -> Any:
    """Lists, mappings, numbers and texts of a frozen dataclass; days as ISO 8601."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    return value.isoformat() if isinstance(value, dt.date) else value


def resolved_from(data: Any) -> ResolvedPolicy:
    """The policy that `plain` made this of. Raises KeyError, TypeError or ValueError for anything else."""
    found = _typed(ResolvedPolicy, data)
    assert isinstance(found, ResolvedPolicy)
    return found


def _typed(wanted: Any, data: Any) -> Any:
    if hints := _hints(wanted):
        return wanted(**{name: _typed(hint, data[name]) for name, hint in hints.items()})
    origin, inner = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (types.UnionType, typing.Union):
        return None if data is None else _typed(next(one for one in inner if one is not type(None)), data)
    if origin is tuple:
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_typed(inner[0], one) for one in data)
        return tuple(_typed(one, value) for one, value in zip(inner, data, strict=True))
    if wanted is dt.date:
        return dt.date.fromisoformat(data)
    return wanted(data)


@cache
def _hints(wanted: Any) -> dict[str, Any]:
    """The types of a dataclass's fields; nothing for what is none."""
    return typing.get_type_hints(wanted) if is_dataclass(wanted) else {}
