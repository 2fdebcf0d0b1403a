# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of elements as the nft text that would do the same: for the log, for the diff, and for nft itself."""

from __future__ import annotations

from typing import Iterable, Sequence

from .change import Change
from .declaration import SetInfo
from .elements import Element
from .literals import show

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))


def duration(milliseconds: int) -> str:
    """nft's words for a time: "1d2h", "90ms", "0s"."""
    found = ""
    for unit, size in _UNITS:
        count, milliseconds = divmod(milliseconds, size)
        found += f"{count}{unit}" if count else ""
    return found or "0s"


def element_text(info: SetInfo, element: Element) -> str:
    """One element as nft reads it: key, timeout, time that is left, comment."""
    words = [show(info, element)]
    if element.timeout is not None:
        words.append(f"timeout {duration(element.timeout)}")
    if element.expires is not None:
        words.append(f"expires {duration(element.expires)}")
    if element.comment is not None:
        words.append(f'comment "{element.comment}"')
    return " ".join(words)


def transaction_text(changes: Iterable[Change]) -> str:
    """The commands for nft -f, in the order in which change_elements does them; "" when there is nothing to do.

    UnsupportedSet where this layer has no text for the set's types.
    """
    lines = []
    for change in changes:
        info = change.target
        place = f"{info.family} {info.table} {info.name}"
        lines += [f"flush set {place}"] if change.flush else []
        keys = [element._replace(timeout=None, expires=None, comment=None) for element in change.delete]
        lines += [
            f"{verb} element {place} {{ {_joined(info, given)} }}"
            for verb, given in (("delete", keys), ("add", change.add))
            if given
        ]
    return "".join(line + "\n" for line in lines)


def _joined(info: SetInfo, elements: Sequence[Element]) -> str:
    return ", ".join(element_text(info, element) for element in elements)
