# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two fleets of policies, compared: what is proposed against what it is based on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import Reach, ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.passing import (
    SERVERS,
    WHOLE,
    entry_region,
    servers,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import of_boxes
from ansible_collections.tidegate.nftables.plugins.plugin_utils.prove.fleet import Fleet

from .entries import entry_changes
from .model import FAILS, GONE, HOLDS, LOST, NEW, WON, Difference, EntryChange, Hosts, Plan, Policy, Remark, TestChange
from .wording import Words

Fleets = Mapping[str, Policy]
T = TypeVar("T")
_ORIGIN = re.compile(r"(\S+:[0-9]+(?::[0-9]+)?) ")
Found = tuple[Reach, tuple[str, ...], bool, Words]
"""What changed, by which entries, whether it is about containers, and what words stand for there."""
# Notices of a policy that a reviewer should see when they are new, and how loud.
_NOTICES = {"redundant": "minor", "closed_by_never": "major", "metadata_inside": "minor", "review_due": "minor"}


def compare(base: Fleets, head: Fleets, *, name: str, unmanaged: int = 0) -> Plan:
    """The plan. base, head: the managed hosts' policies by host name. name: what base is called."""
    sides = _Sides(base, head)
    entries = tuple(sides.grouped(entry_changes(*sides.pair(host)) for host in sides.hosts))
    joined = [_with_hosts(change, hosts) for change, hosts in entries]
    return Plan(
        name,
        len(sides.hosts),
        unmanaged,
        tuple(sorted(joined, key=lambda one: (one.origin, one.name))),
        tuple(Difference(hosts, *found) for found, hosts in sides.grouped(sides.opened())),
        tuple(Difference(hosts, *found) for found, hosts in sides.grouped(sides.closed())),
        tuple(_tests(sides)),
        tuple(_remarks(sides, joined)),
        tuple(host for host in head if host not in base),
        tuple(host for host in base if host not in head),
        tuple((before, after, hosts) for (before, after), hosts in sides.grouped(sides.modes())),
    )


class _Sides:
    """Both fleets. Everything that is said is said once for all hosts that it is true of."""

    def __init__(self, base: Fleets, head: Fleets) -> None:
        self.base, self.head = base, head
        self.hosts = sorted({*base, *head})
        self._changed: dict[tuple[int | None, int], tuple[list[Found], list[Found]]] = {}
        self.before, self.after = (
            Fleet({host: one.resolved for host, one in side.items() if one.resolved}) for side in (base, head)
        )

    def pair(self, host: str) -> tuple[ResolvedPolicy | None, ResolvedPolicy | None]:
        """Both policies, None where there is none."""
        return self.before.policies.get(host), self.after.policies.get(host)

    def comparable(self, host: str) -> bool:
        """A policy that cannot be read is no reason to say that all of it went."""
        return all(host not in side or side[host].resolved for side in (self.base, self.head))

    def grouped(self, found: Iterable[Iterable[T]]) -> list[tuple[T, Hosts]]:
        """What each host has, in the order of `hosts`: every different thing once, with its hosts."""
        by: dict[T, list[str]] = {}
        for host, things in zip(self.hosts, found, strict=True):
            if self.comparable(host):
                for thing in things:
                    by.setdefault(thing, []).append(host)
        return [(thing, self.named(names)) for thing, names in by.items()]

    def named(self, names: Iterable[str]) -> Hosts:
        """Hosts with the tiers that they have in what is proposed, else had."""
        kept = tuple(names)
        tiers = {(self.after.policies.get(one) or self.before.policies[one]).tier for one in kept if self._known(one)}
        return Hosts(kept, tuple(sorted(tier for tier in tiers if tier)))

    def _known(self, host: str) -> bool:
        return host in self.after.policies or host in self.before.policies

    def opened(self) -> Iterator[list[Found]]:
        """What each host newly lets through, and by which entries."""
        return (self._changes(host)[0] for host in self.hosts)

    def closed(self) -> Iterator[list[Found]]:
        """What each host no longer lets through. A host that went, or whose policy did, has nothing closed."""
        return (self._changes(host)[1] for host in self.hosts)

    def _changes(self, host: str) -> tuple[list[Found], list[Found]]:
        resolved = self.after.policies.get(host)
        if resolved is None:
            return [], []
        known = host in self.before.policies
        key = self.before.number(host) if known else None, self.after.number(host)
        if key not in self._changed:
            # Of a host that is new, what is the same on every host is no news.
            floor = WHOLE if known else SERVERS
            words = (("internal", resolved.internal), ("internet", resolved.internet))
            opened: list[Found] = []
            closed: list[Found] = []
            for containers in (False, True):
                after = self.after.reach(host, floor, containers=containers)
                before = self.before.reach(host, floor, containers=containers) if known else Reach()
                if containers and resolved.containers is None and not known:
                    continue
                if more := after - before:
                    opened.append((more, _by(resolved, more), containers, words))
                if less := before - after:
                    closed.append((less, (), containers, words))
            self._changed[key] = opened, closed
        return self._changed[key]

    def modes(self) -> Iterator[list[tuple[str, str]]]:
        for host in self.hosts:
            before, after = (one.mode if one else "" for one in self.pair(host))
            yield [(before, after)] if before and after and before != after else []


def _by(resolved: ResolvedPolicy, difference: Reach) -> tuple[str, ...]:
    """The servers and entries that open some of it."""
    names = [
        f"egress_{part}_servers"
        for part, found, spoken in servers(resolved)
        if of_boxes([(found, spoken)]) & difference.others
    ]
    for entry in resolved.all_entries():
        users = entry.users or ("", *difference.users())
        opens = entry_region(entry)
        if any(difference.at(user) & opens for user in users):
            names.append(entry.name)
    return tuple(names)


def _with_hosts(change: EntryChange, hosts: Hosts) -> EntryChange:
    return EntryChange(**{**vars(change), "hosts": hosts})


def _tests(sides: _Sides) -> Iterator[TestChange]:
    """Every test of what is proposed, and those that went."""

    def judged() -> Iterator[list[tuple[str, str, str, str, str]]]:
        for host in sides.hosts:
            before = _judged(sides.before, host)
            after = _judged(sides.after, host)
            yield [
                *(
                    (_became(before.get(where), said), name, origin, where, said)
                    for where, (name, origin, said) in after.items()
                ),
                *(
                    (GONE, name, origin, where, "")
                    for where, (name, origin, _said) in before.items()
                    if where not in after
                ),
            ]

    for (what, name, origin, where, said), hosts in sides.grouped(judged()):
        yield TestChange(what, name, origin, where, hosts, said)


def _judged(fleet: Fleet, host: str) -> dict[str, tuple[str, str, str]]:
    """where -> (name, origin, what is said when it fails) of a host's tests."""
    if host not in fleet.policies:
        return {}
    failed = {one.test: str(one) for one in fleet.failed_tests(host)}
    return {test.where: (test.name, test.origin, failed.get(test, "")) for test in fleet.policies[host].tests}


def _became(before: tuple[str, str, str] | None, said: str) -> str:
    if said:
        return LOST if before and not before[2] else FAILS
    if before is None:
        return NEW
    return WON if before[2] else HOLDS


def _remarks(sides: _Sides, entries: Iterable[EntryChange]) -> Iterator[Remark]:
    changes = [one for one in entries if one.what != GONE]
    for one in changes:
        for name in one.shared:
            text = (
                f"entry {one.name} opens a shared platform: anybody can be a customer of what prefix_list:{name} names"
            )
            yield Remark("shared", "major", one.origin, text, one.hosts)
        if one.kind == "raise":
            yield Remark(
                "ceiling", "major", one.origin, f"entry {one.name} goes over the ceiling of its tier", one.hosts
            )
    for (kind, origin, text), hosts in sides.grouped(_news(sides)):
        yield Remark(kind, _NOTICES[kind], origin, text, hosts)
    for kind, severity, fleet in (("error", "blocker", sides.head), ("base_error", "minor", sides.base)):
        by: dict[str, list[str]] = {}
        for host in sides.hosts:
            for error in fleet[host].errors if host in fleet else ():
                by.setdefault(error, []).append(host)
        for error, names in by.items():
            yield Remark(kind, severity, _place(error), _unplaced(error), sides.named(names))


def _news(sides: _Sides) -> Iterator[list[tuple[str, str, str]]]:
    """Notices that the proposed policies have and the others had not."""
    for host in sides.hosts:
        before, after = (
            {(one.kind, _unplaced(one.where), one.text): _place(one.where) for one in resolved.notices}
            if resolved
            else {}
            for resolved in sides.pair(host)
        )
        yield [
            (kind, origin, f"{where} {text}")
            for (kind, where, text), origin in after.items()
            if kind in _NOTICES and (kind, where, text) not in before
        ]


def _place(where: str) -> str:
    """`file:line:column` at the beginning of a sentence, "" where it has none."""
    found = _ORIGIN.match(where)
    return found[1] if found else ""


def _unplaced(where: str) -> str:
    return _ORIGIN.sub("", where)
