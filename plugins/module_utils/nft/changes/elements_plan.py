# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan the elements of a set: deleted, added, and moved aside for the objects that they refer to."""

from __future__ import annotations

from dataclasses import replace
from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import tokens
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live import element_intervals, render
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftElement, NftSet
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.references import References

from .transaction import SAMPLE, Action, Command, ElementsChange, Steps, change_record

LINE_LENGTH = 100

SLOW = 500_000
"""Product of elements and deletions of an interval set above which emptying and filling it is faster.

nft 1.0.6 takes 17 to 44 s for 100 deletions from 100,000 intervals, about 1 s for emptying and filling (measured).
"""


def plan_elements(
    steps: Steps, target: str, live: NftSet, desired: NftSet, references: References, *, refill: bool
) -> None:
    """Plan the changes from the live to the desired elements of a set that stays; deletions come first.

    refill: for an nft that ignores deletions when it searches for overlaps in the same transaction (0.9.8): a set of
    intervals that loses and gains elements is emptied and filled again, with the state of its elements. So is a map
    that loses its very last value: nft 1.0.6 and 1.1.3 report success for that deletion and keep the element.
    """
    desired_canons = {element.canon for element in desired.elements}
    by_canon = {element.canon: element for element in live.elements}
    aside = [
        element for element in live.elements if element.canon in desired_canons and references.in_text(element.canon)
    ]
    removed = [element for element in live.elements if element.canon not in desired_canons]
    added = [element for element in desired.elements if element.canon not in by_canon]
    slow = len(removed) * len(live.elements) > SLOW
    kept = live.kind == "map" and any(element_intervals.is_last(element) for element in removed)
    if live.has("interval") and removed and (slow or kept or (refill and added)):
        steps.elements_out.append(Command(f"flush {live.kind} {target} {live.name}"))
        elements = [by_canon.get(element.canon, element) for element in desired.elements]
        steps.elements_in.append(_add(target, desired, elements))
    else:
        if removed or aside:
            keys = [element.key for element in sorted([*removed, *aside], key=element_intervals.order)]
            phase = steps.elements_out if added or aside else steps.elements_last
            phase.append(_command("delete", target, desired, keys))
        if added or aside:
            phase = steps.elements_in if removed or aside or live.kind == "map" else steps.elements_first
            phase.append(_add(target, desired, [*aside, *added]))
    if (removed or added) and not aside:
        steps.changed_elements.append(
            ElementsChange(
                live.name,
                tuple((element.key, element.canon) for element in removed),
                tuple((element.key, element.text) for element in added),
            )
        )
    _change(steps, "delete", desired, removed)
    _change(steps, "recreate", desired, aside)
    _change(steps, "add", desired, added)


def empty(steps: Steps, target: str, live: NftSet) -> None:
    """Empty an interval set that is deleted, so that nft does not compare its elements with those of its successor."""
    if live.has("interval"):
        steps.elements_out.append(Command(f"flush {live.kind} {target} {live.name}"))


def fill(steps: Steps, target: str, desired: NftSet, before: NftSet | None) -> None:
    """Create a set and add its elements; elements that it had keep their times and counters.

    The time that is left of another timeout of the set begins anew.
    """
    by_canon = {element.canon: element for element in before.elements} if before else {}
    anew = before is not None and before.timeout != desired.timeout
    elements = [
        replace(element, text=_kept(by_canon[element.canon].text, anew=anew)) if element.canon in by_canon else element
        for element in desired.elements
    ]
    lines = list(desired.text)
    if catches_all(desired):
        lines.append(f"elements = {{ {', '.join(_sent(element, desired) for element in elements)} }}")
    elif elements:
        steps.elements_in.append(_add(target, desired, elements))
    declaration = f"add {desired.kind} {target} {desired.name} {render.block(lines)}"
    steps.sets_in.append(Command(declaration, desired.where))
    _change(steps, "add", desired, [element for element in desired.elements if element.canon not in by_canon])
    desired_canons = {element.canon for element in desired.elements}
    _change(
        steps,
        "delete",
        desired,
        [element for element in (before.elements if before else ()) if element.canon not in desired_canons],
    )


def _kept(text: str, *, anew: bool) -> str:
    return tokens.without_time_left(text) if anew and " timeout " not in tokens.unquoted(text) else text


def _change(steps: Steps, action: Action, desired: NftSet, elements: Sequence[NftElement]) -> None:
    if elements:
        sample = [element.canon for element in sorted(elements, key=element_intervals.order)[:SAMPLE]]
        steps.changes.append(change_record(action, "element", set=desired.name, count=len(elements), sample=sample))


def catches_all(nft_set: NftSet) -> bool:
    """Whether a set of intervals has a catch-all element.

    nft 1.0.6 crashes when an element is added to such a set, or a catch-all element to an existing set.
    """
    return nft_set.has("interval") and any(element.key == "*" for element in nft_set.elements)


def _add(target: str, desired: NftSet, elements: Sequence[NftElement]) -> Command:
    return _command(
        "add", target, desired, [_sent(element, desired) for element in sorted(elements, key=element_intervals.order)]
    )


def _sent(element: NftElement, desired: NftSet) -> str:
    """Return the text that adds an element. nft 1.0.6 reads only one statement; those of the set are implied."""
    if tokens.has_several(desired.statements):
        return tokens.without(element.canon, desired.statements)
    return element.text


def _command(verb: str, target: str, desired: NftSet, texts: Sequence[str]) -> Command:
    start = f"{verb} element {target} {desired.name}"
    line = f"{start} {{ {', '.join(texts)} }}" if sum(map(len, texts[:20])) < LINE_LENGTH else ""
    if line and len(line) <= LINE_LENGTH * 2:
        return Command(line, desired.where)
    return Command("\n".join([f"{start} {{", *(f"\t{text}," for text in texts), "}"]), desired.where)
