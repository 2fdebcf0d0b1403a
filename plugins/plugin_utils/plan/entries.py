# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which entries of one host came, went or were changed."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedEntry, ResolvedPolicy

from .model import CHANGED, GONE, NEW, EntryChange, Hosts
from .wording import address_text

NOBODY = Hosts((), ())


def entry_changes(before: ResolvedPolicy | None, after: ResolvedPolicy | None) -> list[EntryChange]:
    """Without their hosts, so that the same change of many hosts is one. Entries are the same by name and direction."""
    old, new = _entries(before), _entries(after)
    found = [_change(NEW, new[key]) for key in new if key not in old]
    found += [_change(GONE, old[key]) for key in old if key not in new]
    found += [
        _change(CHANGED, new[key], differences)
        for key in new
        if key in old and (differences := _differences(old[key], new[key]))
    ]
    return found


def _entries(resolved: ResolvedPolicy | None) -> dict[tuple[str, bool], ResolvedEntry]:
    if resolved is None:
        return {}
    every = (*resolved.all_entries(), *(resolved.inbound or ()))
    return {(entry.name, entry.kind == "inbound"): entry for entry in every}


def _change(what: str, entry: ResolvedEntry, changes: tuple[tuple[str, str, str], ...] = ()) -> EntryChange:
    return EntryChange(
        what,
        entry.name,
        entry.kind,
        entry.origin,
        NOBODY,
        entry.owner,
        entry.reason,
        entry.expires.isoformat() if entry.expires else "",
        entry.to,
        entry.service_texts,
        entry.users,
        entry.shared,
        changes,
    )


def _differences(old: ResolvedEntry, new: ResolvedEntry) -> tuple[tuple[str, str, str], ...]:
    """(key, before, after) of all that differs, addresses only where what was written is the same."""
    rows = {key: (_shown(getattr(old, name)), _shown(getattr(new, name))) for key, name in _KEYS.items()}
    found = [(key, before, after) for key, (before, after) in rows.items() if before != after]
    if old.addresses != new.addresses:
        gained, lost = new.addresses - old.addresses, old.addresses - new.addresses
        found.append(
            ("addresses", f"- {address_text(lost)}" if lost else "", f"+ {address_text(gained)}" if gained else "")
        )
    return tuple(found)


_KEYS = {
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


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value)
    return "" if value is None else str(value)
