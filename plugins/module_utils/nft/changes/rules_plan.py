# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of one chain: which stay, which go, and where the new ones come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Hashable

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.validate import rule_comment
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftChain, NftRule
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.references import References

from .rules import carry
from .sequence import common
from .transaction import Command, Steps, change_record


@dataclass(frozen=True)
class ChainChange:
    """A chain on its way: as it stays (None: made anew), as it was, as it shall be."""

    target: str
    live: NftChain | None
    before: NftChain | None
    goal: NftChain
    gone: References

    def rule(self, verb: str, rest: str) -> str:
        return f"{verb} rule {self.target} {self.goal.name} {rest}"


def plan_rules(steps: Steps, way: ChainChange) -> None:
    """Bring a chain's rules to those wanted.

    As many rules as possible stay as they are. New ones are inserted before the next that stays (each insert lands
    right before it, so in natural order), the last are added at the end. A rule that stands elsewhere afterwards, or
    has to step aside, takes its counters along.
    """
    there = way.live.rules if way.live else ()
    labels: list[Hashable] = [at if way.gone.in_text(rule.canon) else rule.canon for at, rule in enumerate(there)]
    kept = common(labels, [rule.canon for rule in way.goal.rules])
    staying = {at for at, _other in kept}
    anchors = {other: there[at].handle for at, other in kept}
    leaving = [rule for at, rule in enumerate(there) if at not in staying]
    steps.rules_out += [Command(way.rule("delete", f"handle {rule.handle}")) for rule in leaving]
    spare: dict[str, list[NftRule]] = {}
    for rule in leaving if way.live else way.before.rules if way.before else ():
        spare.setdefault(rule.canon, []).append(rule)
    waiting: list[Command] = []
    for at, rule in enumerate(way.goal.rules):
        if at not in anchors:
            waiting.append(Command(_text(steps, way, rule, spare), rule.where))
            continue
        steps.rules_in += [
            Command(way.rule("insert", f"handle {anchors[at]} {command.text}"), command.where) for command in waiting
        ]
        waiting = []
    steps.rules_in += [Command(way.rule("add", command.text), command.where) for command in waiting]
    for rules in spare.values():
        for rule in rules:
            _change(steps, "delete", way.goal, rule)


def _text(steps: Steps, way: ChainChange, rule: NftRule, spare: dict[str, list[NftRule]]) -> str:
    """Return the text that makes a rule, and note the change."""
    if rule.handle is not None:
        steps.borrowed.append((way.goal.name, rule.canon, rule.text))
    if not spare.get(rule.canon):
        _change(steps, "add", way.goal, rule)
        return rule.text
    before = spare[rule.canon].pop(0)
    if way.live is not None:
        _change(steps, "recreate" if way.gone.in_text(rule.canon) else "move", way.goal, rule)
    return carry(rule.text, before.text)


def _change(steps: Steps, action: str, goal: NftChain, rule: NftRule) -> None:
    steps.changes.append(
        change_record(action, "rule", chain=goal.name, comment=rule_comment(rule.canon), text=rule.canon)
    )
