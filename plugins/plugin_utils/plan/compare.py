# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the policies of a fleet in two commits."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import Reach, ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.passing import (
    SERVERS,
    FloorScope,
    floor_reach,
    inbound_reach,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.prove.fleet import Fleet

from . import causes
from .entry_changes import entry_changes
from .guards import guards, words_of
from .model import (
    EgressPlan,
    EntryChange,
    HostGroup,
    HostPolicy,
    PolicyTestChange,
    ReachChange,
    Remark,
    RemarkKind,
    SettingChange,
    Severity,
    TestOutcome,
    Whose,
)
from .opened_names import opened_names
from .settings import settings

Fleets = Mapping[str, HostPolicy]
T = TypeVar("T")
_ORIGIN = re.compile(r"(\S+:[0-9]+(?::[0-9]+)?) ")
# Notices of a policy that a reviewer should see when they are new.
_NOTICES: Mapping[str, tuple[RemarkKind, Severity]] = {
    "redundant": ("redundant", "minor"),
    "closed_by_never": ("closed_by_never", "major"),
    "metadata_inside": ("metadata_inside", "minor"),
    "known_old": ("known_old", "minor"),
    "review_due": ("review_due", "minor"),
    "wildcard": ("wildcard", "major"),
}
_NO_HOSTS = HostGroup((), ())
_WHOSE: tuple[Whose, ...] = ("host", "containers", "inbound")
_REST = FloorScope(servers=False)


def compare(base: Fleets, head: Fleets, *, name: str, unmanaged: int = 0) -> EgressPlan:
    """Return the plan. base, head: the managed hosts' policies by host name. name: of the commit of base."""
    sides = _Sides(base, head)
    entries = [
        replace(change, hosts=hosts)
        for change, hosts in sides.by_hosts(lambda host: entry_changes(*sides.filtered_pair(host)))
    ]
    return EgressPlan(
        base=name,
        hosts=len(sides.hosts),
        unmanaged=unmanaged,
        entries=tuple(sorted(entries, key=lambda change: (change.origin, change.name))),
        allowed=tuple(replace(change, hosts=hosts) for change, hosts in sides.by_hosts(sides.allowed)),
        closed=tuple(replace(change, hosts=hosts) for change, hosts in sides.by_hosts(sides.closed)),
        settings=tuple(replace(change, hosts=hosts) for change, hosts in sides.by_hosts(sides.settings)),
        tests=tuple(_tests(sides)),
        remarks=tuple(_remarks(sides, entries)),
        appeared=tuple(host for host in head if host not in base),
        vanished=tuple(host for host in base if host not in head),
    )


class _Sides:
    """Both fleets. What is true of several hosts appears once, with all of them."""

    def __init__(self, base: Fleets, head: Fleets) -> None:
        self.base, self.head = base, head
        self.hosts = sorted({*base, *head})
        self._changes: dict[tuple[int | None, int], tuple[list[ReachChange], list[ReachChange]]] = {}
        self.before, self.after = (
            Fleet(
                {host: policy.resolved for host, policy in side.items() if policy.resolved},
                {host: policy.own for host, policy in side.items() if policy.own},
            )
            for side in (base, head)
        )

    def pair(self, host: str) -> tuple[ResolvedPolicy | None, ResolvedPolicy | None]:
        """Return the host's two policies, None where there is none."""
        return self.before.policies.get(host), self.after.policies.get(host)

    def filtered_pair(self, host: str) -> tuple[ResolvedPolicy | None, ResolvedPolicy | None]:
        """Return the host's two policies as `pair`; none of either side where one of them only removes the table."""
        before, after = self.pair(host)
        if after is not None and after.mode == "absent":
            return None, None
        return None if before is not None and before.mode == "absent" else before, after

    def comparable(self, host: str) -> bool:
        """Return whether no policy of the host has errors: one that cannot be read has not closed anything."""
        return all(host not in side or side[host].resolved for side in (self.base, self.head))

    def by_hosts(
        self, changes: Callable[[str], Iterable[T]], also: Callable[[str], Hashable] = lambda _host: None
    ) -> list[tuple[T, HostGroup]]:
        """Return each different change once, with its hosts.

        changes: of a host; asked once for hosts that share both policies. also: what else of a host it depends on.
        """
        known: dict[Hashable, tuple[T, ...]] = {}
        names: dict[T, list[str]] = {}
        for host in filter(self.comparable, self.hosts):
            before, after = self.pair(host)
            key = id(before), id(after), also(host)
            if key not in known:
                known[key] = tuple(changes(host))
            for change in known[key]:
                names.setdefault(change, []).append(host)
        return [(change, self.group(hosts)) for change, hosts in names.items()]

    def group(self, hosts: Iterable[str]) -> HostGroup:
        """Return hosts with their tiers in the proposed commit, else in the other one."""
        names = tuple(hosts)
        policies = [policy for policy in (self._either(name) for name in names) if policy]
        return HostGroup(names, tuple(sorted({policy.tier for policy in policies if policy.tier})))

    def _either(self, host: str) -> ResolvedPolicy | None:
        return self.after.policies.get(host) or self.before.policies.get(host)

    def allowed(self, host: str) -> list[ReachChange]:
        """Return what a host newly lets through."""
        return self._reach_changes(host)[0]

    def closed(self, host: str) -> list[ReachChange]:
        """Return what a host no longer lets through; nothing for a host that has no policy any more."""
        return self._reach_changes(host)[1]

    def _reach_changes(self, host: str) -> tuple[list[ReachChange], list[ReachChange]]:
        before, after = self.filtered_pair(host)
        if after is None:
            return [], []
        key = self.before.number(host) if before else None, self.after.number(host)
        if key not in self._changes:
            self._changes[key] = self._compared(host, before, after)
        return self._changes[key]

    def _compared(
        self, host: str, before: ResolvedPolicy | None, after: ResolvedPolicy
    ) -> tuple[list[ReachChange], list[ReachChange]]:
        allowed: list[ReachChange] = []
        closed: list[ReachChange] = []
        # Parts of the floor that come or go are sentences, and what passes by one is no news when an entry opens it.
        rest = floor_reach(after, _REST) | (floor_reach(before, _REST) if before else Reach())
        for whose in _WHOSE:
            if not (_is_filtered(after, whose) and (before is None or _is_filtered(before, whose))):
                continue
            now = self._reach(self.after, host, whose)
            was = self._reach(self.before, host, whose) if before else Reach()
            more, less = (now - was, was - now) if whose == "inbound" else (now - was - rest, was - now - rest)
            change = ReachChange(hosts=_NO_HOSTS, reach=more, whose=whose, words=words_of(after))
            if more:
                allowed.append(replace(change, causes=causes.opened(before, after, more, whose)))
            if less and before:
                closed.append(replace(change, reach=less, causes=causes.closed(before, after, less, whose)))
        return allowed, closed

    def _reach(self, fleet: Fleet, host: str, whose: Whose) -> Reach:
        if whose == "inbound":
            return inbound_reach(fleet.policies[host])
        return fleet.reach(host, SERVERS, containers=whose == "containers")

    def settings(self, host: str) -> list[SettingChange]:
        """Return what changes of a host's settings and guards."""
        before, after = self.pair(host)
        sentences = list(opened_names(before, after))
        if before is not None and after is not None:
            sentences += settings(before, after)
            if "absent" not in (before.mode, after.mode):
                sentences += guards(before, after)
        either = [policy for policy in (after, before) if policy is not None]
        return [
            SettingChange(
                direction=direction,
                text=text,
                origin=next((origin for policy in either if (origin := policy.origin(variable))), ""),
                hosts=_NO_HOSTS,
            )
            for direction, text, variable in sentences
        ]

    def new_notices(self, host: str) -> list[tuple[str, str, str]]:
        """Return (kind, origin, text) of the notices that only the proposed policy of a host has."""
        before, after = (_notices(resolved) if resolved else {} for resolved in self.pair(host))
        return [
            (kind, origin, f"{where} {text}")
            for (kind, where, text), origin in after.items()
            if kind in _NOTICES and (kind, where, text) not in before
        ]


def _is_filtered(resolved: ResolvedPolicy, whose: Whose) -> bool:
    """Return whether a policy is about these packets at all; where that changes, it is a sentence."""
    return whose == "host" or (resolved.containers if whose == "containers" else resolved.inbound) is not None


def _tests(sides: _Sides) -> Iterator[PolicyTestChange]:
    """Yield every test of the proposed commit."""
    fleets = sides.before, sides.after

    def failed(host: str) -> Hashable:
        return tuple(fleet.failed_tests(host) for fleet in fleets if host in fleet.policies)

    for change, hosts in sides.by_hosts(lambda host: _test_changes(sides, host), failed):
        yield replace(change, hosts=hosts)


def _test_changes(sides: _Sides, host: str) -> list[PolicyTestChange]:
    before, after = _test_results(sides.before, host), _test_results(sides.after, host)
    return [replace(result, outcome=_test_outcome(before.get(name), result.failure)) for name, result in after.items()]


def _test_results(fleet: Fleet, host: str) -> dict[str, PolicyTestChange]:
    """Return the results of a host's tests by their names, as if all of them were new."""
    if host not in fleet.policies:
        return {}
    failures = {failed.test: str(failed) for failed in fleet.failed_tests(host)}
    return {
        test.name: PolicyTestChange(
            outcome="added",
            name=test.name,
            origin=test.origin,
            where=test.where,
            hosts=_NO_HOSTS,
            failure=failures.get(test, ""),
        )
        for test in fleet.policies[host].tests
    }


def _test_outcome(before: PolicyTestChange | None, failure: str) -> TestOutcome:
    if failure:
        return "now_fails" if before and not before.failure else "fails"
    if before is None:
        return "added"
    return "now_passes" if before.failure else "passes"


def _remarks(sides: _Sides, entries: Iterable[EntryChange]) -> Iterator[Remark]:
    yield from _entry_remarks(entries)
    for (notice, origin, text), hosts in sides.by_hosts(sides.new_notices):
        kind, severity = _NOTICES[notice]
        yield Remark(kind=kind, severity=severity, origin=origin, text=text, hosts=hosts)
    yield from _error_remarks(sides, "error", "blocker", sides.head)
    yield from _error_remarks(sides, "base_error", "minor", sides.base)


def _entry_remarks(entries: Iterable[EntryChange]) -> Iterator[Remark]:
    for entry in entries:
        if entry.outcome in ("removed", "expired"):
            continue
        for name in entry.shared:
            text = (
                f"entry {entry.name} permits exfiltration: {name} is a shared platform, where anyone can host a service"
            )
            yield Remark(kind="shared", severity="major", origin=entry.origin, text=text, hosts=entry.hosts)
        if entry.kind == "raise":
            text = f"entry {entry.name} exceeds the ceiling of its tier"
            yield Remark(kind="ceiling", severity="major", origin=entry.origin, text=text, hosts=entry.hosts)


def _error_remarks(sides: _Sides, kind: RemarkKind, severity: Severity, fleet: Fleets) -> Iterator[Remark]:
    names: dict[str, list[str]] = {}
    for host in sides.hosts:
        for error in fleet[host].errors if host in fleet else ():
            names.setdefault(error, []).append(host)
    for error, hosts in names.items():
        origin, text = _split_origin(error)
        yield Remark(kind=kind, severity=severity, origin=origin, text=text, hosts=sides.group(hosts))


def _notices(resolved: ResolvedPolicy) -> dict[tuple[str, str, str], str]:
    """Return the origins of notices by kind, place and text, which stay the same when lines move."""
    notices: dict[tuple[str, str, str], str] = {}
    for notice in resolved.notices:
        origin, where = _split_origin(notice.where)
        notices[notice.kind, where, notice.text] = origin
    return notices


def _split_origin(where: str) -> tuple[str, str]:
    """Return `file:line:column` at the beginning of a text, "" where it has none, and the rest."""
    match = _ORIGIN.match(where)
    return (match[1], where[match.end() :]) if match else ("", where)
