# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads list variables: element by element, over all topics, each name once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import Place, variable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import Entry, PolicyTest

from . import values
from .context import Context
from .entries import label

Parsed = TypeVar("Parsed")
Named = TypeVar("Named", bound=Entry | PolicyTest)


def read(
    context: Context, given: Mapping[str, Any], name: str, parse: Callable[[Context, Place, Any], Parsed | None]
) -> list[Parsed]:
    """The elements of one list variable that could be read; an empty `egress_allow_app:` is no entry."""
    place, value = variable(name), given.get(name)
    if value is None:
        return []
    if not isinstance(value, (list, tuple)):
        cause = f"is {values.kind(value)} where a list of entries belongs"
        context.report.error(place, cause, "begin each entry with a dash")
        return []
    parsed = (parse(context, place.index(index, label(item)), item) for index, item in enumerate(value))
    return [one for one in parsed if one is not None]


def once(context: Context, entries: Sequence[Named]) -> list[Named]:
    """Each name once. The same entry in two groups is one entry; another entry of the same name is a mistake."""
    by_name: dict[str, Named] = {}
    for entry in entries:
        first = by_name.setdefault(entry.name, entry)
        if first is not entry and first.raw != entry.raw:
            cause = f"the name {entry.name} is taken by another entry ({first.place.text})"
            context.report.error(entry.place, cause, "give one of them another name")
    return list(by_name.values())
