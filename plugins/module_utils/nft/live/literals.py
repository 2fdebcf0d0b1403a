# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write plain addresses as nft lists them, without running nft.

Only for sets whose key is a single address and whose elements have no state; other sets go through the scratch table.
For 100,000 intervals this saves about two seconds of loading and listing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils import intervals
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import tokens
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import SetSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import bad_spec

from . import element_intervals
from .model import NftElement

_PLAIN = re.compile(r'([0-9A-Fa-f:./-]+)( comment "[^"]*")?')


@dataclass(frozen=True)
class _Literal:
    first: int
    last: int
    comment: str
    where: str


def canonical(
    spec: SetSpec, declaration: Sequence[str], version: int | None, before: Sequence[NftElement]
) -> tuple[NftElement, ...] | None:
    """Return the desired elements as nft lists them, None when only nft knows.

    version: 4 or 6 for a set of such addresses. before: live elements, which nft would merge with the desired ones.
    """
    flags = next((line[len("flags ") :].split(",") for line in declaration if line.startswith("flags ")), [])
    interval = "interval" in flags
    stateful = any(line.startswith(("timeout ", *tokens.STATEMENTS)) for line in declaration)
    if version is None or spec.kind == "map" or stateful or {"timeout", "dynamic"} & set(flags):
        return None
    literals = _read(spec, version, interval=interval)
    if literals is None:
        return None
    if spec.mode != "remove" and interval and "auto-merge" in declaration:
        return _merged(literals, version, before if spec.mode == "add" else ())
    if interval and spec.mode != "remove":
        _check_overlaps(literals, version)
    texts = [(intervals.show(literal.first, literal.last, version), literal.comment) for literal in literals]
    if len({key for key, _comment in texts}) != len(set(texts)):
        return None
    return tuple(NftElement(f"{key}{comment}", key, f"{key}{comment}") for key, comment in dict.fromkeys(texts))


def _read(spec: SetSpec, version: int, *, interval: bool) -> list[_Literal] | None:
    literals = []
    for element in spec.elements or ():
        plain = _PLAIN.fullmatch(element.text)
        parsed = intervals.parse_address(plain.group(1), version) if plain and element.data is None else None
        if plain is None or parsed is None or (parsed[0] != parsed[1] and not interval) or _at_top(parsed[1], version):
            return None
        literals.append(_Literal(*parsed, plain.group(2) or "", element.where))
    return literals


def _at_top(last: int, version: int) -> bool:
    """Whether a range ends at the highest address; nft 0.9.8 lists it as a range, later versions as a network."""
    return last == (1 << (32 if version == 4 else 128)) - 1


def _merged(literals: Sequence[_Literal], version: int, before: Sequence[NftElement]) -> tuple[NftElement, ...] | None:
    union = element_intervals.union(before)
    if union is None or (union.intervals and union.version != version) or any(literal.comment for literal in literals):
        return None
    ranges = intervals.merged([*union.intervals, *((literal.first, literal.last) for literal in literals)])
    if any(_at_top(last, version) for _first, last in ranges):
        return None
    texts = intervals.IntervalSet(version, tuple(ranges)).texts()
    return tuple(NftElement(text, text, text) for text in texts)


def _check_overlaps(literals: Sequence[_Literal], version: int) -> None:
    """Raise when two intervals overlap and are not the same; nft rejects them without naming the two."""
    distinct = {(literal.first, literal.last): literal for literal in literals}
    keys = sorted(distinct)
    index = intervals.first_overlap([first for first, _last in keys], [last for _first, last in keys])
    if index is not None:
        previous, literal = distinct[keys[index]], distinct[keys[index + 1]]
        raise bad_spec(
            literal.where,
            f"{intervals.show(*keys[index + 1], version)} overlaps {intervals.show(*keys[index], version)} "
            f"({previous.where}). Fix: remove one of them, or set auto_merge: true for the set.",
        )
