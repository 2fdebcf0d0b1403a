# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of any firewall in one shape, as far as they are about new flows that leave the host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

FAMILIES = {
    "ip": AddressSet(v4=addresses.EVERYTHING.v4),
    "ip6": AddressSet(v6=addresses.EVERYTHING.v6),
    "inet": addresses.EVERYTHING,
}
"""What the tables of a family see."""

GOES = ("jump", "goto")


@dataclass(frozen=True)
class Match:
    """What a rule is about: every combination of these, under conditions (doubts) that this model has no words for.

    users: names or numbers, None for everybody. rule: the rule's own text, for what is accepted by it.
    """

    addresses: AddressSet = addresses.EVERYTHING
    services: ServiceSet = services.ANY
    users: frozenset[str] | None = None
    doubts: tuple[str, ...] = ()
    rule: str = ""

    def __bool__(self) -> bool:
        return bool(self.addresses) and bool(self.services) and self.users != frozenset()

    def __and__(self, other: Match) -> Match:
        users = self.users if other.users is None else other.users
        if self.users is not None and other.users is not None:
            users = self.users & other.users
        doubts = tuple(dict.fromkeys((*self.doubts, *other.doubts)))
        return Match(
            self.addresses & other.addresses, self.services & other.services, users, doubts, self.rule or other.rule
        )

    @property
    def sure(self) -> bool:
        """Whether every packet of these addresses and services is meant."""
        return not self.doubts and self.users is None

    def doubt(self, text: str) -> Match:
        """Return the same under one more condition."""
        return replace(self, doubts=tuple(dict.fromkeys((*self.doubts, text))))


@dataclass(frozen=True)
class Rule:
    """One rule, or one of its alternatives. verdict: accept, drop, jump, goto, return, or "" when it decides nothing.

    match: None when it is about no new flow that leaves the host, such as replies and loopback.
    """

    text: str
    match: Match | None
    verdict: str
    target: str = ""


@dataclass(frozen=True)
class Base:
    """A chain that the kernel calls. policy: accept or drop."""

    chain: str
    policy: str


@dataclass(frozen=True)
class Table:
    """A table of somebody else. where: its name or its file, for people; unread: why it could not be read whole."""

    where: str
    family: str
    chains: Mapping[str, tuple[Rule, ...]]
    bases: tuple[Base, ...] = ()
    unread: tuple[str, ...] = ()

    def asked(self) -> list[Rule]:
        """Return the rules that a packet from this host can come to."""
        waiting, found = [base.chain for base in self.bases], dict[str, tuple[Rule, ...]]()
        while waiting:
            chain = waiting.pop(0)
            if chain not in found:
                found[chain] = self.chains.get(chain, ())
                waiting += [rule.target for rule in found[chain] if rule.verdict in GOES]
        return [rule for rules in found.values() for rule in rules]
