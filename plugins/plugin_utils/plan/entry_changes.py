# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of one host that were added, removed or changed."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedEntry, ResolvedPolicy

from .model import EntryChange, EntryOutcome, HostGroup
from .wording import address_text

NO_HOSTS = HostGroup((), ())
_FIELDS = {
    "to": "to",
    "services": "service_texts",
    "users": "users",
    "for": "for_",
    "reason": "reason",
    "owner": "owner",
    "expires": "expires",
    "review_by": "review_by",
    "kind": "kind",
}
"""Key of an entry in group_vars -> field of the resolved entry."""


def entry_changes(before: ResolvedPolicy | None, after: ResolvedPolicy | None) -> list[EntryChange]:
    """Return the changes without hosts, so that equal changes of several hosts are equal.

    An entry is the same in both commits when name and direction are.
    """
    old, new = _entries(before), _entries(after)
    changes = [_change("added", new[key]) for key in new if key not in old]
    changes += [_change("removed", old[key]) for key in old if key not in new]
    changes += [
        _change("changed", new[key], differences)
        for key in new
        if key in old and (differences := _differences(old[key], new[key]))
    ]
    return changes


def _entries(resolved: ResolvedPolicy | None) -> dict[tuple[str, bool], ResolvedEntry]:
    """Return the entries by name and whether they are inbound."""
    if resolved is None:
        return {}
    entries = (*resolved.all_entries(), *(resolved.inbound or ()))
    return {(entry.name, entry.kind == "inbound"): entry for entry in entries}


def _change(outcome: EntryOutcome, entry: ResolvedEntry, changes: tuple[tuple[str, str, str], ...] = ()) -> EntryChange:
    return EntryChange(
        outcome=outcome,
        name=entry.name,
        kind=entry.kind,
        origin=entry.origin,
        hosts=NO_HOSTS,
        owner=entry.owner,
        reason=entry.reason,
        expires=entry.expires.isoformat() if entry.expires else "",
        to=entry.to,
        services=entry.service_texts,
        users=entry.users,
        shared=entry.shared,
        changes=changes,
    )


def _differences(old: ResolvedEntry, new: ResolvedEntry) -> tuple[tuple[str, str, str], ...]:
    """Return (key, before, after) of each difference; a change of the addresses behind a word counts as one."""
    rows = {key: (_text(getattr(old, field)), _text(getattr(new, field))) for key, field in _FIELDS.items()}
    differences = [(key, before, after) for key, (before, after) in rows.items() if before != after]
    if old.addresses != new.addresses:
        gained, lost = new.addresses - old.addresses, old.addresses - new.addresses
        differences.append(
            ("addresses", f"- {address_text(lost)}" if lost else "", f"+ {address_text(gained)}" if gained else "")
        )
    return tuple(differences)


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(element) for element in value)
    return "" if value is None else str(value)
