# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and networks in nft's text, "10.0.0.0/8", as elements of a set, and back.

Reads what nft lists and the spellings that mean the same on every host (prefixes with host bits, upper-case IPv6).
Everything else (names of hosts, variables) raises UnknownLiteral: nft decides.
"""

from __future__ import annotations

from typing import Callable, Iterable

from ansible_collections.tidegate.nftables.plugins.module_utils import intervals

from .declaration import SetInfo
from .elements import CATCH_ALL, Element
from .errors import UnknownLiteral, UnsupportedSet
from .garbage_collection import without_gc

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))


def reader(info: SetInfo) -> Callable[[str], Element]:
    """Return a function from an element's text, without comment or timeout, to an Element of this set.

    Raises UnsupportedSet when the keys are not addresses.
    """
    version, size = _version(info), info.key_len

    def read(text: str) -> Element:
        text = text.strip()
        if text == "*":
            return Element(CATCH_ALL, CATCH_ALL)
        interval = intervals.parse_address(text, version)
        if interval is None:
            raise UnknownLiteral(f"{text!r} is not an IPv{version} address, network or range")
        first, last = interval
        if last < first:
            raise UnknownLiteral(f"{text!r} ends before it begins")
        if first != last and not info.is_interval:
            raise UnknownLiteral(f"{text!r} is an interval and the set has no flag interval")
        return Element(first.to_bytes(size, "big"), last.to_bytes(size, "big"))

    return read


@without_gc
def read_all(info: SetInfo, texts: Iterable[str]) -> list[Element]:
    """Return the element of each text."""
    return list(map(reader(info), texts))


def show(info: SetInfo, element: Element) -> str:
    """Return the element's key as nft lists it, without comment and timeout."""
    version = _version(info)
    if element.start == CATCH_ALL:
        return "*"
    return intervals.show(int.from_bytes(element.start, "big"), int.from_bytes(element.end, "big"), version)


def show_any(info: SetInfo, element: Element) -> str:
    """Return the same as show, or the bytes of the keys when they are not addresses."""
    try:
        return show(info, element)
    except UnsupportedSet:
        start, end = f"0x{element.start.hex()}", f"0x{element.end.hex()}"
        return start if start == end else f"{start}-{end}"


def element_text(info: SetInfo, element: Element) -> str:
    """Return one element as nft reads it: key, timeout, remaining time, comment."""
    words = [show(info, element)]
    if element.timeout is not None:
        words.append(f"timeout {duration(element.timeout)}")
    if element.expires is not None:
        words.append(f"expires {duration(element.expires)}")
    if element.comment is not None:
        words.append(f'comment "{element.comment}"')
    return " ".join(words)


def duration(milliseconds: int) -> str:
    """Return nft's text of a time: "1d2h", "90ms", "0s"."""
    text = ""
    for unit, size in _UNITS:
        count, milliseconds = divmod(milliseconds, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def _version(info: SetInfo) -> int:
    """Return the IP version of the keys. Raises UnsupportedSet when they are not addresses."""
    if not info.version:
        raise UnsupportedSet(f"{info} has keys other than addresses")
    return info.version
