# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""May a host, as a user, reach that? Yes, no or in part, and who says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedEntry, ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.decide import is_one_of
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.passing import (
    entry_region,
    passing,
    servers,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import Region, of_boxes
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import Capabilities

from .wording import region_lines, user_text

YES, NO, PARTLY = "yes", "no", "partly"


@dataclass(frozen=True)
class Question:
    """The flows that are asked about. user: None for somebody whom the policy does not name."""

    to: AddressSet
    services: ServiceSet
    user: str | None = None


@dataclass(frozen=True)
class Explanation:
    """answer: YES, NO or PARTLY, for what enforcing does. lines: for people. entries: the names of what opens it."""

    answer: str
    lines: tuple[str, ...]
    entries: tuple[str, ...] = ()


def explain(resolved: ResolvedPolicy, asked: Question, targets: Mapping[str, Capabilities]) -> Explanation:
    """The answer, proven for every address and port that is asked about. targets: what other places can say."""
    if resolved.mode == "absent":
        return Explanation(YES, (f"{YES}: egress_mode is absent, so there is no policy on {resolved.host}",))
    wanted = of_boxes([(asked.to, asked.services)])
    reached = wanted & passing(resolved).at(asked.user or "")
    answer = YES if reached == wanted else PARTLY if reached else NO
    by = [entry for entry in resolved.entries if _is_for(entry, asked.user) and entry_region(entry) & reached]
    whom = user_text(asked.user or "")
    lines = [f"{answer}: {resolved.host} as {whom} to {'; '.join(region_lines(wanted))}"]
    lines += _opened(resolved, reached, by, targets)
    if answer != YES:
        lines += _closed(resolved, asked.user, wanted - reached)
    if resolved.mode == "observe":
        lines.append("  egress_mode is observe: nothing is refused yet, only counted")
    return Explanation(answer, tuple(lines), tuple(entry.name for entry in by))


def _is_for(entry: ResolvedEntry, user: str | None) -> bool:
    return entry.users is None or is_one_of(user, entry.users)


def _opened(
    resolved: ResolvedPolicy, reached: Region, by: list[ResolvedEntry], targets: Mapping[str, Capabilities]
) -> Iterator[str]:
    for part, found, spoken in servers(resolved):
        if of_boxes([(found, spoken)]) & reached:
            yield f"  by egress_{part}_servers, which are part of the floor"
    for entry in by:
        yield f"  by the entry {entry.name}, {_place(entry)}"
        about = (
            entry.owner and f"owner {entry.owner}",
            entry.reason and f"reason: {entry.reason}",
            f"expires {entry.expires}" if entry.expires else "never expires",
        )
        yield f"    {'; '.join(one for one in about if one)}"
        exact = [name for name, able in targets.items() if _says(able, entry)]
        yield f"    said exactly by: {', '.join(exact)}"
    if (
        reached
        and not by
        and not any(of_boxes([(found, spoken)]) & reached for _part, found, spoken in servers(resolved))
    ):
        yield "  by the floor, which every host has"


def _closed(resolved: ResolvedPolicy, user: str | None, missing: Region) -> Iterator[str]:
    """Why the rest is refused: what would open it."""
    yield f"  refused: {'; '.join(region_lines(missing))}"
    found = False
    for entry in resolved.entries:
        opens = entry_region(entry, may=False) & missing
        if not opens:
            continue
        found = True
        if _is_for(entry, user):
            yield f"    egress_never closes what the entry {entry.name} opens, {_place(entry)}"
        else:
            yield f"    the entry {entry.name} opens it to {', '.join(entry.users or ())} only, {_place(entry)}"
    if not found:
        yield "    nothing allows it"


def _place(entry: ResolvedEntry) -> str:
    return f"{entry.where} ({entry.origin})" if entry.origin else entry.where


def _says(able: Capabilities, entry: ResolvedEntry) -> bool:
    """Can an enforcement point say this entry as it is?"""
    spoken = {number for grant in entry.grants for number in grant.services.protocols()}
    families = {version for grant in entry.grants for version in (4, 6) if grant.addresses.family(version)}
    return (
        (able.user or entry.users is None)
        and families <= set(able.families)
        and (spoken <= able.protocols & able.ported or (able.any and len(spoken) == 256))
        and (able.filled or not entry.external)
    )
