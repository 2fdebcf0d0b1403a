# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which flows pass a chain: exact for what the model has words for, and never too much for the rest.

What a rule accepts is not taken out of what later rules are asked about: that something else would have accepted it as
well, or refused it, makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses

from .model import FAMILIES, Base, Match, Rule, Table

DEEPEST = 32
"""Chains below chains; the kernel allows 16 (NFT_JUMP_STACK_SIZE)."""


@dataclass
class Walk:
    """One way through a table's chains. told: rules whose conditions made the result narrower than the rules are."""

    chains: Mapping[str, tuple[Rule, ...]]
    accepted: list[Match] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def through(self, chain: str, incoming: list[Match], depth: int = 0) -> list[Match]:
        """Return what leaves a chain at its end or by return."""
        remaining, returned = incoming, list[Match]()
        for rule in self.chains.get(chain, ()) if depth < DEEPEST else ():
            if rule.match is None or not rule.verdict:
                continue
            hits = [(one, one & rule.match) for one in remaining]
            hits = [(one, hit) for one, hit in hits if hit]
            if not hits:
                continue
            if rule.verdict == "accept":
                self.accepted += [replace(hit, rule=rule.text) for _one, hit in hits]
            elif rule.verdict == "jump":
                remaining = [*minus(remaining, rule.match), *self._jump(rule, hits, depth)]
            else:
                remaining = minus(remaining, rule.match)
                returned += self._leave(rule, [hit for _one, hit in hits], depth)
        return [*remaining, *returned]

    def _jump(self, rule: Rule, hits: list[tuple[Match, Match]], depth: int) -> list[Match]:
        """Return what goes on behind a jump: what came back, and what did not fit the jump's own conditions."""
        return [
            replace(back, users=one.users, doubts=one.doubts)
            for one, hit in hits
            for back in self.through(rule.target, [hit], depth + 1)
        ]

    def _leave(self, rule: Rule, hits: list[Match], depth: int) -> list[Match]:
        """Return what is left to the calling chain. Where it is in doubt who leaves, nobody passes."""
        if not (rule.match and rule.match.sure):
            self.told.append(rule.text)
        if rule.verdict == "goto":
            back = self.through(rule.target, hits, depth + 1)
            return back if rule.match and rule.match.sure else []
        return hits if rule.verdict == "return" and rule.match and rule.match.sure else []


def minus(found: Iterable[Match], taken: Match) -> list[Match]:
    """Return what is left without all of another's addresses and services, whoever they are from."""
    rest = []
    for one in found:
        common = one & replace(taken, users=None, doubts=())
        if not common:
            rest.append(one)
            continue
        rest.append(replace(one, addresses=one.addresses - taken.addresses))
        rest.append(replace(one, addresses=common.addresses, services=one.services - taken.services))
    return [one for one in rest if one]


def passing(table: Table, base: Base) -> tuple[list[Match], list[str]]:
    """Return what passes one chain that the kernel calls, and the rules that made this narrower than it is."""
    seen = FAMILIES[table.family]
    walk = Walk(table.chains)
    end = walk.through(base.chain, [Match(seen)])
    policy = f"the policy accept of {table.where}, chain {base.chain}"
    accepted = [*walk.accepted, *(replace(one, rule=policy) for one in end if base.policy == "accept")]
    unseen = addresses.EVERYTHING - seen
    if unseen:
        accepted.append(Match(unseen, rule=f"{table.where}, which is not about it"))
    return accepted, walk.told


def both(left: list[Match], right: list[Match]) -> list[Match]:
    """Return what passes two chains, one after the other."""
    found = (replace(one & other, rule=_by(one, other)) for one in left for other in right)
    return [one for one in found if one]


def whole(one: Match) -> bool:
    """Whether it is every service of every address of IPv4 or of IPv6, for everybody."""
    v4, v6 = (one.addresses & FAMILIES[family] == FAMILIES[family] for family in ("ip", "ip6"))
    return one.sure and one.services == Match().services and (v4 or v6)


def _by(left: Match, right: Match) -> str:
    """Name the rule that says more: that something else lets everything through says nothing."""
    if whole(right) or left.rule == right.rule:
        return left.rule
    return right.rule if whole(left) else f"{left.rule}; {right.rule}"
