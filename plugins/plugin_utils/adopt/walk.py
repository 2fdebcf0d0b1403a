# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which flows pass a chain: exact for what the model covers, and never too much for the rest.

What a rule accepts is not taken out of what later rules are asked about: it makes no difference that a later rule would
have accepted or rejected it as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.algebra import FAMILIES
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses

from .model import BaseChain, FirewallRule, FirewallTable, FlowSet

DEEPEST = 32
"""Chains below chains; the kernel allows 16 (NFT_JUMP_STACK_SIZE)."""


@dataclass
class AcceptedFlows:
    """What a walk through a table's chains accepts. narrowed: rules whose doubts made it narrower than they are."""

    chains: Mapping[str, tuple[FirewallRule, ...]]
    accepted: list[FlowSet] = field(default_factory=list)
    narrowed: list[str] = field(default_factory=list)

    def walk(self, chain: str, incoming: list[FlowSet], depth: int = 0) -> list[FlowSet]:
        """Return what leaves a chain at its end or by return."""
        remaining, returned = incoming, list[FlowSet]()
        for rule in self.chains.get(chain, ()) if depth < DEEPEST else ():
            if rule.flows is None or not rule.verdict:
                continue
            pairs = [(flows, fitting) for flows in remaining if (fitting := flows & rule.flows)]
            if not pairs:
                continue
            fitting_flows = [fitting for _flows, fitting in pairs]
            if rule.verdict == "accept":
                self.accepted += [replace(fitting, rule=rule.text) for fitting in fitting_flows]
            elif rule.verdict == "jump":
                remaining = [*without(remaining, rule.flows), *self._jump(rule, pairs, depth)]
            else:
                remaining = without(remaining, rule.flows)
                returned += self._leave(rule, fitting_flows, depth)
        return [*remaining, *returned]

    def _jump(self, rule: FirewallRule, pairs: list[tuple[FlowSet, FlowSet]], depth: int) -> list[FlowSet]:
        """Return what goes on behind a jump: what came back, and what did not fit the jump's own conditions."""
        return [
            replace(back, users=flows.users, doubts=flows.doubts)
            for flows, fitting in pairs
            for back in self.walk(rule.target, [fitting], depth + 1)
        ]

    def _leave(self, rule: FirewallRule, fitting: list[FlowSet], depth: int) -> list[FlowSet]:
        """Return what is left to the calling chain. Where it is in doubt what leaves, nothing passes."""
        certain = rule.flows is not None and rule.flows.certain
        if not certain:
            self.narrowed.append(rule.text)
        if rule.verdict == "goto":
            back = self.walk(rule.target, fitting, depth + 1)
            return back if certain else []
        return fitting if rule.verdict == "return" and certain else []


def without(flow_sets: Iterable[FlowSet], removed: FlowSet) -> list[FlowSet]:
    """Return what is left without all addresses and services of another, whoever sends it."""
    rest = []
    for flows in flow_sets:
        common = flows & replace(removed, users=None, doubts=())
        if not common:
            rest.append(flows)
            continue
        rest.append(replace(flows, addresses=flows.addresses - removed.addresses))
        rest.append(replace(flows, addresses=common.addresses, services=flows.services - removed.services))
    return [flows for flows in rest if flows]


def accepted_flows(table: FirewallTable, base: BaseChain) -> tuple[list[FlowSet], list[str]]:
    """Return what passes a chain with a hook, and the rules that made this narrower than they are."""
    seen = FAMILIES[table.family]
    result = AcceptedFlows(table.chains)
    at_end = result.walk(base.chain, [FlowSet(seen)])
    policy = f"the policy accept of {table.where}, chain {base.chain}"
    accepted = [*result.accepted, *(replace(flows, rule=policy) for flows in at_end if base.policy == "accept")]
    if unseen := addresses.EVERYTHING - seen:
        accepted.append(FlowSet(unseen, rule=f"{table.where}, which does not filter it"))
    return accepted, result.narrowed


def through_both(first: list[FlowSet], second: list[FlowSet]) -> list[FlowSet]:
    """Return what passes two chains, one after the other."""
    pairs = (replace(left & right, rule=_deciding_rule(left, right)) for left in first for right in second)
    return [flows for flows in pairs if flows]


def is_everything(flows: FlowSet) -> bool:
    """Return whether it is every service of every address of IPv4 or of IPv6, for everybody."""
    whole_family = any(flows.addresses & FAMILIES[family] == FAMILIES[family] for family in ("ip", "ip6"))
    return flows.certain and flows.services == FlowSet().services and whole_family


def _deciding_rule(first: FlowSet, second: FlowSet) -> str:
    """Return the rule that says more: that another one accepts everything says nothing."""
    if is_everything(second) or first.rule == second.rule:
        return first.rule
    return second.rule if is_everything(first) else f"{first.rule}; {second.rule}"
