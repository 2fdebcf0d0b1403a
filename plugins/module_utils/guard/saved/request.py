# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A requested change: who wants it, what it is, and what of the table it does not own."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any, Mapping, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import (
    DENIED_CHAIN,
    MODE_RULES,
    TABLE,
    TABLE_TEXT,
    is_entry_chain,
)

_SHOWN = 10
"""Entries that the description of a change names."""


@dataclass(frozen=True)
class ChangeRequest:
    """A requested change.

    who: the controller's user; what: description for the history; others: sets whose elements the policy does not own;
    spec: checksum of what the policy is compiled from.
    """

    who: str = ""
    what: str = ""
    others: tuple[str, ...] = ()
    spec: str = ""


def of_tables(tables: Sequence[Mapping[str, Any]], who: str, what: str = "") -> ChangeRequest:
    """Return the request for a table spec; raise GuardError (bad_request) unless it is the guard's one table."""
    names = [(table.get("family", "inet"), table.get("name")) for table in tables]
    if names != [TABLE]:
        raise GuardError("bad_request", f"tables: the guard accepts exactly one table, {TABLE_TEXT}. {UNCHANGED}")
    others = [
        str(collection["name"])
        for kind in ("sets", "maps")
        for collection in tables[0].get(kind) or ()
        if _is_filled_by_others(collection)
    ]
    spec = hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()
    return ChangeRequest(who, what, tuple(sorted(others)), spec)


def described(request: ChangeRequest, changes: Sequence[Mapping[str, Any]]) -> ChangeRequest:
    """Return the request with a description of the engine's changes, unless it has one."""
    if request.what:
        return request
    counts: dict[tuple[str, str], int] = {}
    entries: dict[str, list[str]] = {"add": [], "delete": []}
    modes: list[str] = []
    for change in changes:
        action, kind, chain = (str(change.get(key)) for key in ("action", "kind", "chain"))
        counts[action, kind] = counts.get((action, kind), 0) + int(change.get("count") or 1)
        if kind == "rule" and is_entry_chain(chain) and change.get("comment"):
            entries.get(action, []).append(str(change["comment"]))
        if chain == DENIED_CHAIN and action == "add" and change.get("text") in MODE_RULES:
            modes.append(f"mode {MODE_RULES[change['text']]}")
    verbs = {"add": "opened", "delete": "closed"}
    parts = [*modes, *(f"{verbs[action]} {_first(names)}" for action, names in entries.items() if names)]
    parts += [f"{action} {count} {kind}{'s' if count != 1 else ''}" for (action, kind), count in counts.items()]
    return replace(request, what=", ".join(parts) or "no change")


def _is_filled_by_others(collection: Mapping[str, Any]) -> bool:
    without_elements = collection.get("elements") is None and not collection.get("elements_from")
    return without_elements or "dynamic" in (collection.get("flags") or ())


def _first(names: Sequence[str]) -> str:
    """Return the first names, each once, and how many more there are."""
    different = sorted(set(names))
    more = len(different) - _SHOWN
    return " ".join(different[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
