# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why flows pass in one policy and not in the other: servers, entries, egress_never."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import Reach, ResolvedEntry, ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.floor import servers
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.passing import entry_reach
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import of_boxes

from .model import Cause, Whose


def opened(before: ResolvedPolicy | None, after: ResolvedPolicy, flows: Reach, whose: Whose) -> tuple[Cause, ...]:
    """Return what opens flows. before: None for a host that had no policy."""
    causes = list(_servers(after, after, flows, whose))
    others = _by_name(before, whose)
    for entry in _entries(after, whose):
        if not (part := flows & entry_reach(entry)):
            continue
        other = others.get(entry.name)
        if other is None:
            text = entry.name
        elif part <= entry_reach(other):
            text = f"{entry.name}, which egress_never closed"
        else:
            text = f"{entry.name} (changed)"
        causes.append(Cause(text, entry.name, entry.origin))
    return tuple(causes)


def closed(before: ResolvedPolicy, after: ResolvedPolicy, flows: Reach, whose: Whose) -> tuple[Cause, ...]:
    """Return why flows pass no longer."""
    causes = list(_servers(before, after, flows, whose))
    others = _by_name(after, whose)
    expired = {entry.name: entry for entry in after.expired if entry.inbound == (whose == "inbound")}
    for entry in _entries(before, whose):
        if not (part := flows & entry_reach(entry)):
            continue
        other = others.get(entry.name)
        if other is None and entry.name in expired:
            gone = expired[entry.name]
            causes.append(Cause(f"{entry.name} expired on {gone.expires}", entry.name, gone.origin))
        elif other is None:
            causes.append(Cause(f"{entry.name} was removed", entry.name, entry.origin))
        elif part <= entry_reach(other):
            causes += _nevers(after, part, entry)
        else:
            causes.append(Cause(f"{entry.name} changed", entry.name, other.origin))
    return tuple(dict.fromkeys(causes))


def _servers(passes: ResolvedPolicy, after: ResolvedPolicy, flows: Reach, whose: Whose) -> Iterator[Cause]:
    """Yield the servers of the floor that let some of the flows through. passes: the policy that does."""
    if whose == "inbound":
        return
    for opening in servers(passes):
        if Reach.of_boxes([(*opening.may, opening.users)]) & flows:
            cause = opening.variable if opening.part in after.floor else "egress_floor_without"
            yield Cause(cause, "", after.origin(cause) or passes.origin(opening.variable))


def _nevers(after: ResolvedPolicy, part: Reach, entry: ResolvedEntry) -> Iterator[Cause]:
    """Yield the elements of egress_never that close what an entry opens."""
    for never in after.never:
        if part & of_boxes([(never.addresses, never.services)]):
            yield Cause(f"{never.where} closes what {entry.name} opens", entry.name, never.origin)


def _entries(resolved: ResolvedPolicy, whose: Whose) -> Sequence[ResolvedEntry]:
    if whose == "host":
        return resolved.entries
    return (resolved.containers if whose == "containers" else resolved.inbound) or ()


def _by_name(resolved: ResolvedPolicy | None, whose: Whose) -> dict[str, ResolvedEntry]:
    return {entry.name: entry for entry in _entries(resolved, whose)} if resolved else {}
