# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A requested change: who wants it, what it is, and what of the table it does not own."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from typing import Any, Mapping, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import (
    DENIED_CHAIN,
    MODE_RULES,
    NEVER_CHAIN,
    TABLE,
    TABLE_TEXT,
    is_entry_chain,
)

_ENTRY_SET = re.compile(r"(?:allow|inbound)_([^.]+)(?:\..*)?[46]")
_SHOWN = 10
"""Entries that the description of a change names."""


@dataclass(frozen=True)
class ChangeRequest:
    """A requested change.

    who: the controller's user; what: description for the history; others: sets whose elements the policy does not own;
    spec: checksum of what the policy is compiled from; policy: that itself, packed, "" while unknown.
    """

    who: str = ""
    what: str = ""
    others: tuple[str, ...] = ()
    spec: str = ""
    policy: str = ""


def of_tables(tables: Sequence[Mapping[str, Any]], who: str, what: str = "", policy: str = "") -> ChangeRequest:
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
    return ChangeRequest(who, what, tuple(sorted(others)), spec, policy)


def described(request: ChangeRequest, changes: Sequence[Mapping[str, Any]]) -> ChangeRequest:
    """Return the request with a description of the engine's changes, unless it has one.

    The confirmation brings a better one: the controller knows what each change does to packets.
    """
    return request if request.what else replace(request, what=description(changes))


def description(changes: Sequence[Mapping[str, Any]]) -> str:
    """Return the engine's changes in the words of the policy, as far as the table alone tells them."""
    if any((change.get("kind"), change.get("action")) == ("table", "add") for change in changes):
        return "the whole table was loaded"
    names: dict[str, list[str]] = {"add": [], "delete": [], "destinations": []}
    modes, never, others = [], False, False
    for change in changes:
        action, kind, chain = (str(change.get(key)) for key in ("action", "kind", "chain"))
        entry = _ENTRY_SET.fullmatch(str(change.get("set"))) if kind == "element" else None
        if kind == "rule" and is_entry_chain(chain) and change.get("comment") and action in names:
            names[action].append(str(change["comment"]))
        elif entry is not None:
            names["destinations"].append(entry[1])
        elif chain == DENIED_CHAIN and change.get("text") in MODE_RULES:
            modes += [f"mode {MODE_RULES[change['text']]}"] if action == "add" else []
        elif chain.startswith(NEVER_CHAIN):
            never = True
        else:
            others = True
    changed = [name for name in names["add"] if name in names["delete"]] + names["destinations"]
    lists = {
        "opened": [name for name in names["add"] if name not in changed],
        "closed": [name for name in names["delete"] if name not in changed],
        "changed": changed,
    }
    parts = [*modes, *(f"{verb} {_first(entries)}" for verb, entries in lists.items() if entries)]
    parts += ["changed egress_never"] if never else []
    return ", ".join(parts) or ("the table changed" if others else "no change")


def is_undescribed(result: Mapping[str, Any]) -> bool:
    """Return whether in a result of phase apply the policy changed and the table did not.

    The host records such a policy when the run is repeated with ``what``, which only the controller knows: it can
    compare both policies.
    """
    return bool(result.get("policy_before")) and "what" not in result


def _is_filled_by_others(collection: Mapping[str, Any]) -> bool:
    without_elements = collection.get("elements") is None and not collection.get("elements_from")
    return without_elements or "dynamic" in (collection.get("flags") or ())


def _first(names: Sequence[str]) -> str:
    """Return the first names, each once, and how many more there are."""
    different = sorted(set(names))
    more = len(different) - _SHOWN
    return " ".join(different[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
