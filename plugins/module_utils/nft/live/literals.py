# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements that are plain addresses, in nft's words without nft: lists of them can be long.

Only sets of one address a key and without state; everything else goes through the scratch table. For 100,000 intervals
that saves loading and listing them once, about two seconds.
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
    wanted: SetSpec, declaration: Sequence[str], version: int | None, before: Sequence[NftElement]
) -> tuple[NftElement, ...] | None:
    """Return the wanted elements as nft lists them, None when nft has to be asked.

    version: 4 or 6 for a set of such addresses. before: elements that are there, which nft would merge with those
    wanted.
    """
    flags = next((line[len("flags ") :].split(",") for line in declaration if line.startswith("flags ")), [])
    interval = "interval" in flags
    stateful = any(line.startswith(("timeout ", *tokens.STATEMENTS)) for line in declaration)
    if version is None or wanted.kind == "map" or stateful or {"timeout", "dynamic"} & set(flags):
        return None
    found = _read(wanted, version, interval=interval)
    if found is None:
        return None
    if wanted.mode != "remove" and interval and "auto-merge" in declaration:
        return _merged(found, version, before if wanted.mode == "add" else ())
    if interval and wanted.mode != "remove":
        _check_overlaps(found, version)
    texts = [(intervals.show(one.first, one.last, version), one.comment) for one in found]
    if len({key for key, _comment in texts}) != len(set(texts)):
        return None
    return tuple(NftElement(f"{key}{comment}", key, f"{key}{comment}") for key, comment in dict.fromkeys(texts))


def _read(wanted: SetSpec, version: int, *, interval: bool) -> list[_Literal] | None:
    found = []
    for element in wanted.elements or ():
        plain = _PLAIN.fullmatch(element.text)
        parsed = intervals.parse_address(plain.group(1), version) if plain and element.data is None else None
        if plain is None or parsed is None or (parsed[0] != parsed[1] and not interval) or _at_top(parsed[1], version):
            return None
        found.append(_Literal(*parsed, plain.group(2) or "", element.where))
    return found


def _at_top(last: int, version: int) -> bool:
    """Whether a range ends where all addresses do, which nft 0.9.8 lists as a range where newer ones say a network."""
    return last == (1 << (32 if version == 4 else 128)) - 1


def _merged(found: Sequence[_Literal], version: int, before: Sequence[NftElement]) -> tuple[NftElement, ...] | None:
    there = element_intervals.union(before)
    if there is None or (there.intervals and there.version != version) or any(one.comment for one in found):
        return None
    ranges = intervals.merged([*there.intervals, *((one.first, one.last) for one in found)])
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
            f"({previous.where}). Leave one out, or give the set auto_merge: true.",
        )
