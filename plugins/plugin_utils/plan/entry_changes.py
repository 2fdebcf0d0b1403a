# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of one host that were added, removed or changed."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedEntry, ResolvedPolicy

from .model import EntryChange, EntryOutcome, HostGroup
from .wording import address_text

NO_HOSTS = HostGroup((), ())
_FIELDS = {
    "to": ("to", ""),
    "services": ("service_texts", ""),
    "users": ("users", "everybody"),
    "units": ("units", "any"),
    "for": ("for_", ""),
    "reason": ("reason", "(none)"),
    "owner": ("owner", "(none)"),
    "expires": ("expires", "never"),
    "review_by": ("review_by", "(none)"),
    "approximate": ("approximate", "(none)"),
    "keep": ("keep", ""),
    "kind": ("kind", ""),
}
"""Key of an entry in group_vars -> field of the resolved entry, and what it means that it is not set."""
Key = tuple[str, bool]
"""Name of an entry, and whether it is inbound."""


def entry_changes(before: ResolvedPolicy | None, after: ResolvedPolicy | None) -> list[EntryChange]:
    """Return the changes without hosts, so that equal changes of several hosts are equal.

    An entry is the same in both commits when name and direction are; or, where only the name is another, when exactly
    one entry went and one came that are equal.
    """
    old, new = entries_by_name(before), entries_by_name(after)
    renamed = _renamed(old, new)
    expired = {(entry.name, entry.inbound) for entry in after.expired} if after else set()
    changes = [_change("added", new[key]) for key in new if key not in old and key not in renamed]
    changes += [
        _change("expired" if key in expired else "removed", old[key])
        for key in old
        if key not in new and key not in renamed.values()
    ]
    changes += [replace(_change("renamed", new[key]), before=name) for key, (name, _inbound) in renamed.items()]
    changes += [
        _change("changed", new[key], differences)
        for key in new
        if key in old and (differences := _differences(old[key], new[key]))
    ]
    return changes


def entries_by_name(resolved: ResolvedPolicy | None) -> dict[Key, ResolvedEntry]:
    """Return the entries of a policy, of no policy none."""
    if resolved is None:
        return {}
    entries = (*resolved.all_entries(), *(resolved.inbound or ()))
    return {(entry.name, entry.kind == "inbound"): entry for entry in entries}


def _renamed(old: dict[Key, ResolvedEntry], new: dict[Key, ResolvedEntry]) -> dict[Key, Key]:
    """Return the key of each entry that was only renamed -> its key before."""
    went, came = (
        {key: replace(entry, name="", where="") for key, entry in side.items() if key not in other}
        for side, other in ((old, new), (new, old))
    )
    pairs = {}
    for key, entry in came.items():
        before = [other for other, content in went.items() if content == entry and other[1] == key[1]]
        if len(before) == 1 and sum(content == entry for content in came.values()) == 1:
            pairs[key] = before[0]
    return pairs


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
        units=entry.units,
        shared=entry.shared,
        changes=changes,
    )


def _differences(old: ResolvedEntry, new: ResolvedEntry) -> tuple[tuple[str, str, str], ...]:
    """Return (key, before, after) of each difference; what changes behind a word or a bundle counts as one."""
    rows = {
        key: (_text(getattr(old, field), unset), _text(getattr(new, field), unset))
        for key, (field, unset) in _FIELDS.items()
    }
    differences = [(key, before, after) for key, (before, after) in rows.items() if before != after]
    if old.to == new.to and old.names != new.names:
        was, now = (", ".join(name.name for name in entry.names) for entry in (old, new))
        differences.append(("names", was, now))
    if old.addresses != new.addresses:
        gained, lost = new.addresses - old.addresses, old.addresses - new.addresses
        differences.append(
            ("addresses", f"- {address_text(lost)}" if lost else "", f"+ {address_text(gained)}" if gained else "")
        )
    return tuple(differences)


def _text(value: object, unset: str) -> str:
    text = ", ".join(str(element) for element in value) if isinstance(value, tuple) else str(value or "")
    return text or unset
