# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers whether a host, as a user, may reach a destination: yes, no or in part, and by which entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedEntry, ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.decide import is_among, is_one_of
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.floor import servers
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.passing import (
    closed_reach,
    entry_region,
    passing,
    stays,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import units
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import Region, of_boxes
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.units import Cgroup
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import Capabilities

from .wording import region_lines, service_text, user_text

Answer = Literal["yes", "no", "partly"]


@dataclass(frozen=True)
class Question:
    """The flows in question.

    user: None for a user whom the policy does not name. unit: the systemd unit whose socket it is, None for one that
    the policy does not name. names: domain names in small letters, which no host resolves.
    """

    to: AddressSet
    services: ServiceSet
    user: str | None = None
    unit: str | None = None
    names: tuple[str, ...] = ()

    @property
    def cgroup(self) -> Cgroup:
        """Where the socket surely is: in which slice a service is, only the host knows."""
        return units.places(self.unit or "", ())[0]


@dataclass(frozen=True)
class ReachExplanation:
    """The answer for mode enforce. lines: for people. entries: the names of those that open it."""

    answer: Answer
    lines: tuple[str, ...]
    entries: tuple[str, ...] = ()


def explain(resolved: ResolvedPolicy, question: Question, targets: Mapping[str, Capabilities]) -> ReachExplanation:
    """Return the answer, proven for every address and port in question. targets: capabilities by name."""
    if resolved.mode == "absent":
        return ReachExplanation("yes", (f"yes: egress_mode is absent, so {resolved.host} has no policy",))
    region = of_boxes([(question.to, question.services)])
    reached = region & passing(resolved).at(question.user or "", question.cgroup)
    entries = [entry for entry in resolved.entries if _is_for(entry, question) and entry_region(entry) & reached]
    naming = {name: _naming(resolved, question, name) for name in question.names}
    open_parts = [*([reached == region] if region else []), *(_covers(naming[name], question) for name in naming)]
    some = bool(reached) or any(naming.values())
    answer: Answer = "yes" if all(open_parts) else "partly" if some else "no"
    asked = [*region_lines(region), *(f"{name} with {service_text(question.services)}" for name in question.names)]
    there = f" in {question.unit}" if question.unit else ""
    lines = [f"{answer}: {resolved.host} as {user_text(question.user or '')}{there} to {'; '.join(asked)}"]
    lines += _opened(resolved, question, reached, entries, targets)
    if reached != region:
        lines += _rejected(resolved, question, region - reached)
        lines += _may_be_named(resolved, question, region - reached)
    for name, of_name in naming.items():
        lines += _named(resolved, name, of_name, targets)
    if resolved.mode == "observe":
        lines.append("  egress_mode is observe: nothing is rejected, only counted")
    opening = dict.fromkeys([*entries, *(entry for of_name in naming.values() for entry in of_name)])
    return ReachExplanation(answer, tuple(lines), tuple(entry.name for entry in opening))


def _naming(resolved: ResolvedPolicy, question: Question, name: str) -> list[ResolvedEntry]:
    """Return the entries that name a domain name, for the user and some of the services in question."""
    return [
        entry
        for entry in resolved.entries
        if any(domain_names.matches(domain_names.parse(each.name), name) for each in entry.names)
        and _is_for(entry, question)
        and any(grant.services & question.services for grant in entry.by_name)
    ]


def _covers(entries: list[ResolvedEntry], question: Question) -> bool:
    missing = question.services
    for entry in entries:
        for grant in entry.by_name:
            missing -= grant.services
    return not missing


def _named(
    resolved: ResolvedPolicy, name: str, entries: list[ResolvedEntry], targets: Mapping[str, Capabilities]
) -> Iterator[str]:
    if not entries:
        yield f"  no entry names {name}"
    knowing = [target for target, can in targets.items() if can.names != "no" and not can.observe]
    by = f"by egress_names: {resolved.names.feeder}"
    if resolved.names.feeder == "none":
        by = f"in targets that know names: {', '.join(knowing)}"
    for entry in entries:
        yield f"  {name} by the entry {entry.name}, {_place(entry)}, {by}"


def _may_be_named(resolved: ResolvedPolicy, question: Question, region: Region) -> Iterator[str]:
    """Yield the entries that open some of this where one of their names leads there."""
    rest = region - closed_reach(resolved).at(question.user or "", question.cgroup)
    for entry in resolved.entries:
        names = ", ".join(name.name for name in entry.names)
        if _is_for(entry, question) and of_boxes((grant.addresses, grant.services) for grant in entry.by_name) & rest:
            yield f"  the entry {entry.name} opens it only where a name leads there ({names})"


def _is_for(entry: ResolvedEntry, question: Question) -> bool:
    return is_among(question.user, question.cgroup, entry.users, entry.units)


def _opened(
    resolved: ResolvedPolicy,
    question: Question,
    reached: Region,
    entries: list[ResolvedEntry],
    targets: Mapping[str, Capabilities],
) -> Iterator[str]:
    """Yield who opens it: servers of the floor, entries, else the rest of the floor."""
    by_servers = [
        opening.variable
        for opening in servers(resolved)
        if of_boxes([opening.box]) & reached and (opening.users is None or is_one_of(question.user, opening.users))
    ]
    for variable in by_servers:
        yield f"  by {variable}, which are part of the floor"
    for entry in entries:
        yield f"  by the entry {entry.name}, {_place(entry)}"
        details = (
            entry.owner and f"owner {entry.owner}",
            entry.reason and f"reason: {entry.reason}",
            f"expires {entry.expires}" if entry.expires else "never expires",
        )
        yield f"    {'; '.join(detail for detail in details if detail)}"
        exact = [name for name, can in targets.items() if _is_exact(can, entry)]
        yield f"    exact in targets: {', '.join(exact)}"
    if reached & stays(resolved):
        yield f"  by the floor: what goes to addresses of {resolved.host} itself never leaves it"
    elif reached and not entries and not by_servers:
        yield "  by the floor, the baseline rules of every host"


def _rejected(resolved: ResolvedPolicy, question: Question, missing: Region) -> Iterator[str]:
    """Yield why the rest is rejected: entries that open it to others or that egress_never closes."""
    yield f"  rejected: {'; '.join(region_lines(missing))}"
    reasons = []
    for entry in resolved.entries:
        if not entry_region(entry, may=False) & missing:
            continue
        if _is_for(entry, question):
            reasons.append(f"    egress_never closes what the entry {entry.name} opens, {_place(entry)}")
        else:
            reasons.append(f"    the entry {entry.name} opens it to {entry.sockets} only, {_place(entry)}")
    yield from reasons or ["    no entry allows it"]


def _place(entry: ResolvedEntry) -> str:
    return f"{entry.where} ({entry.origin})" if entry.origin else entry.where


def _is_exact(can: Capabilities, entry: ResolvedEntry) -> bool:
    """Return whether a target can render this entry without a difference."""
    protocols = {number for grant in entry.grants for number in grant.services.protocols()}
    families = {version for grant in entry.grants for version in (4, 6) if grant.addresses.family(version)}
    return (
        (can.user or entry.users is None)
        and (can.unit or entry.units is None)
        and families <= set(can.families)
        and (protocols <= can.protocols & can.ported or (can.any and len(protocols) == 256))
        and (can.filled or not entry.external)
    )
