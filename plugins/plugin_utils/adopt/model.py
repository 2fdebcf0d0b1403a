# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of any firewall in one shape, as far as they are about new flows that leave the host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

RuleVerdict = Literal["accept", "drop", "jump", "goto", "return", ""]
JUMPS = ("jump", "goto")


@dataclass(frozen=True)
class FlowSet:
    """Every combination of these addresses, services and users, under conditions that are not modelled (doubts).

    users: names or numbers, None for everybody. rule: the text of the rule that is about them.
    """

    addresses: AddressSet = addresses.EVERYTHING
    services: ServiceSet = services.ANY
    users: frozenset[str] | None = None
    doubts: tuple[str, ...] = ()
    rule: str = ""

    def __bool__(self) -> bool:
        return bool(self.addresses) and bool(self.services) and self.users != frozenset()

    def __and__(self, other: FlowSet) -> FlowSet:
        users = self.users if other.users is None else other.users
        if self.users is not None and other.users is not None:
            users = self.users & other.users
        doubts = tuple(dict.fromkeys((*self.doubts, *other.doubts)))
        return FlowSet(
            self.addresses & other.addresses, self.services & other.services, users, doubts, self.rule or other.rule
        )

    @property
    def certain(self) -> bool:
        """Whether every packet to these addresses and services is in it."""
        return not self.doubts and self.users is None

    def doubt(self, condition: str) -> FlowSet:
        """Return the same flows under one more condition that is not modelled."""
        return replace(self, doubts=tuple(dict.fromkeys((*self.doubts, condition))))


@dataclass(frozen=True)
class FirewallRule:
    """One rule, or one of its alternatives. verdict: "" when it decides nothing. target: of a jump or goto.

    flows: None when the rule is about no new flow that leaves the host, as those about replies and loopback.
    """

    text: str
    flows: FlowSet | None
    verdict: RuleVerdict
    target: str = ""


@dataclass(frozen=True)
class BaseChain:
    """A chain with a hook. policy: accept or drop."""

    chain: str
    policy: str


@dataclass(frozen=True)
class FirewallTable:
    """A table that tidegate does not manage. where: its name or file, for people. unread: what could not be read."""

    where: str
    family: str
    chains: Mapping[str, tuple[FirewallRule, ...]]
    bases: tuple[BaseChain, ...] = ()
    unread: tuple[str, ...] = ()

    def reachable_rules(self) -> list[FirewallRule]:
        """Return the rules that a packet from this host can come to."""
        waiting, reached = [base.chain for base in self.bases], dict[str, tuple[FirewallRule, ...]]()
        while waiting:
            chain = waiting.pop(0)
            if chain not in reached:
                reached[chain] = self.chains.get(chain, ())
                waiting += [rule.target for rule in reached[chain] if rule.verdict in JUMPS]
        return [rule for rules in reached.values() for rule in rules]
