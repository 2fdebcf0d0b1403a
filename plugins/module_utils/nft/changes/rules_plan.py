# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan the rules of a chain: which stay, which are deleted, and where new ones are inserted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Hashable

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import tokens
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.validate import rule_comment
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftChain, NftRule
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.references import References

from .rules import carry
from .sequence import common
from .transaction import Action, Command, Steps, change_record


@dataclass(frozen=True)
class ChainChange:
    """The change of a chain. live: None when it is created anew. before: as it was. references: deleted objects."""

    target: str
    live: NftChain | None
    before: NftChain | None
    desired: NftChain
    references: References

    def rule(self, verb: str, rest: str) -> str:
        return f"{verb} rule {self.target} {self.desired.name} {rest}"


def plan_rules(steps: Steps, chain_change: ChainChange) -> None:
    """Plan the changes from the live to the desired rules of a chain.

    As many rules as possible stay; in a chain that others own, all of theirs do. New rules are inserted before the next
    rule that stays (each insert lands right before it, so in natural order), the last ones are added at the end. A rule
    that is moved, or moved aside, keeps its counters.
    """
    live_rules = chain_change.live.rules if chain_change.live else ()
    others = any(rule.handle is not None for rule in chain_change.desired.rules)
    labels: list[Hashable] = [
        at if chain_change.references.in_text(rule.canon) else (rule.canon, rule.handle if others else None)
        for at, rule in enumerate(live_rules)
    ]
    kept = common(labels, [(rule.canon, rule.handle) for rule in chain_change.desired.rules])
    staying = {at for at, _other in kept}
    anchors = {desired_index: live_rules[at].handle for at, desired_index in kept}
    leaving = [rule for at, rule in enumerate(live_rules) if at not in staying]
    steps.rules_out += [Command(chain_change.rule("delete", f"handle {rule.handle}")) for rule in leaving]
    spare: dict[str, list[NftRule]] = {}
    for rule in leaving if chain_change.live else chain_change.before.rules if chain_change.before else ():
        spare.setdefault(rule.canon, []).append(rule)
    waiting: list[Command] = []
    for at, rule in enumerate(chain_change.desired.rules):
        if at not in anchors:
            waiting.append(Command(_text(steps, chain_change, rule, spare), rule.where))
            continue
        steps.rules_in += [
            Command(chain_change.rule("insert", f"handle {anchors[at]} {command.text}"), command.where)
            for command in waiting
        ]
        waiting = []
    steps.rules_in += [Command(chain_change.rule("add", command.text), command.where) for command in waiting]
    for rules in spare.values():
        for rule in rules:
            _change(steps, "delete", chain_change.desired, rule)


def _text(steps: Steps, chain_change: ChainChange, rule: NftRule, spare: dict[str, list[NftRule]]) -> str:
    """Return the text that creates a rule, and report the change."""
    if rule.handle is not None:
        steps.borrowed.append((chain_change.desired.name, rule.canon, rule.text))
    elif tokens.as_read(rule.text) != rule.canon:
        steps.respelled.append((chain_change.desired.name, rule.canon, rule.where))
    if not spare.get(rule.canon):
        _change(steps, "add", chain_change.desired, rule)
        return rule.text
    before = spare[rule.canon].pop(0)
    if chain_change.live is not None:
        _change(
            steps, "recreate" if chain_change.references.in_text(rule.canon) else "move", chain_change.desired, rule
        )
    return carry(rule.text, before.text)


def _change(steps: Steps, action: Action, chain: NftChain, rule: NftRule) -> None:
    steps.changes.append(
        change_record(action, "rule", chain=chain.name, comment=rule_comment(rule.canon), text=rule.canon)
    )
