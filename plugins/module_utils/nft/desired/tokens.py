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
"""How the line of a set begins that declares the statements of its elements."""

QUOTED = re.compile(r'"[^"]*"')

# What a listing shows beside the declaration. `nft -s` hides most of it, but 0.9.8 shows the counters of rules again
# after it listed a named counter, and no version hides all.
_STATE = re.compile(
    r'("[^"]*")'
    r"|(?<=\bcounter) packets \d+ bytes \d+"
    r"|(?<=\blast) (?:used \S+|never)"
    r"|(?<=bytes) used \d+ [a-z]*bytes"
    r"|\s+expires \S+"
)


# One element in braces that is a range, a network or a prefix of names. What jumps, maps and joins has blanks inside.
_MERGED = re.compile(r'("[^"]*")|\{ ((?:[^\s{}",;]*[-/][^\s{}",;]*|"[^"]*\*"|"[^"]*"-"[^"]*")) \}')

_TIME_LEFT = re.compile(r'("[^"]*")|\s+expires \S+')


def declared_key(line: str) -> str:
    """Return the key of a line of a set's declaration: its first word; "type" for typeof, "statements" for any."""
    word = "statements" if line.startswith(STATEMENTS) else line.partition(" ")[0]
    return "type" if word == "typeof" else word


def plain(text: str) -> bool:
    """Whether nft reads the text as one word without quotes (scanner.l, "string"); 0.9.8 reads device names only so."""
    return bool(_PLAIN.fullmatch(text))


def device(name: str) -> str:
    """Return the name of a network device as every nft reads it."""
    return name if plain(name) else f'"{name}"'


def without_state(text: str) -> str:
    """Return nft text without values of counters, used quotas and remaining times."""
    return _STATE.sub(lambda match: match.group(1) or "", text)


def as_read(text: str) -> str:
    """Return a listed rule as nft reads it: a set whose elements it merged into a single one is that element."""
    return _MERGED.sub(lambda match: match.group(match.lastindex or 0), text) if "{ " in text else text


def without_time_left(element: str) -> str:
    """Return a listed element without the time after which it goes."""
    return _TIME_LEFT.sub(lambda match: match.group(1) or "", element)


def without(element: str, statements: str) -> str:
    """Return a listed element without the statements that its set declares for every element."""
    at = unquoted(element).find(f" {statements}") if statements else -1
    return element if at < 0 else element[:at] + element[at + 1 + len(statements) :]


def has_several(statements: str) -> bool:
    """Whether the text holds more than one statement."""
    return len(_STATEMENT.findall(statements)) > 1


def pieces(text: str) -> Iterator[tuple[bool, str]]:
    """Yield (quoted, piece) in order; a piece is a quoted string with its quotes or the text between two of them."""
    at = 0
    for match in QUOTED.finditer(text):
        if match.start() > at:
            yield False, text[at : match.start()]
        yield True, match.group()
        at = match.end()
    if at < len(text):
        yield False, text[at:]


def unquoted(text: str) -> str:
    """Return the text with every quoted string blanked, of the same length."""
    if '"' not in text:
        return text
    return QUOTED.sub(lambda match: '"' + " " * (len(match.group()) - 2) + '"', text)


def split_elements(text: str) -> list[str]:
    """Return the elements in the text between the braces of an elements line."""
    if '"' not in text:
        return [element.strip() for element in text.split(",") if element.strip()]
    blank = unquoted(text)
    cuts = [-1, *(at for at, mark in enumerate(blank) if mark == ","), len(text)]
    parts = [text[start + 1 : end].strip() for start, end in zip(cuts, cuts[1:])]
    return [element for element in parts if element]


_OPTION = re.compile(r" (?:timeout|expires|comment|counter|quota|limit|last|ct count|:)(?= |$)")


def element_key(element: str) -> str:
    """Return the key of a listed element: the text before its options and its data."""
    if " " not in element:
        return element
    match = _OPTION.search(unquoted(element))
    return element[: match.start()] if match else element
