# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads variables that are lists of entries: element by element, over all topics, each name once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import Place, variable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import Entry, PolicyTest

from . import values
from .context import Context
from .entries import label

Parsed = TypeVar("Parsed")
Named = TypeVar("Named", bound=Entry | PolicyTest)


def read(
    context: Context, variables: Mapping[str, Any], name: str, parse: Callable[[Context, Place, Any], Parsed | None]
) -> list[Parsed]:
    """Return the elements of one list variable that can be read; an empty `egress_allow_app:` is no entry."""
    parsed = (parse(context, place, item) for place, item in _elements(context, variable(name), variables.get(name)))
    return [entry for entry in parsed if entry is not None]


def _elements(context: Context, place: Place, value: Any) -> Iterator[tuple[Place, Any]]:
    if value is None:
        return
    if not isinstance(value, (list, tuple)):
        cause = f"is {values.kind(value)} where a list of entries is needed"
        context.report.error(place, cause, "begin each entry with a dash")
        return
    for element_place, item in values.items(context.report, place, value) or []:
        yield (place.index(int(element_place.path[-1]), label(item)), item)


def unique(context: Context, entries: Sequence[Named]) -> list[Named]:
    """Return each name once. The same entry of two groups is one entry; two entries of one name are an error."""
    by_name: dict[str, Named] = {}
    for entry in entries:
        first = by_name.setdefault(entry.name, entry)
        if first is not entry and first.raw != entry.raw:
            cause = f"another entry is called {entry.name}, too ({first.place.text})"
            context.report.error(entry.place, cause, "give one of them another name")
    return list(by_name.values())
