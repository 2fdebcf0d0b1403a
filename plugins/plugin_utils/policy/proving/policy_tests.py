# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluates egress_tests_TOPIC on the policy itself: exact, for every address and port at once, without a packet."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy, ResolvedTest
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import intervals, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Reach
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import Region

from .decide import is_one_of
from .passing import SERVERS, passing, servers


@dataclass(frozen=True, kw_only=True)
class FailedTest:
    """A policy test that fails, with the smallest flow that shows it.

    address, service: of that flow. user: a name or uid; None for everybody.
    by: what allows the flow, "" where a flow that should pass does not.
    where: the place of the entry that allows it in the variables, "" when no entry does.
    """

    test: ResolvedTest
    address: str
    service: str
    by: str = ""
    user: str | None = None
    where: str = ""

    def __str__(self) -> str:
        flow = f"{self.address} with {self.service}"
        if self.test.reach:
            whom = f"user {self.user} does not reach" if self.user else "not everybody reaches"
            return f"fails: {whom} {flow}"
        return f"fails: {f'user {self.user}' if self.user else 'everybody'} reaches {flow} by {self.by}"


def failed_tests(resolved: ResolvedPolicy) -> tuple[FailedTest, ...]:
    """Return every test that fails; what enforce would do counts, whatever the mode is.

    A `reach` without a user must hold for everybody, a `not_reach` without a user for each user there is. The named DNS
    and NTP servers of the floor count as reached, the rest of the floor (ICMP errors, neighbours, leases) does not.
    """
    if not resolved.tests:
        return ()
    must = may = passing(resolved, floor=SERVERS)
    if any(entry.external or entry.by_name for entry in resolved.entries):
        may = passing(replace(resolved, host_dns=False), floor=SERVERS, may=True)
    results = (_reach(must, test) if test.reach else _not_reach(resolved, may, test) for test in resolved.tests)
    return tuple(failed for failed in results if failed is not None)


def _tested(test: ResolvedTest) -> Reach:
    return Reach.of_boxes([(test.addresses, test.services, None)])


def _reach(must: Reach, test: ResolvedTest) -> FailedTest | None:
    missing = (_tested(test) - must).at(test.user)
    if not missing:
        return None
    address, service = missing.witness()
    return FailedTest(test=test, address=address, service=service, user=test.user)


def _not_reach(resolved: ResolvedPolicy, may: Reach, test: ResolvedTest) -> FailedTest | None:
    tested = _tested(test)
    reached = tested & may
    users = [test.user] if test.user is not None else [None, *reached.users()]
    for user in users:
        if common := reached.at(user):
            address, service = common.witness()
            by, where = _by(resolved, user, common)
            return FailedTest(test=test, address=address, service=service, by=by, user=user, where=where)
    if resolved.host_dns and "dns" in resolved.floor and tested and test.services <= services.DNS:
        # Name servers that only the host knows could be anywhere, so that no test of DNS alone can rule them out. A
        # test of more than DNS is not about them.
        address, service = tested.nobody.witness()
        by = "egress_dns_servers: [auto], which only the host knows"
        return FailedTest(test=test, address=address, service=service, by=by, user=users[0])
    return None


def _by(resolved: ResolvedPolicy, user: str | None, common: Region) -> tuple[str, str]:
    """Return what allows the smallest flow of a region, for a sentence, and the place of the entry."""
    version, value, place = common.first()
    protocol, port = divmod(place, services.PORTS)
    for part, named, used in servers(resolved):
        if intervals.contains(named.family(version), value) and used.contains(protocol, port):
            return f"egress_{part}_servers", f"egress_{part}_servers"
    for entry in resolved.entries:
        if entry.users is not None and not is_one_of(user, entry.users):
            continue
        for grant in entry.may:
            in_grant = intervals.contains(grant.addresses.family(version), value)
            if in_grant and grant.services.contains(protocol, port):
                return f"the entry {entry.name}", entry.where
    raise AssertionError(f"{common.witness()} passes by nothing")
