# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluates egress_tests_<topic> on the policy itself: exact, for every address and port at once, without a packet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.decide import is_one_of
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import Resolved, ResolvedTest
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.services import ServiceSet

NTP = services.of_protocol(services.PORT_PROTOCOLS["udp"], 123, 123)


@dataclass(frozen=True)
class Box:
    """Every combination of these addresses and these services. by: whom it comes from."""

    addresses: AddressSet
    services: ServiceSet
    by: str = ""

    def __bool__(self) -> bool:
        return bool(self.addresses) and bool(self.services)


@dataclass(frozen=True)
class FailedTest:
    """A test that is not true of the policy, with one flow that shows it.

    by: the entry that lets the witness out, or "" where a flow that should pass does not.
    """

    test: ResolvedTest
    address: str
    service: str
    by: str = ""
    user: str | None = None

    def __str__(self) -> str:
        what = f"{self.address} with {self.service}"
        if self.test.reach:
            whom = f"user {self.user} does not reach" if self.user else "not everybody reaches"
            return f"fails: {whom} {what}"
        return f"fails: {f'user {self.user}' if self.user else 'everybody'} reaches {what} by {self.by}"


def failed_tests(resolved: Resolved) -> tuple[FailedTest, ...]:
    """Every test that fails; what enforce would do counts, whatever the mode is.

    A `reach` without a user must hold for everybody, a `not_reach` without a user for each user there is. The named DNS
    and NTP servers of the floor count as reached, the rest of the floor (ICMP errors, neighbours, leases) does not.
    """
    found = (_reach(resolved, test) if test.reach else _not_reach(resolved, test) for test in resolved.tests)
    return tuple(one for one in found if one is not None)


def _reach(resolved: Resolved, test: ResolvedTest) -> FailedTest | None:
    rest = [Box(test.addresses, test.services)]
    for box in _open(resolved, test.user, most=False):
        rest = [piece for one in rest for piece in minus(one, box)]
    return FailedTest(test, *_witness(rest[0]), user=test.user) if rest else None


def _not_reach(resolved: Resolved, test: ResolvedTest) -> FailedTest | None:
    users = [test.user] if test.user is not None else [None, *_users(resolved)]
    for user in users:
        for box in [*_open(resolved, user, most=True), *_unknown(resolved, test)]:
            common = _common(box, Box(test.addresses, test.services))
            if common:
                return FailedTest(test, *_witness(common), by=box.by, user=user)
    return None


def _users(resolved: Resolved) -> list[str]:
    """Every user whom the policy names."""
    named = {user for entry in resolved.entries for user in entry.users or ()}
    return sorted(named | {user for never in resolved.never for user in never.except_users})


def _open(resolved: Resolved, user: str | None, *, most: bool) -> list[Box]:
    """What is open to a user, None being nobody in particular. most: whatever lists that others fill may hold, too."""
    never = [Box(one.addresses, one.services) for one in resolved.never if not is_one_of(user, one.except_users)]
    found = [
        Box(grant.addresses, grant.services, f"the entry {entry.name}")
        for entry in resolved.entries
        if entry.users is None or is_one_of(user, entry.users)
        for grant in (entry.most if most else entry.grants)
    ]
    for closed in never:
        found = [piece for box in found for piece in minus(box, closed)]
    return [*_servers(resolved), *found]


def _servers(resolved: Resolved) -> Iterable[Box]:
    """The named servers of the floor."""
    for part, servers, spoken in (("dns", resolved.dns, services.DNS), ("ntp", resolved.ntp, NTP)):
        if servers and part in resolved.floor:
            yield Box(servers, spoken, f"egress_{part}_servers")


def _unknown(resolved: Resolved, test: ResolvedTest) -> Iterable[Box]:
    """The name servers that only the host knows could be anywhere, so that no test of DNS alone can rule them out.

    A test of more than DNS is not about them.
    """
    if resolved.host_dns and "dns" in resolved.floor and test.services <= services.DNS:
        yield Box(test.addresses, services.DNS, "egress_dns_servers: [auto], which only the host knows")


def _common(left: Box, right: Box) -> Box:
    return Box(left.addresses & right.addresses, left.services & right.services, left.by)


def minus(box: Box, other: Box) -> list[Box]:
    """The box without another: the addresses outside it, and inside it the other services."""
    common = _common(box, other)
    if not common:
        return [box]
    pieces = (
        Box(box.addresses - other.addresses, box.services, box.by),
        Box(common.addresses, box.services - other.services, box.by),
    )
    return [piece for piece in pieces if piece]


def _witness(box: Box) -> tuple[str, str]:
    return str(box.addresses.first()), box.services.first()
