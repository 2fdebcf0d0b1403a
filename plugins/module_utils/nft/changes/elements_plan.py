# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The elements of one set: what goes, what comes, what steps aside."""

from __future__ import annotations

from dataclasses import replace
from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import tokens
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live import element_intervals, render
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftElement, NftSet
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.references import References

from .transaction import SAMPLE, Command, ElementsChange, Steps, change_record

LINE_LENGTH = 100

SLOW = 500_000
"""Elements times deletions of an interval set above which emptying and filling it in the same transaction is faster.

nft 1.0.6 takes 17 to 44 s for 100 deletions from 100,000 intervals, about 1 s for emptying and filling (measured).
"""


def plan_elements(steps: Steps, target: str, live: NftSet, goal: NftSet, gone: References, *, refill: bool) -> None:
    """Bring the elements of a set that stays to those wanted; deletions come first.

    refill: for an nft that does not see a deletion when it looks for overlaps in the same transaction (0.9.8 does not):
    intervals that go and come are changed by emptying and filling the set, with the state its elements have.
    """
    wanted = {element.canon for element in goal.elements}
    there = {element.canon: element for element in live.elements}
    aside = [element for element in live.elements if element.canon in wanted and gone.in_text(element.canon)]
    out = [element for element in live.elements if element.canon not in wanted]
    new = [element for element in goal.elements if element.canon not in there]
    slow = len(out) * len(live.elements) > SLOW
    if live.has("interval") and out and (slow or (refill and new)):
        steps.elements_out.append(Command(f"flush {live.kind} {target} {live.name}"))
        whole = [there.get(element.canon, element) for element in goal.elements]
        steps.elements_in.append(_add(target, goal, whole))
    else:
        if out or aside:
            keys = [element.key for element in sorted([*out, *aside], key=element_intervals.order)]
            going = steps.elements_out if new or aside else steps.elements_last
            going.append(_command("delete", target, goal, keys))
        if new or aside:
            coming = steps.elements_in if out or aside or live.kind == "map" else steps.elements_first
            coming.append(_add(target, goal, [*aside, *new]))
    if (out or new) and not aside:
        steps.changed_elements.append(
            ElementsChange(
                live.name,
                tuple((element.key, element.canon) for element in out),
                tuple((element.key, element.text) for element in new),
            )
        )
    for action, changed in (("delete", out), ("recreate", aside), ("add", new)):
        _change(steps, action, goal, changed)


def empty(steps: Steps, target: str, live: NftSet) -> None:
    """Empty an interval set that goes, so that nft does not compare its elements with those of its successor."""
    if live.has("interval"):
        steps.elements_out.append(Command(f"flush {live.kind} {target} {live.name}"))


def fill(steps: Steps, target: str, goal: NftSet, before: NftSet | None) -> None:
    """Make a set and give it its elements, those that it had with the time and counts they had."""
    there = {element.canon: element for element in before.elements} if before else {}
    elements = [
        replace(element, text=there[element.canon].text) if element.canon in there else element
        for element in goal.elements
    ]
    declared = list(goal.text)
    if catches_all(goal):
        declared.append(f"elements = {{ {', '.join(_sent(element, goal) for element in elements)} }}")
    elif elements:
        steps.elements_in.append(_add(target, goal, elements))
    declaration = f"add {goal.kind} {target} {goal.name} {render.block(declared)}"
    steps.sets_in.append(Command(declaration, goal.where))
    _change(steps, "add", goal, [element for element in goal.elements if element.canon not in there])
    wanted = {element.canon for element in goal.elements}
    _change(
        steps,
        "delete",
        goal,
        [element for element in (before.elements if before else ()) if element.canon not in wanted],
    )


def _change(steps: Steps, action: str, goal: NftSet, elements: Sequence[NftElement]) -> None:
    if elements:
        sample = [element.canon for element in sorted(elements, key=element_intervals.order)[:SAMPLE]]
        steps.changes.append(change_record(action, "element", set=goal.name, count=len(elements), sample=sample))


def catches_all(found: NftSet) -> bool:
    """Whether a set of intervals has an element for everything else.

    nft 1.0.6 crashes when something is added to such a set, or that element to a set that is there.
    """
    return found.has("interval") and any(element.key == "*" for element in found.elements)


def _add(target: str, goal: NftSet, elements: Sequence[NftElement]) -> Command:
    return _command(
        "add", target, goal, [_sent(element, goal) for element in sorted(elements, key=element_intervals.order)]
    )


def _sent(element: NftElement, goal: NftSet) -> str:
    """Return what to add. nft 1.0.6 cannot read several statements of one element; those of its set it gets anyway."""
    if tokens.has_several(goal.statements):
        return tokens.without(element.canon, goal.statements)
    return element.text


def _command(verb: str, target: str, goal: NftSet, texts: Sequence[str]) -> Command:
    start = f"{verb} element {target} {goal.name}"
    line = f"{start} {{ {', '.join(texts)} }}" if sum(map(len, texts[:20])) < LINE_LENGTH else ""
    if line and len(line) <= LINE_LENGTH * 2:
        return Command(line, goal.where)
    return Command("\n".join([f"{start} {{", *(f"\t{text}," for text in texts), "}"]), goal.where)
