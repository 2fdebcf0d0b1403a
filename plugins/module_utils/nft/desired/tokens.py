# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nft's text, cut where nft would cut it: quotes, braces, state, elements.

In nft a quoted string ends at the next double quote; there is no escape (scanner.l, 0.9.8 to 1.1.3).
"""

from __future__ import annotations

import re
from typing import Iterator

_STATEMENT = re.compile(r"\b(?:counter|limit rate|quota|last|ct count)\b")
_PLAIN = re.compile(r"[A-Za-z_.][A-Za-z0-9_./-]*")
STATEMENTS = ("counter", "limit ", "quota ", "last", "ct count")
"""How a set's line begins that says what each of its elements counts or limits."""

QUOTED = re.compile(r'"[^"]*"')

# What a listing shows of a thing's life and not of its declaration. `nft -s` hides most of it, but 0.9.8 shows rule
# counters again once it listed a named one, and no version hides all.
_STATE = re.compile(
    r'("[^"]*")'
    r"|(?<=\bcounter) packets \d+ bytes \d+"
    r"|(?<=\blast) (?:used \S+|never)"
    r"|(?<=bytes) used \d+ [a-z]*bytes"
    r"|\s+expires \S+"
)


def plain(text: str) -> bool:
    """Whether nft reads the text as one word without quotes (scanner.l, "string"); 0.9.8 wants device names so."""
    return bool(_PLAIN.fullmatch(text))


def device(name: str) -> str:
    """Return the name of a network device as every nft reads it."""
    return name if plain(name) else f'"{name}"'


def without_state(text: str) -> str:
    """Return nft text without counters' values, used quotas, times left."""
    return _STATE.sub(lambda found: found.group(1) or "", text)


def without(element: str, statements: str) -> str:
    """Return a listed element without the statements that every element of its set has."""
    at = unquoted(element).find(f" {statements}") if statements else -1
    return element if at < 0 else element[:at] + element[at + 1 + len(statements) :]


def several(statements: str) -> bool:
    """Whether that is more than one statement."""
    return len(_STATEMENT.findall(statements)) > 1


def pieces(text: str) -> Iterator[tuple[bool, str]]:
    """Yield (quoted, piece) in order; a piece is a quoted string with its quotes or what is between two."""
    at = 0
    for found in QUOTED.finditer(text):
        if found.start() > at:
            yield False, text[at : found.start()]
        yield True, found.group()
        at = found.end()
    if at < len(text):
        yield False, text[at:]


def unquoted(text: str) -> str:
    """Return the text with every quoted string blanked, of the same length."""
    if '"' not in text:
        return text
    return QUOTED.sub(lambda found: '"' + " " * (len(found.group()) - 2) + '"', text)


def split_elements(text: str) -> list[str]:
    """Cut what is between the braces of an elements line at its commas."""
    if '"' not in text:
        return [element.strip() for element in text.split(",") if element.strip()]
    blank = unquoted(text)
    cuts = [-1, *(at for at, sign in enumerate(blank) if sign == ","), len(text)]
    found = [text[start + 1 : end].strip() for start, end in zip(cuts, cuts[1:])]
    return [element for element in found if element]


_OPTION = re.compile(r" (?:timeout|expires|comment|counter|quota|limit|last|ct count|:)(?= |$)")


def element_key(element: str) -> str:
    """Return the key of a listed element: what comes before its options and its data."""
    if " " not in element:
        return element
    found = _OPTION.search(unquoted(element))
    return element[: found.start()] if found else element
