# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluates egress_tests_TOPIC on the policy itself: exact, for every address and port at once, without a packet."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy, ResolvedTest
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import intervals, services, units
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Reach
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import Region
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.units import ELSEWHERE, Cgroup

from .decide import ROOT, is_among, is_one_of
from .floor import servers
from .passing import SERVERS, passing, stays


@dataclass(frozen=True, kw_only=True)
class FailedTest:
    """A policy test that fails, with the smallest flow that shows it.

    address, service: of that flow. user: a name or uid; None for everybody. cgroup: where its socket is.
    by: what allows the flow, "" where a flow that should pass does not.
    where: the place of the entry that allows it in the variables, "" when no entry does.
    alias: another name or uid of the policy that may be the user's, "" where the user's own is enough.
    """

    test: ResolvedTest
    address: str
    service: str
    by: str = ""
    user: str | None = None
    where: str = ""
    alias: str = ""
    cgroup: Cgroup = ELSEWHERE

    def __str__(self) -> str:
        flow = f"{self.address} with {self.service}"
        there = f" in {self.cgroup}" if self.cgroup != ELSEWHERE else ""
        if self.test.reach:
            whom = f"user {self.user}{there} does not reach" if self.user else f"not everybody{there} reaches"
            return f"fails: {whom} {flow}"
        if self.alias:
            fix = "write the same user the same way in both"
            return f"fails: user {self.user}{there} may be {self.alias}, who reaches {flow} by {self.by}; {fix}"
        return f"fails: {f'user {self.user}' if self.user else 'everybody'}{there} reaches {flow} by {self.by}"


def failed_tests(resolved: ResolvedPolicy) -> tuple[FailedTest, ...]:
    """Return every test that fails; what enforce would do counts, whatever the mode is.

    A `reach` without a user must hold for everybody, a `not_reach` without a user for each user there is. Both hold
    wherever a socket can be, or where one of the test's unit can be. The named DNS and NTP servers of the floor count
    as reached, the rest of the floor (ICMP errors, neighbours, leases) does not.
    What stays on the host is no egress: no test is about it.
    """
    if not resolved.tests:
        return ()
    stay = stays(resolved)
    must = may = passing(resolved, floor=SERVERS)
    if any(entry.external or entry.by_name for entry in resolved.entries):
        may = passing(replace(resolved, host_dns=False), floor=SERVERS, may=True)
    results = (
        _reach(must, test, stay) if test.reach else _not_reach(resolved, may, test, stay) for test in resolved.tests
    )
    return tuple(failed for failed in results if failed is not None)


def _tested(test: ResolvedTest, stay: Region) -> Reach:
    return Reach.of_boxes([(test.addresses, test.services, None)]) - stay


def _reach(must: Reach, test: ResolvedTest, stay: Region) -> FailedTest | None:
    # Every unit and user that is named only adds to what is open, so what is open to the others is open to all.
    cgroup = units.places(test.unit or "", ())[0]
    missing = (_tested(test, stay) - must).at("" if test.unit and test.user is None else test.user, cgroup)
    if not missing:
        return None
    address, service = missing.witness()
    return FailedTest(test=test, address=address, service=service, user=test.user, cgroup=cgroup)


def _not_reach(resolved: ResolvedPolicy, may: Reach, test: ResolvedTest, stay: Region) -> FailedTest | None:
    tested = _tested(test, stay)
    if failed := _reached(resolved, test, tested & may):
        return failed
    for alias in _aliases(resolved, test.user):
        same = _as_one(resolved, alias, test.user)
        reached = tested & passing(replace(same, host_dns=False), floor=SERVERS, may=True)
        if failed := _reached(same, test, reached):
            return replace(failed, alias=alias)
    if resolved.host_dns and "dns" in resolved.floor and tested and test.services <= services.DNS:
        # Name servers that only the host knows could be anywhere, so that no test of DNS alone can rule them out. A
        # test of more than DNS is not about them.
        address, service = tested.nobody.witness()
        by = "egress_dns_servers: [auto], which only the host knows"
        return FailedTest(test=test, address=address, service=service, by=by, user=test.user)
    return None


def _reached(resolved: ResolvedPolicy, test: ResolvedTest, reached: Reach) -> FailedTest | None:
    """Return the test as failed where a socket that it is about reaches anything; None where none does."""
    for cgroup in units.places(test.unit or "", reached.units()):
        # Packets without a socket are in no unit.
        everybody = None if cgroup == ELSEWHERE else ""
        for user in (test.user,) if test.user is not None else (everybody, *reached.users()):
            if common := reached.at(user, cgroup):
                address, service = common.witness()
                by, where = _by(resolved, user, cgroup, common)
                user = user or None
                return FailedTest(
                    test=test, address=address, service=service, by=by, user=user, where=where, cgroup=cgroup
                )
    return None


def _aliases(resolved: ResolvedPolicy, user: str | None) -> list[str]:
    """Return the users of the policy who may be this one: only the host knows which name belongs to which uid."""
    if user is None or is_one_of(user, ROOT):
        return []
    users = {user for entry in resolved.entries for user in entry.users or ()}
    users |= {user for never in resolved.never for user in never.except_users}
    return sorted(other for other in users if other.isdigit() != user.isdigit() and not is_one_of(other, ROOT))


def _as_one(resolved: ResolvedPolicy, alias: str, user: str | None) -> ResolvedPolicy:
    """Return the policy where one user has both names."""

    def joined(users: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(user if name == alias and user else name for name in users))

    return replace(
        resolved,
        entries=tuple(
            entry if entry.users is None else replace(entry, users=joined(entry.users)) for entry in resolved.entries
        ),
        never=tuple(replace(never, except_users=joined(never.except_users)) for never in resolved.never),
    )


def _by(resolved: ResolvedPolicy, user: str | None, cgroup: Cgroup, common: Region) -> tuple[str, str]:
    """Return what allows the smallest flow of a region, for a sentence, and the place of the entry."""
    version, value, place = common.first()
    protocol, port = divmod(place, services.PORTS)
    for opening in servers(resolved):
        if opening.users is not None and not is_one_of(user, opening.users):
            continue
        to_server = intervals.contains(opening.addresses.family(version), value)
        if to_server and opening.services.contains(protocol, port):
            return opening.variable, opening.variable
    for entry in resolved.entries:
        if not is_among(user, cgroup, entry.users, entry.units):
            continue
        for grant in entry.may:
            in_grant = intervals.contains(grant.addresses.family(version), value)
            if in_grant and grant.services.contains(protocol, port):
                return f"the entry {entry.name}", entry.where
    raise AssertionError(f"{common.witness()} passes by nothing")
