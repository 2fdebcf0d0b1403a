# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy asked about very many flows: `policy.decide`, without the entries that cannot concern a port."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Literal

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
from ansible_collections.tidegate.nftables.plugins.module_utils.domain_names import DomainNameError
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedEntry, ResolvedPolicy, Verdict
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.decide import ROOT, is_one_of
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, intervals, units
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.units import ELSEWHERE, Cgroup

Outcome = Literal["allowed", "rejected", "depends"]
ALLOWED: Outcome = "allowed"
REJECTED: Outcome = "rejected"
DEPENDS: Outcome = "depends"
_ANYBODY, _UNNAMED = "\0", "\1"
"""Users that no policy can name: when a log does not know whose socket it was, and for all others."""


@dataclass(frozen=True)
class Judgement:
    """outcome: DEPENDS where only some sockets may and the log says not whose it was, or what a name led to is open.

    entry: what lets the flow through, None for the floor and for rejections. cause: as policy.Verdict's, or "names"
    where it depends on them. users: for DEPENDS, whom it is allowed to, a user, a unit or a user in a unit; () where it
    depends on names. No log says which unit a socket was in.
    """

    outcome: Outcome
    entry: str | None
    cause: str
    users: tuple[str, ...] = ()


class Judge:
    """Judges flows by one host's policy as if it were enforced."""

    def __init__(self, resolved: ResolvedPolicy) -> None:
        self._policy = dataclasses.replace(resolved, mode="enforce")
        self._about_port = lru_cache(maxsize=None)(self._narrowed)
        self._judged = lru_cache(maxsize=1 << 16)(self._judge)

    def __call__(self, destination: str, protocol: int, port: int | None, uid: str | None) -> Judgement:
        """Return the judgement of one flow. destination: an address, or a name that a proxy was asked for.

        Raises AddressError for one that is neither.
        """
        is_named = uid is None or uid in ROOT or uid in self._about_port(protocol, port or 0)[1]
        return self._judged(destination, protocol, port, uid if is_named else _UNNAMED)

    def _judge(self, destination: str, protocol: int, port: int | None, uid: str | None) -> Judgement:
        narrowed, users, cgroups = self._about_port(protocol, port or 0)
        if domain_names.is_name(destination):
            return _asked(narrowed, destination, uid)

        def ask(user: str, cgroup: Cgroup = ELSEWHERE) -> Verdict:
            within = tuple(name for name in cgroup if name)
            return policy.decide(narrowed, policy.Flow(destination, protocol, port, user, units=within))

        def may(user: str, cgroup: Cgroup) -> bool:
            return ask(user, cgroup).allowed

        whoever = _ANYBODY if uid is None else uid
        verdict = ask(whoever)
        if verdict.allowed:
            return Judgement(ALLOWED, verdict.entry, verdict.cause)
        allowed = [(user, answer) for user in users if uid is None and (answer := ask(user)).allowed]
        inside = _widest(cgroups, partial(may, whoever))
        allowed += [(str(cgroup), ask(whoever, cgroup)) for cgroup in inside]
        for user in users if uid is None else ():
            places = [cgroup for cgroup in cgroups if cgroup not in inside and not ask(user).allowed]
            both = _widest(places, partial(may, user))
            allowed += [(f"{user} in {cgroup}", ask(user, cgroup)) for cgroup in both]
        if not allowed:
            by_name = self._by_name(narrowed, destination, uid) if verdict.cause == "unlisted" else None
            return Judgement(DEPENDS, by_name, "names") if by_name else Judgement(REJECTED, None, verdict.cause)
        return Judgement(DEPENDS, allowed[0][1].entry, "entry", tuple(user for user, _answer in allowed))

    def _by_name(self, narrowed: ResolvedPolicy, destination: str, uid: str | None) -> str | None:
        """Return the first entry whose names may have led to an address; None for no entry."""
        version, value = addresses.parse_address(destination)
        return next(
            (
                entry.name
                for entry in narrowed.entries
                if (uid is None or entry.users is None or is_one_of(uid, entry.users))
                and any(intervals.contains(grant.addresses.family(version), value) for grant in entry.by_name)
            ),
            None,
        )

    def _narrowed(self, protocol: int, port: int) -> tuple[ResolvedPolicy, tuple[str, ...], tuple[Cgroup, ...]]:
        """Return the policy with only what is about this port, the users that it names, and the places of its units."""
        entries = tuple(
            narrowed
            for entry in self._policy.entries
            if (narrowed := _about(entry, protocol, port)).grants or narrowed.by_name
        )
        never = tuple(never for never in self._policy.never if never.services.contains(protocol, port))
        users = {user for entry in entries for user in entry.users or ()}
        users |= {user for each in never for user in each.except_users}
        about_port = dataclasses.replace(self._policy, entries=entries, never=never)
        named = {unit for group in about_port.units() for unit in group}
        return about_port, tuple(sorted(users)), tuple(units.places("", named)[1:])


def destination(text: str) -> str:
    """Return an address or a domain name of a log in its one form. Raise AddressError for what is neither."""
    if not domain_names.is_name(text):
        return addresses.to_text(*addresses.parse_address(text))
    try:
        return domain_names.parse(text).name
    except DomainNameError as error:
        raise AddressError(str(error)) from error


def naming(entry: ResolvedEntry, name: str) -> bool:
    """Tell whether an entry has a domain name among its destinations."""
    return any(domain_names.matches(domain_names.parse(each.name), name) for each in entry.names)


def _asked(narrowed: ResolvedPolicy, name: str, uid: str | None) -> Judgement:
    """Return the judgement of a request to a proxy, which knows the name and not what it leads to."""
    entries = [entry for entry in narrowed.entries if entry.by_name and naming(entry, name)]
    for entry in entries:
        if entry.users is None or (uid is not None and is_one_of(uid, entry.users)):
            return Judgement(ALLOWED, entry.name, "entry")
    if uid is None and entries:
        return Judgement(DEPENDS, entries[0].name, "entry", entries[0].users or ())
    return Judgement(REJECTED, None, "unlisted")


def _widest(cgroups: Iterable[Cgroup], holds: Callable[[Cgroup], bool]) -> list[Cgroup]:
    """Return the places where something holds, without those in a unit where it holds everywhere."""
    widest: list[Cgroup] = []
    for cgroup in cgroups:
        wider = {cgroup._replace(slice=""), cgroup._replace(service="")} - {cgroup}
        if wider.isdisjoint(widest) and holds(cgroup):
            widest.append(cgroup)
    return widest


def _about(entry: ResolvedEntry, protocol: int, port: int) -> ResolvedEntry:
    """Return an entry with only what is about a port."""
    grants, by_name = (
        tuple(grant for grant in several if grant.services.contains(protocol, port))
        for several in (entry.grants, entry.by_name)
    )
    return dataclasses.replace(entry, grants=grants, by_name=by_name)
