# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of one chain: which stay, which go, and where the new ones come."""

from __future__ import annotations

from typing import Hashable

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.guard import rule_comment
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.model import Chain, Rule
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.references import References
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.rules import carry
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.sequence import common
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.transaction import Command, Steps, change


def plan_rules(
    steps: Steps, target: str, live: Chain | None, before: Chain | None, goal: Chain, gone: References
) -> None:
    """Bring a chain's rules to those wanted.

    live: the chain if it stays; before: the chain as it was, from which values are carried. As many rules as possible stay as
    they are; new ones are inserted before the next that stays (each insert lands right before it, so in natural order), the last
    are added at the end. A rule that stands elsewhere afterwards, or has to step aside, takes its counters along.
    """
    there = live.rules if live else ()
    labels: list[Hashable] = [at if gone.in_text(rule.canon) else rule.canon for at, rule in enumerate(there)]
    kept = common(labels, [rule.canon for rule in goal.rules])
    staying = {at for at, _other in kept}
    anchors = {other: there[at].handle for at, other in kept}
    spare: dict[str, list[Rule]] = {}
    for at, rule in enumerate(there if live else before.rules if before else ()):
        if live is None or at not in staying:
            spare.setdefault(rule.canon, []).append(rule)
    steps.rules_out += [
        Command(f"delete rule {target} {goal.name} handle {rule.handle}")
        for at, rule in enumerate(there)
        if at not in staying
    ]
    waiting: list[Command] = []
    for at, rule in enumerate(goal.rules):
        if at in anchors:
            place = f"insert rule {target} {goal.name} handle {anchors[at]} "
            steps.rules_in += [Command(place + command.text, command.where) for command in waiting]
            waiting = []
        else:
            waiting.append(Command(_text(steps, rule, spare, live, goal, gone), rule.where))
    steps.rules_in += [Command(f"add rule {target} {goal.name} {command.text}", command.where) for command in waiting]
    for rules in spare.values():
        for rule in rules:
            _change(steps, "delete", goal, rule)


def _text(
    steps: Steps, rule: Rule, spare: dict[str, list[Rule]], live: Chain | None, goal: Chain, gone: References
) -> str:
    """Return the text that makes a rule, and note the change."""
    if not spare.get(rule.canon):
        _change(steps, "add", goal, rule)
        return rule.text
    before = spare[rule.canon].pop(0)
    if live is not None:
        _change(steps, "recreate" if gone.in_text(rule.canon) else "move", goal, rule)
    return carry(rule.text, before.text)


def _change(steps: Steps, action: str, goal: Chain, rule: Rule) -> None:
    steps.changes.append(change(action, "rule", chain=goal.name, comment=rule_comment(rule.canon), text=rule.canon))
